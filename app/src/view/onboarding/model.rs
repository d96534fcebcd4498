//! The view model of signing in and creating an account.

use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{OnboardingAction, OnboardingState, OwnServer, ServerOffer};
use crate::{
    core::Shared,
    own_server::OwnServerDetails,
    runtime::TaskHandle,
    session::{self, SessionError, SessionState},
    view::{
        Pending,
        handle::{self, Driver, Handle, update},
    },
};

/// Signing in. Cheap to clone. It has no one-shot effects: the shell's phase changes when it succeeds.
pub type OnboardingViewModel = Handle<OnboardingState, OnboardingAction, ()>;

pub(crate) fn start(shared: &Shared) -> OnboardingViewModel {
    let (handle, driver) = handle::pair(OnboardingState::default());
    let model = Model {
        shared: shared.clone(),
        driver,
        own: None,
        attempt: None,
    };
    shared.tasks.detach("onboarding", model.run());
    handle
}

struct Model {
    shared: Shared,
    driver: Driver<OnboardingState, OnboardingAction, ()>,
    /// The server on this device, once it was chosen.
    own: Option<watch::Receiver<Option<OwnServerDetails>>>,
    /// What is under way; dropping it stops it.
    attempt: Option<TaskHandle>,
}

impl Model {
    async fn run(mut self) {
        let mut sessions = self.shared.sessions.state();
        let mut own_server = self.shared.own_server.state();
        loop {
            let unprotected = matches!(
                *sessions.borrow_and_update(),
                SessionState::Unprotected { .. }
            );
            let signed_in = matches!(*sessions.borrow(), SessionState::Ready(_));
            let own = own_server.borrow_and_update().clone();
            self.driver.update(|state| {
                state.needs_passphrase = unprotected;
                state.own_server = own;
                if signed_in {
                    state.submit = Pending::Idle;
                }
            });
            tokio::select! {
                changed = sessions.changed() => if changed.is_err() { return },
                changed = own_server.changed() => if changed.is_err() { return },
                action = self.driver.actions.recv() => match action {
                    Some(action) => self.act(action),
                    None => return,
                },
            }
        }
    }

    fn act(&mut self, action: OnboardingAction) {
        match action {
            OnboardingAction::FindServer { text } => self.find(text),
            OnboardingAction::SignIn { user, password } => {
                self.sign_in(user, Zeroizing::new(password))
            }
            OnboardingAction::Register {
                user,
                password,
                token,
            } => {
                self.register(user, Zeroizing::new(password), token);
            }
            OnboardingAction::UseOwnServer => self.use_own_server(),
            OnboardingAction::SetPassphrase { passphrase } => {
                let (sessions, passphrase) =
                    (self.shared.sessions.clone(), Zeroizing::new(passphrase));
                self.submit(async move { sessions.protect(passphrase).await });
            }
            OnboardingAction::RetryKeyring => {
                let sessions = self.shared.sessions.clone();
                self.submit(async move { sessions.offer_to_keyring().await });
            }
            OnboardingAction::Cancel => self.cancel(),
        }
    }

    fn find(&mut self, text: String) {
        let state = self.driver.state.clone();
        self.own = None;
        update(&state, |state| {
            state.discovery = Pending::Busy;
            state.server = None;
            state.submit = Pending::Idle;
        });
        self.attempt = Some(self.shared.tasks.spawn("find-server", async move {
            let found = session::find_server(&text).await;
            update(&state, |state| match found {
                Ok(found) => {
                    state.discovery = Pending::Idle;
                    state.server = Some(found.offer);
                }
                Err(error) => state.discovery = Pending::Failed(error.notice()),
            });
        }));
    }

    fn use_own_server(&mut self) {
        let (own_server, state) = (self.shared.own_server.clone(), self.driver.state.clone());
        let (running_in, running) = watch::channel(None);
        self.own = Some(running);
        update(&state, |state| {
            state.discovery = Pending::Busy;
            state.server = None;
            state.submit = Pending::Idle;
        });
        self.attempt = Some(self.shared.tasks.spawn("use-own-server", async move {
            let offer = async {
                let running = own_server.start().await;
                let running = running.map_err(|error| error.notice())?;
                let found = session::find_server(&running.base_url).await?;
                let name = running.server_name.clone();
                running_in.send_replace(Some(running));
                Ok::<_, SessionError>(ServerOffer {
                    server_name: Some(name.clone()),
                    name,
                    ..found.offer
                })
            };
            let offer = offer.await;
            update(&state, |state| match offer {
                Ok(offer) => {
                    state.discovery = Pending::Idle;
                    state.server = Some(offer);
                }
                Err(error) => state.discovery = Pending::Failed(error.notice()),
            });
        }));
    }

    fn sign_in(&mut self, user: String, password: Zeroizing<String>) {
        let sessions = self.shared.sessions.clone();
        let server = self.base_url();
        let waiting = self.waiting();
        self.submit(async move {
            let base_url = match server {
                Some(base_url) => base_url,
                // A whole user id names its server.
                None => session::find_server(&user).await?.offer.base_url,
            };
            sessions.sign_in(&base_url, &user, password, &waiting).await
        });
    }

    fn register(&mut self, user: String, password: Zeroizing<String>, token: Option<String>) {
        let sessions = self.shared.sessions.clone();
        let Some(base_url) = self.base_url() else {
            return;
        };
        let own_token = self
            .own
            .as_ref()
            .and_then(|own| own.borrow().as_ref()?.registration_token.clone());
        let token = token.or(own_token);
        let waiting = self.waiting();
        self.submit(async move {
            sessions
                .register(&base_url, &user, password, token.as_deref(), &waiting)
                .await
        });
    }

    fn base_url(&self) -> Option<String> {
        self.driver
            .state
            .borrow()
            .server
            .as_ref()
            .map(|server| server.base_url.clone())
    }

    fn waiting(&self) -> impl Fn(Option<u32>) + Send + Sync + 'static {
        let state = self.driver.state.clone();
        move |left| update(&state, |state| state.submit = Pending::waiting(left))
    }

    fn submit(&mut self, future: impl Future<Output = Result<(), SessionError>> + Send + 'static) {
        let state = self.driver.state.clone();
        update(&state, |state| state.submit = Pending::Busy);
        self.attempt = Some(self.shared.tasks.spawn("sign-in", async move {
            let ended = future.await;
            update(&state, |state| {
                state.submit = match ended {
                    Ok(()) => Pending::Idle,
                    Err(error) => Pending::Failed(error.notice()),
                };
            });
        }));
    }

    fn cancel(&mut self) {
        self.attempt = None;
        let unprotected = self.driver.state.borrow().needs_passphrase;
        if unprotected {
            let sessions = self.shared.sessions.clone();
            self.shared
                .tasks
                .detach("abandon", async move { sessions.abandon().await });
        }
        self.driver.update(|state| {
            state.discovery = Pending::Idle;
            state.submit = Pending::Idle;
            if matches!(state.own_server, OwnServer::Failed { .. }) {
                state.server = None;
            }
        });
    }
}
