//! The view model of the settings.

use std::path::Path;

use ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier};
use tokio::sync::watch;

use super::{About, AccountState, DeviceRow, Notifications, SettingsAction, SettingsState};
use crate::{
    calls::CALLS,
    core::Shared,
    failure::{self, Doing},
    ids::{OwnedDeviceId, UserId},
    notice::Notice,
    rooms::actions,
    session::{Session, SessionState},
    view::{
        Avatar, Pending,
        handle::{self, Driver, Handle, update},
    },
};

/// The settings. Cheap to clone. One-shot effects are notices to show.
pub type SettingsViewModel = Handle<SettingsState, SettingsAction, Notice>;

/// Key of [`Appearance`] in the profile's settings.
pub const APPEARANCE: &str = "appearance";
/// Key of [`Notifications`] in the profile's settings.
pub const NOTIFICATIONS: &str = "notifications";
/// The largest picture taken for an avatar, bytes.
const LARGEST_AVATAR: u64 = 10 * 1024 * 1024;

pub(crate) fn start(shared: &Shared) -> SettingsViewModel {
    let (handle, driver) = handle::pair(initial(shared));
    let model = Model {
        shared: shared.clone(),
        driver,
    };
    shared.tasks.detach("settings", model.run());
    handle
}

fn initial(shared: &Shared) -> SettingsState {
    SettingsState {
        account: nobody(),
        devices: Vec::new(),
        devices_pending: Pending::Idle,
        appearance: shared.store.setting(APPEARANCE).unwrap_or_default(),
        notifications: shared.store.setting(NOTIFICATIONS).unwrap_or_default(),
        calls: shared.store.setting(CALLS).unwrap_or_default(),
        ignored: Vec::new(),
        own_server: shared.own_server.details(),
        own_server_pending: Pending::Idle,
        about: About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: shared.config.profile.data.display().to_string(),
            server: None,
            renderer: String::new(),
        },
    }
}

/// The account while nobody is signed in.
fn nobody() -> AccountState {
    AccountState {
        user_id: ruma::owned_user_id!("@nobody:invalid"),
        display_name: String::new(),
        avatar: Avatar::default(),
        homeserver: String::new(),
        pending: Pending::Idle,
        password_pending: Pending::Idle,
    }
}

struct Model {
    shared: Shared,
    driver: Driver<SettingsState, SettingsAction, Notice>,
}

impl Model {
    async fn run(mut self) {
        let mut sessions = self.shared.sessions.state();
        let mut own_server = self.shared.own_server.state();
        let mut known: Option<Session> = None;
        loop {
            let session = match &*sessions.borrow_and_update() {
                SessionState::Ready(session) => Some(session.clone()),
                _ => None,
            };
            if session != known {
                match &session {
                    Some(session) => self.begin(session.clone()),
                    None => self.driver.update(|state| state.account = nobody()),
                }
                known = session;
            }
            tokio::select! {
                changed = sessions.changed() => if changed.is_err() { return },
                changed = own_server.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let details = self.shared.own_server.details();
                    self.driver.update(|state| state.own_server = details);
                }
                action = self.driver.actions.recv() => match action {
                    Some(action) => self.act(action, known.clone()),
                    None => return,
                },
            }
        }
    }

    /// What can be said of a session at once, and what must be fetched.
    fn begin(&self, session: Session) {
        let user_id = session.user_id().to_owned();
        self.driver.update(|state| {
            state.account = AccountState {
                avatar: Avatar::new(user_id.as_str(), user_id.localpart(), None),
                display_name: user_id.localpart().to_owned(),
                homeserver: session.client().homeserver().to_string(),
                user_id,
                ..nobody()
            };
        });
        let state = self.driver.state.clone();
        self.shared.tasks.detach("settings-fetch", async move {
            tokio::join!(
                fetch_profile(&session, &state),
                fetch_ignored(&session, &state)
            );
            let server = server_software(&session).await;
            update(&state, |state| state.about.server = server);
        });
    }

    fn act(&self, action: SettingsAction, session: Option<Session>) {
        match action {
            SettingsAction::SetAppearance(appearance) => {
                self.keep(APPEARANCE, &appearance);
                self.driver.update(|state| state.appearance = appearance);
            }
            SettingsAction::SetNotifications(notifications) => {
                self.set_notifications(notifications)
            }
            SettingsAction::SetCalls(calls) => {
                self.keep(CALLS, &calls);
                self.driver.update(|state| state.calls = calls);
            }
            SettingsAction::ShareOwnServer(shared) => self.share_own_server(shared),
            SettingsAction::SignOut => self.sign_out(),
            other => {
                let Some(session) = session else { return };
                let (state, effects) = (self.driver.state.clone(), self.driver.effects.clone());
                self.shared.tasks.detach("settings-action", async move {
                    if let Err(notice) = perform(&session, &state, other).await {
                        let _ = effects.send(notice);
                    }
                });
            }
        }
    }

    fn set_notifications(&self, wanted: Notifications) {
        self.keep(NOTIFICATIONS, &wanted);
        let autostart = wanted.autostart;
        let changed = self.driver.state.borrow().notifications.autostart != autostart;
        self.driver.update(|state| state.notifications = wanted);
        if changed {
            let (background, effects) = (
                self.shared.platform.background.clone(),
                self.driver.effects.clone(),
            );
            self.shared.tasks.detach("autostart", async move {
                if let Err(error) = background.request(autostart).await {
                    let _ = effects.send(failure::of_any(&error));
                }
            });
        }
    }

    fn share_own_server(&self, shared: bool) {
        let (own_server, state) = (self.shared.own_server.clone(), self.driver.state.clone());
        update(&state, |state| state.own_server_pending = Pending::Busy);
        self.shared.tasks.detach("share-own-server", async move {
            let done = own_server.share(shared).await;
            let details = own_server.details();
            update(&state, |state| {
                state.own_server = details;
                state.own_server_pending = match done {
                    Ok(()) => Pending::Idle,
                    Err(error) => Pending::Failed(error.notice()),
                };
            });
        });
    }

    fn keep<T: serde::Serialize>(&self, key: &str, value: &T) {
        if let Err(error) = self.shared.store.set_setting(key, value) {
            self.driver.effect(error.notice());
        }
    }

    fn sign_out(&self) {
        let (sessions, state) = (self.shared.sessions.clone(), self.driver.state.clone());
        let effects = self.driver.effects.clone();
        update(&state, |state| state.account.pending = Pending::Busy);
        self.shared.tasks.detach("sign-out", async move {
            let ended = sessions.log_out().await;
            update(&state, |state| state.account.pending = Pending::Idle);
            if let Err(error) = ended {
                let _ = effects.send(error.notice());
            }
        });
    }
}

async fn perform(
    session: &Session,
    state: &watch::Sender<SettingsState>,
    action: SettingsAction,
) -> Result<(), Notice> {
    match action {
        SettingsAction::SetDisplayName(name) => {
            account_change(state, set_name(session, name.trim())).await?;
            fetch_profile(session, state).await;
        }
        SettingsAction::SetAvatar { path } => {
            account_change(state, set_avatar(session, &path)).await?;
            fetch_profile(session, state).await;
        }
        SettingsAction::RemoveAvatar => {
            let removing = async {
                session
                    .client()
                    .account()
                    .set_avatar_url(None)
                    .await
                    .map_err(|error| sdk(&error))
            };
            account_change(state, removing).await?;
            fetch_profile(session, state).await;
        }
        SettingsAction::ChangePassword { old, new } => {
            update(state, |state| {
                state.account.password_pending = Pending::Busy
            });
            let auth = password_auth(session.user_id(), old);
            let changed = session
                .client()
                .account()
                .change_password(&new, Some(auth))
                .await;
            let outcome = changed.map(drop).map_err(|error| {
                failure::of_sdk(
                    &error,
                    Doing::SigningIn(session.user_id().server_name().as_str()),
                )
            });
            update(state, |state| {
                state.account.password_pending = match &outcome {
                    Ok(()) => Pending::Idle,
                    Err(notice) => Pending::Failed(notice.clone()),
                };
            });
        }
        SettingsAction::RefreshDevices => fetch_devices(session, state).await,
        SettingsAction::RenameDevice { device_id, name } => {
            let renamed = session.client().rename_device(&device_id, &name).await;
            renamed.map_err(|error| failure::of_http(&error, Doing::Other))?;
            fetch_devices(session, state).await;
        }
        SettingsAction::RemoveDevice {
            device_id,
            password,
        } => {
            remove_device(session, state, device_id, password).await?;
        }
        SettingsAction::Unignore(user_id) => {
            actions::unignore(session, &user_id)
                .await
                .map_err(|error| error.notice())?;
            fetch_ignored(session, state).await;
        }
        SettingsAction::SetAppearance(_)
        | SettingsAction::SetNotifications(_)
        | SettingsAction::SetCalls(_)
        | SettingsAction::ShareOwnServer(_)
        | SettingsAction::SignOut => {}
    }
    Ok(())
}

async fn account_change(
    state: &watch::Sender<SettingsState>,
    change: impl Future<Output = Result<(), Notice>>,
) -> Result<(), Notice> {
    update(state, |state| state.account.pending = Pending::Busy);
    let outcome = change.await;
    update(state, |state| {
        state.account.pending = match &outcome {
            Ok(()) => Pending::Idle,
            Err(notice) => Pending::Failed(notice.clone()),
        };
    });
    outcome
}

async fn set_name(session: &Session, name: &str) -> Result<(), Notice> {
    let name = (!name.is_empty()).then_some(name);
    session
        .client()
        .account()
        .set_display_name(name)
        .await
        .map_err(|error| sdk(&error))
}

async fn set_avatar(session: &Session, path: &Path) -> Result<(), Notice> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let unreadable = || Notice::FileUnreadable { name: name.clone() };
    let size = tokio::fs::metadata(path)
        .await
        .map_err(|_| unreadable())?
        .len();
    if size > LARGEST_AVATAR {
        return Err(Notice::FileTooLarge {
            bytes: size,
            limit: LARGEST_AVATAR,
        });
    }
    let bytes = tokio::fs::read(path).await.map_err(|_| unreadable())?;
    let mime = infer::get(&bytes)
        .filter(|kind| kind.matcher_type() == infer::MatcherType::Image)
        .and_then(|kind| kind.mime_type().parse().ok())
        .ok_or_else(unreadable)?;
    let uploaded = session.client().account().upload_avatar(&mime, bytes).await;
    uploaded.map(drop).map_err(|error| sdk(&error))
}

async fn fetch_profile(session: &Session, state: &watch::Sender<SettingsState>) {
    let account = session.client().account();
    let (name, mxc) = tokio::join!(account.get_display_name(), account.get_avatar_url());
    let user_id = session.user_id();
    update(state, |state| {
        if let Ok(name) = name {
            state.account.display_name = name.unwrap_or_else(|| user_id.localpart().to_owned());
        }
        let mxc = mxc.unwrap_or_else(|_| state.account.avatar.mxc.clone());
        state.account.avatar = Avatar::new(user_id.as_str(), &state.account.display_name, mxc);
    });
}

async fn fetch_ignored(session: &Session, state: &watch::Sender<SettingsState>) {
    if let Ok(ignored) = actions::ignored(session).await {
        update(state, |state| state.ignored = ignored);
    }
}

async fn fetch_devices(session: &Session, state: &watch::Sender<SettingsState>) {
    update(state, |state| state.devices_pending = Pending::Busy);
    match devices(session).await {
        Ok(devices) => update(state, |state| {
            state.devices = devices;
            state.devices_pending = Pending::Idle;
        }),
        Err(notice) => update(state, |state| {
            state.devices_pending = Pending::Failed(notice)
        }),
    }
}

/// Our devices, this one first, then the one seen last.
async fn devices(session: &Session) -> Result<Vec<DeviceRow>, Notice> {
    let client = session.client();
    let listed = client
        .devices()
        .await
        .map_err(|error| failure::of_http(&error, Doing::Other))?;
    let keys = client
        .encryption()
        .get_user_devices(session.user_id())
        .await
        .ok();
    let mut rows: Vec<DeviceRow> = listed
        .devices
        .into_iter()
        .map(|device| DeviceRow {
            is_current: device.device_id == session.device_id(),
            is_verified: keys
                .as_ref()
                .and_then(|keys| keys.get(&device.device_id))
                .is_some_and(|device| device.is_cross_signed_by_owner()),
            name: device
                .display_name
                .unwrap_or_else(|| device.device_id.to_string()),
            last_seen: device.last_seen_ts.map(|timestamp| timestamp.get().into()),
            device_id: device.device_id,
        })
        .collect();
    rows.sort_by_key(|row| (!row.is_current, std::cmp::Reverse(row.last_seen)));
    Ok(rows)
}

async fn remove_device(
    session: &Session,
    state: &watch::Sender<SettingsState>,
    device_id: OwnedDeviceId,
    password: String,
) -> Result<(), Notice> {
    update(state, |state| state.devices_pending = Pending::Busy);
    let removed = delete(session, &[device_id], password).await;
    if let Err(notice) = &removed {
        update(state, |state| {
            state.devices_pending = Pending::Failed(notice.clone())
        });
        return Ok(());
    }
    fetch_devices(session, state).await;
    Ok(())
}

async fn delete(
    session: &Session,
    devices: &[OwnedDeviceId],
    password: String,
) -> Result<(), Notice> {
    let doing = Doing::SigningIn(session.user_id().server_name().as_str());
    let client = session.client();
    let Err(first) = client.delete_devices(devices, None).await else {
        return Ok(());
    };
    let Some(uiaa) = first.as_uiaa_response() else {
        return Err(failure::of_http(&first, doing));
    };
    let mut auth = Password::new(identifier(session.user_id()), password);
    auth.session.clone_from(&uiaa.session);
    match client
        .delete_devices(devices, Some(AuthData::Password(auth)))
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.as_uiaa_response().is_some() => Err(Notice::WrongPassword),
        Err(error) => Err(failure::of_http(&error, doing)),
    }
}

fn password_auth(user_id: &UserId, password: String) -> AuthData {
    AuthData::Password(Password::new(identifier(user_id), password))
}

fn identifier(user_id: &UserId) -> UserIdentifier {
    UserIdentifier::Matrix(MatrixUserIdentifier::new(user_id.to_string()))
}

fn sdk(error: &matrix_sdk::Error) -> Notice {
    failure::of_sdk(error, Doing::Other)
}

/// What the homeserver says it is.
async fn server_software(session: &Session) -> Option<String> {
    let client = session.client();
    let url = client
        .homeserver()
        .join("_matrix/federation/v1/version")
        .ok()?;
    let text = client
        .http_client()
        .get(url)
        .send()
        .await
        .ok()?
        .text()
        .await
        .ok()?;
    let answer: serde_json::Value = serde_json::from_str(&text).ok()?;
    let part = |key: &str| answer.pointer(key).and_then(|value| value.as_str());
    Some(format!(
        "{} {}",
        part("/server/name")?,
        part("/server/version").unwrap_or_default()
    ))
}
