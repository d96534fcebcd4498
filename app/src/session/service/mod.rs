//! The state of a profile's session, and every way to change it.

mod activate;
mod leave;
mod restore;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use hardline_platform::secrets::{Ask, SecretError, SecretStore};
use matrix_sdk::SessionMeta;
use tokio::sync::{Mutex as AsyncMutex, watch};
use zeroize::Zeroizing;

use super::{
    Session, SessionError,
    register::NewAccount,
    sign_in::{self, Granted, PasswordLogin},
    vault::{self, Secrets, Vault},
};
use crate::{
    ids::OwnedUserId,
    notice::Notice,
    rate_limit::Waiting,
    runtime::Tasks,
    store::{Account, Store},
    view::shell::SecretSource,
};

/// Folder of the SDK's stores inside a profile's folder.
const STORES: &str = "matrix";

/// Where a profile's session stands.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionState {
    /// Being restored.
    Starting,
    /// Nobody is signed in.
    SignedOut {
        /// Why, if it was not the person's own doing.
        because: Option<Notice>,
    },
    /// Signed in, but no keyring takes the secrets: a passphrase is needed before the session begins.
    Unprotected {
        /// Who.
        user_id: OwnedUserId,
    },
    /// Kept, but its secrets cannot be had yet.
    Locked {
        /// Whose.
        user_id: OwnedUserId,
        /// Where the secrets are.
        source: SecretSource,
        /// Being asked for right now.
        busy: bool,
        /// How the last attempt ended.
        failed: Option<Notice>,
    },
    /// The server ended the session and kept its keys.
    SignInAgain {
        /// Whose.
        user_id: OwnedUserId,
    },
    /// The stores cannot be opened.
    StoreTrouble(Notice),
    /// Signed in.
    Ready(Session),
}

/// What a session service needs.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The profile's folder.
    pub profile: PathBuf,
    /// The system keyring.
    pub keyring: Arc<dyn SecretStore>,
    /// Protect the secrets by this passphrase, in a file, instead of the keyring.
    pub passphrase: Option<Zeroizing<String>>,
    /// Whether the keyring may ask the person.
    pub may_prompt: bool,
    /// What other devices see this one as.
    pub device_name: String,
}

/// Owns the profile's session.
#[derive(Clone, Debug)]
pub struct SessionService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: SessionConfig,
    vault: Vault,
    store: Store,
    tasks: Tasks,
    state: watch::Sender<SessionState>,
    /// One change at a time.
    turn: AsyncMutex<()>,
    kept: Mutex<Kept>,
}

/// Something to be done while a session that is about to end can still speak with its server.
pub(crate) type Farewell = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// What is kept in memory beside the state.
#[derive(Default)]
struct Kept {
    /// The account and secrets of the running, or soft logged out, session.
    current: Option<(Account, Secrets)>,
    /// Signed in, not yet protected.
    unprotected: Option<Begun>,
    /// Ends the watch over the running session's tokens.
    watch: Option<crate::runtime::TaskHandle>,
    farewells: Vec<Farewell>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// A session that was granted but not yet begun.
struct Begun {
    account: Account,
    secrets: Secrets,
    password: Option<Zeroizing<String>>,
}

impl SessionService {
    /// The service of a profile; [`SessionService::restore`] begins it.
    pub fn new(config: SessionConfig, store: Store, tasks: Tasks) -> Self {
        let vault = Vault::new(
            config.keyring.clone(),
            &config.profile,
            config.passphrase.clone(),
        );
        let inner = Inner {
            config,
            vault,
            store,
            tasks,
            state: watch::Sender::new(SessionState::Starting),
            turn: AsyncMutex::default(),
            kept: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Where the session stands, and a way to wait for changes.
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.inner.state.subscribe()
    }

    /// The session, if signed in.
    pub fn current(&self) -> Option<Session> {
        match &*self.inner.state.borrow() {
            SessionState::Ready(session) => Some(session.clone()),
            _ => None,
        }
    }

    /// Signs in with a password; `base_url` comes from [`super::find_server`].
    pub async fn sign_in(
        &self,
        base_url: &str,
        user: &str,
        password: Zeroizing<String>,
        waiting: &Waiting,
    ) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        self.refuse_second()?;
        let user = sign_in::check_user(user)?;
        let login = PasswordLogin {
            base_url,
            user: &user,
            password: &password,
            device_id: None,
            device_name: &self.inner.config.device_name,
        };
        let granted = login.send(waiting).await?;
        self.begin(base_url, granted, Some(password)).await
    }

    /// Creates an account and signs in with it.
    pub async fn register(
        &self,
        base_url: &str,
        user: &str,
        password: Zeroizing<String>,
        token: Option<&str>,
        waiting: &Waiting,
    ) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        self.refuse_second()?;
        let device_name = &self.inner.config.device_name;
        let new = NewAccount {
            base_url,
            user: user.trim(),
            password: &password,
            token,
            device_name,
        };
        let granted = new.create(waiting).await?;
        self.begin(base_url, granted, Some(password)).await
    }

    /// Protects a new session by a passphrase where there is no keyring.
    pub async fn protect(&self, passphrase: Zeroizing<String>) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        self.inner.vault.set_passphrase(passphrase);
        self.keep_begun(SecretSource::PassphraseFile).await
    }

    /// Offers a new session to the keyring once more.
    pub async fn offer_to_keyring(&self) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        self.keep_begun(SecretSource::Keyring).await
    }

    /// Gives up a session that was granted but never protected.
    pub async fn abandon(&self) {
        let _turn = self.inner.turn.lock().await;
        let begun = self.kept(|kept| kept.unprotected.take());
        if let Some(begun) = begun {
            leave::end_on_server(
                &begun.account.homeserver,
                begun.account.meta(),
                &begun.secrets,
            )
            .await;
            self.set(SessionState::SignedOut { because: None });
        }
    }

    /// Signs in again after a soft log-out; device and keys stay.
    pub async fn sign_in_again(
        &self,
        password: Zeroizing<String>,
        waiting: &Waiting,
    ) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        if !matches!(*self.inner.state.borrow(), SessionState::SignInAgain { .. }) {
            return Err(SessionError::SignedOut);
        }
        let Some((account, mut secrets)) = self.kept(|kept| kept.current.clone()) else {
            return Err(SessionError::SignedOut);
        };
        let login = PasswordLogin {
            base_url: &account.homeserver,
            user: account.user_id.as_str(),
            password: &password,
            device_id: Some(&account.device_id),
            device_name: &self.inner.config.device_name,
        };
        let granted = login.send(waiting).await?;
        secrets.tokens = granted.tokens;
        self.save(&account, &secrets).await?;
        self.activate(account, secrets, None).await
    }

    fn refuse_second(&self) -> Result<(), SessionError> {
        match &*self.inner.state.borrow() {
            SessionState::SignedOut { .. } => Ok(()),
            SessionState::Ready(session) => {
                Err(SessionError::SignedIn(session.user_id().to_owned()))
            }
            SessionState::Unprotected { user_id }
            | SessionState::Locked { user_id, .. }
            | SessionState::SignInAgain { user_id } => Err(SessionError::SignedIn(user_id.clone())),
            SessionState::StoreTrouble(notice) => Err(notice.clone().into()),
            SessionState::Starting => Err(Notice::ProfileBusy.into()),
        }
    }

    /// A granted session: its secrets are kept first, then it begins.
    async fn begin(
        &self,
        base_url: &str,
        granted: Granted,
        password: Option<Zeroizing<String>>,
    ) -> Result<(), SessionError> {
        let source = self.inner.vault.preferred();
        let Granted {
            meta: SessionMeta { user_id, device_id },
            tokens,
        } = granted;
        let account = Account {
            user_id,
            device_id,
            homeserver: base_url.to_owned(),
            secrets_in: source,
        };
        let begun = Begun {
            account,
            secrets: Secrets::new(tokens),
            password,
        };
        self.kept(|kept| kept.unprotected = Some(begun));
        self.keep_begun(source).await
    }

    async fn keep_begun(&self, source: SecretSource) -> Result<(), SessionError> {
        let Some(mut begun) = self.kept(|kept| kept.unprotected.take()) else {
            return Err(SessionError::SignedOut);
        };
        begun.account.secrets_in = source;
        if let Err(error) = self
            .inner
            .vault
            .save(source, &begun.secrets, self.ask())
            .await
        {
            let user_id = begun.account.user_id.clone();
            tracing::warn!(%user_id, %error, "the secrets of the new session could not be kept");
            self.kept(|kept| kept.unprotected = Some(begun));
            self.set(SessionState::Unprotected { user_id });
            return Err(vault::notice_of(&error).into());
        }
        self.remove_stores().await?;
        self.inner.store.set_account(&begun.account)?;
        self.activate(begun.account, begun.secrets, begun.password)
            .await
    }

    async fn save(&self, account: &Account, secrets: &Secrets) -> Result<(), SessionError> {
        let saved = self
            .inner
            .vault
            .save(account.secrets_in, secrets, Ask::quietly())
            .await;
        saved.map_err(|error: SecretError| vault::notice_of(&error).into())
    }

    fn ask(&self) -> Ask {
        if self.inner.config.may_prompt {
            Ask::with_prompt()
        } else {
            Ask::quietly()
        }
    }

    fn stores(&self) -> PathBuf {
        self.inner.config.profile.join(STORES)
    }

    async fn remove_stores(&self) -> Result<(), SessionError> {
        match tokio::fs::remove_dir_all(self.stores()).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn set(&self, state: SessionState) {
        self.inner.state.send_replace(state);
    }

    fn kept<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(
            &mut self
                .inner
                .kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Account {
    fn meta(&self) -> SessionMeta {
        SessionMeta {
            user_id: self.user_id.clone(),
            device_id: self.device_id.clone(),
        }
    }
}
