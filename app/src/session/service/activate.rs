//! From an account and its secrets to a running session, and the watch over its tokens.

use std::time::Duration;

use matrix_sdk::{Client, SessionChange, SessionTokens, authentication::matrix::MatrixSession};
use ruma::api::client::{
    keys::get_keys,
    uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
};
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};
use zeroize::Zeroizing;

use super::{SessionService, SessionState};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    session::{Session, SessionError, client, vault::Secrets},
    store::{self, Account},
    sync::SyncHandle,
};

/// How often, and after which pauses, it is looked whether a new device's keys went up.
const UPLOAD_CHECKS: usize = 60;
const UPLOAD_PAUSE: Duration = Duration::from_millis(250);

impl SessionService {
    /// Opens the stores, restores the client, starts syncing; the state becomes `Ready` or `StoreTrouble`.
    pub(super) async fn activate(
        &self,
        account: Account,
        secrets: Secrets,
        password: Option<Zeroizing<String>>,
    ) -> Result<(), SessionError> {
        self.kept(|kept| kept.watch = None);
        let client = match self.open_client(&account, &secrets).await {
            Ok(client) => client,
            Err(notice) => {
                self.set(SessionState::StoreTrouble(notice.clone()));
                return Err(notice.into());
            }
        };
        let changed = self.watch_tokens(&client);
        let is_new = password.is_some();
        let prepared = self.prepare(client.clone(), &account, password);
        let sync = SyncHandle::start(client.clone(), self.inner.store.clone(), &self.inner.tasks);
        let session = Session::new(
            client,
            account.user_id.clone(),
            account.device_id.clone(),
            sync,
            self.inner.tasks.clone(),
            prepared,
            is_new,
        );
        self.kept(|kept| {
            kept.current = Some((account, secrets));
            kept.watch = Some(changed);
        });
        self.set(SessionState::Ready(session));
        Ok(())
    }

    /// The client with its stores open; damaged stores are set aside.
    async fn open_client(&self, account: &Account, secrets: &Secrets) -> Result<Client, Notice> {
        match self.try_open_client(account, secrets).await {
            Ok(client) => Ok(client),
            Err(notice) => Err(self.store_trouble(account, notice).await),
        }
    }

    async fn try_open_client(
        &self,
        account: &Account,
        secrets: &Secrets,
    ) -> Result<Client, Notice> {
        let client = client::open(&account.homeserver, &self.stores(), &secrets.store_key)
            .await
            .map_err(|error| failure::of_build(&error, Doing::Other))?;
        let session = MatrixSession {
            meta: account.meta(),
            tokens: secrets.tokens.clone(),
        };
        let restored = client.restore_session(session).await;
        restored.map_err(|error| failure::of_store(&error))?;
        if let Err(error) = client.event_cache().subscribe() {
            tracing::error!(%error, "the event cache could not be started");
        }
        Ok(client)
    }

    /// Sets damaged stores aside, so that the person can sign in afresh and nothing is lost for a repair. The device
    /// they belong to is given up: without its keys it can never be heard again.
    async fn store_trouble(&self, account: &Account, notice: Notice) -> Notice {
        let Notice::StoreDamaged { .. } = notice else {
            return notice;
        };
        let kept_as = match store::set_aside(&self.stores()) {
            Ok(kept_as) => kept_as,
            Err(error) => return failure::of_any(&error),
        };
        if let Err(error) = self.inner.vault.set_aside(account.secrets_in).await {
            tracing::error!(%error, "the secrets of the damaged stores could not be put away");
        }
        if let Err(error) = self.inner.store.clear_account() {
            return error.notice();
        }
        Notice::StoreDamaged {
            kept_as: Some(kept_as.display().to_string()),
        }
    }

    /// Makes this device one that others can encrypt for: its keys are uploaded, and cross-signing keys of an account
    /// that has none are made. The password just used lets the server take them.
    ///
    /// Nobody else may wait for the SDK's own beginnings (everybody else waits for [`Session::prepared`]): only the
    /// first who asks waits, and cross-signing keys made twice at a time lose the private half of both.
    fn prepare(
        &self,
        client: Client,
        account: &Account,
        password: Option<Zeroizing<String>>,
    ) -> watch::Receiver<bool> {
        let (done, prepared) = watch::channel(false);
        let user = account.user_id.to_string();
        self.inner.tasks.detach("cross-signing", async move {
            let encryption = client.encryption();
            encryption.wait_for_e2ee_initialization_tasks().await;
            if let Some(password) = password {
                let identifier = UserIdentifier::Matrix(MatrixUserIdentifier::new(user));
                let auth = AuthData::Password(Password::new(identifier, password.to_string()));
                let made = encryption
                    .bootstrap_cross_signing_if_needed(Some(auth))
                    .await;
                if let Err(error) = made {
                    tracing::warn!(%error, "cross-signing could not be set up");
                }
                until_uploaded(&client).await;
            }
            done.send_replace(true);
        });
        prepared
    }

    /// Keeps refreshed tokens, each change at once, and notices when the server ends the session.
    fn watch_tokens(&self, client: &Client) -> crate::runtime::TaskHandle {
        let (refreshed, mut tokens) = mpsc::unbounded_channel::<SessionTokens>();
        let callbacks = client.set_session_callbacks(
            Box::new(|_| Err("there is one process a store".into())),
            Box::new(move |client| {
                if let Some(tokens) = client.session_tokens() {
                    let _ = refreshed.send(tokens);
                }
                Ok(())
            }),
        );
        if let Err(error) = callbacks {
            tracing::error!(%error, "refreshed tokens cannot be kept");
        }
        let mut changes = client.subscribe_to_session_changes();
        let service = self.clone();
        self.inner.tasks.spawn("session-watch", async move {
            loop {
                tokio::select! {
                    Some(tokens) = tokens.recv() => service.keep_tokens(tokens).await,
                    change = changes.recv() => match change {
                        Ok(SessionChange::UnknownToken(data)) => {
                            let tasks = service.inner.tasks.clone();
                            tasks.detach("signed-out", async move {
                                service.ended_by_server(data.soft_logout).await;
                            });
                            return;
                        }
                        Ok(SessionChange::TokensRefreshed) | Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        })
    }

    async fn keep_tokens(&self, tokens: SessionTokens) {
        let Some((account, secrets)) = self.kept(|kept| {
            let (_, secrets) = kept.current.as_mut()?;
            secrets.tokens = tokens;
            kept.current.clone()
        }) else {
            return;
        };
        let mut pause = Duration::from_secs(1);
        while let Err(error) = self.save(&account, &secrets).await {
            tracing::error!(%error, "refreshed tokens could not be kept; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(60));
        }
    }
}

/// Waits until the server gives out this device's keys.
async fn until_uploaded(client: &Client) {
    let Some((user_id, device_id)) = client.user_id().zip(client.device_id()) else {
        return;
    };
    for _ in 0..UPLOAD_CHECKS {
        let mut request = get_keys::v3::Request::new();
        request
            .device_keys
            .insert(user_id.to_owned(), vec![device_id.to_owned()]);
        let known = client.send(request).await.is_ok_and(|answer| {
            answer
                .device_keys
                .get(user_id)
                .is_some_and(|devices| devices.contains_key(device_id))
        });
        if known {
            return;
        }
        tokio::time::sleep(UPLOAD_PAUSE).await;
    }
    tracing::warn!("the keys of this device did not reach the server in time");
}
