//! The session of the last run: its secrets are asked for, patiently, and it begins again.

use std::time::Duration;

use hardline_platform::secrets::{Ask, SecretError};
use zeroize::Zeroizing;

use super::{SessionService, SessionState};
use crate::{
    session::{SessionError, vault},
    store::Account,
    view::shell::SecretSource,
};

/// First pause before a keyring that does not answer is asked again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl SessionService {
    /// Begins: restores the session of the last run if there is one. Returns once that is decided; a keyring that is
    /// late is asked again in the background.
    pub async fn restore(&self) {
        let account = match self.inner.store.account() {
            Ok(Some(account)) => account,
            Ok(None) => return self.set(SessionState::SignedOut { because: None }),
            Err(error) => return self.set(SessionState::StoreTrouble(error.notice())),
        };
        let turn = self.inner.turn.lock().await;
        let opened = self.open_with(&account, Ask::quietly()).await;
        drop(turn);
        if let Err(Opening::Secrets(error)) = opened
            && account.secrets_in == SecretSource::Keyring
            && error.may_pass()
        {
            let service = self.clone();
            self.inner
                .tasks
                .detach("keyring", async move { service.ask_again(account).await });
        }
    }

    /// Asks the keyring again, because the person said so; it may prompt.
    pub async fn retry_keyring(&self) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        let account = self.locked_account()?;
        self.open_with(&account, self.ask())
            .await
            .map_err(Opening::into_error)
    }

    /// Opens the protected file.
    pub async fn unlock(&self, passphrase: Zeroizing<String>) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        let account = self.locked_account()?;
        self.inner.vault.set_passphrase(passphrase);
        self.open_with(&account, Ask::quietly())
            .await
            .map_err(Opening::into_error)
    }

    fn locked_account(&self) -> Result<Account, SessionError> {
        if !matches!(*self.inner.state.borrow(), SessionState::Locked { .. }) {
            return Err(SessionError::SignedOut);
        }
        self.inner.store.account()?.ok_or(SessionError::SignedOut)
    }

    async fn ask_again(&self, account: Account) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let _turn = self.inner.turn.lock().await;
            if !matches!(*self.inner.state.borrow(), SessionState::Locked { .. }) {
                return;
            }
            match self.open_with(&account, Ask::quietly()).await {
                Err(Opening::Secrets(error)) if error.may_pass() => {}
                _ => return,
            }
        }
    }

    async fn open_with(&self, account: &Account, ask: Ask) -> Result<(), Opening> {
        let locked = |busy, failed| SessionState::Locked {
            user_id: account.user_id.clone(),
            source: account.secrets_in,
            busy,
            failed,
        };
        if matches!(*self.inner.state.borrow(), SessionState::Locked { .. }) {
            self.set(locked(true, None));
        }
        match self.inner.vault.load(account.secrets_in, ask).await {
            Ok(secrets) => self
                .activate(account.clone(), secrets, None)
                .await
                .map_err(Opening::Store),
            Err(error) => {
                tracing::warn!(user_id = %account.user_id, %error, "the session stays locked");
                self.set(locked(false, Some(vault::notice_of(&error))));
                Err(Opening::Secrets(error))
            }
        }
    }
}

/// What kept a session from beginning.
enum Opening {
    /// Its secrets could not be had.
    Secrets(SecretError),
    /// Its stores could not be opened.
    Store(SessionError),
}

impl Opening {
    fn into_error(self) -> SessionError {
        match self {
            Self::Secrets(error) => vault::notice_of(&error).into(),
            Self::Store(error) => error,
        }
    }
}
