//! Where a session's secrets are kept: the system keyring, or a file under a passphrase. Never a plain file.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hardline_platform::{
    instance::profile_hash,
    secrets::{Ask, PassphraseFile, Secret, SecretError, SecretStore},
};
use matrix_sdk::SessionTokens;
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::client::StoreKey;
use crate::{notice::Notice, view::shell::SecretSource};

/// File name of the protected file inside a profile's folder.
const FILE: &str = "session.secret";

/// What must stay secret of a session, kept as one.
#[derive(Clone)]
pub(crate) struct Secrets {
    /// Access and refresh token.
    pub tokens: SessionTokens,
    /// Opens the SDK's stores.
    pub store_key: StoreKey,
}

/// As it is written. Versioned, since it outlives the program.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    store_key: String,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.refresh_token.zeroize();
        self.store_key.zeroize();
    }
}

impl Secrets {
    /// Secrets of a new session: its tokens and a fresh random key for its stores.
    pub fn new(tokens: SessionTokens) -> Self {
        let mut store_key = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(store_key.as_mut_slice());
        Self { tokens, store_key }
    }

    fn to_secret(&self) -> Result<Secret, SecretError> {
        let written = Written {
            version: 1,
            access_token: self.tokens.access_token.clone(),
            refresh_token: self.tokens.refresh_token.clone(),
            store_key: STANDARD_NO_PAD.encode(self.store_key.as_slice()),
        };
        serde_json::to_vec(&written)
            .map(Secret::new)
            .map_err(|error| SecretError::Failed(error.to_string()))
    }

    fn from_secret(secret: &Secret) -> Result<Self, SecretError> {
        let damaged = |what: &str| SecretError::Damaged(what.to_owned());
        let written: Written =
            serde_json::from_slice(secret.expose()).map_err(|_| damaged("not a session"))?;
        if written.version != 1 {
            let found = u8::try_from(written.version).unwrap_or(u8::MAX);
            return Err(SecretError::TooNew { found, known: 1 });
        }
        let bytes = Zeroizing::new(
            STANDARD_NO_PAD
                .decode(&written.store_key)
                .map_err(|_| damaged("the store's key"))?,
        );
        let mut store_key = Zeroizing::new([0; 32]);
        if bytes.len() != store_key.len() {
            return Err(damaged("the store's key"));
        }
        store_key.copy_from_slice(&bytes);
        Ok(Self {
            tokens: SessionTokens {
                access_token: written.access_token.clone(),
                refresh_token: written.refresh_token.clone(),
            },
            store_key,
        })
    }
}

/// The places a profile's secrets can be in.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    keyring: Arc<dyn SecretStore>,
    file: PassphraseFile,
    profile: String,
    dir: PathBuf,
    passphrase: Arc<Mutex<Option<Zeroizing<String>>>>,
}

impl Vault {
    /// The places of the profile in `dir`.
    pub fn new(
        keyring: Arc<dyn SecretStore>,
        dir: &Path,
        passphrase: Option<Zeroizing<String>>,
    ) -> Self {
        Self {
            keyring,
            file: PassphraseFile::new(dir.join(FILE)),
            profile: profile_hash(dir),
            dir: dir.to_owned(),
            passphrase: Arc::new(Mutex::new(passphrase)),
        }
    }

    /// Where secrets of a new session go: the file if a passphrase was given beforehand.
    pub fn preferred(&self) -> SecretSource {
        if self.passphrase().is_some() {
            SecretSource::PassphraseFile
        } else {
            SecretSource::Keyring
        }
    }

    /// The passphrase to use for the file from now on.
    pub fn set_passphrase(&self, passphrase: Zeroizing<String>) {
        *self
            .passphrase
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(passphrase);
    }

    /// The secrets. A passphrase that does not fit is forgotten again.
    pub async fn load(&self, source: SecretSource, ask: Ask) -> Result<Secrets, SecretError> {
        let secret = match source {
            SecretSource::Keyring => self.keyring.get(&self.profile, ask).await?,
            SecretSource::PassphraseFile => {
                let passphrase = self.passphrase().ok_or(SecretError::PassphraseNeeded)?;
                let read = self.with_file(move |file| file.read(&passphrase)).await;
                if matches!(read, Err(SecretError::WrongPassphrase)) {
                    self.passphrase
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .take();
                }
                read?
            }
        };
        let secret = secret.ok_or_else(|| SecretError::Absent("nothing is kept there".into()))?;
        Secrets::from_secret(&secret)
    }

    /// Keeps the secrets in place of those before.
    pub async fn save(
        &self,
        source: SecretSource,
        secrets: &Secrets,
        ask: Ask,
    ) -> Result<(), SecretError> {
        let secret = secrets.to_secret()?;
        match source {
            SecretSource::Keyring => self.keyring.set(&self.profile, secret, ask).await,
            SecretSource::PassphraseFile => {
                let passphrase = self.passphrase().ok_or(SecretError::PassphraseNeeded)?;
                self.with_file(move |file| file.write(&passphrase, &secret))
                    .await
            }
        }
    }

    /// Removes them.
    pub async fn delete(&self, source: SecretSource, ask: Ask) -> Result<(), SecretError> {
        match source {
            SecretSource::Keyring => self.keyring.delete(&self.profile, ask).await,
            SecretSource::PassphraseFile => self.with_file(|file| file.delete()).await,
        }
    }

    /// Puts the secrets of damaged stores away, since only they can open what was kept of them for a repair.
    pub async fn set_aside(&self, source: SecretSource) -> Result<(), SecretError> {
        match source {
            SecretSource::Keyring => {
                let ask = Ask::quietly();
                if let Some(secret) = self.keyring.get(&self.profile, ask).await? {
                    let name = format!("{}-damaged", self.profile);
                    self.keyring.set(&name, secret, ask).await?;
                }
                self.keyring.delete(&self.profile, ask).await
            }
            SecretSource::PassphraseFile => {
                let (from, to) = (
                    self.dir.join(FILE),
                    self.dir.join(format!("{FILE}.damaged")),
                );
                Ok(tokio::fs::rename(from, to).await?)
            }
        }
    }

    fn passphrase(&self) -> Option<Zeroizing<String>> {
        self.passphrase
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Key derivation is slow on purpose: off the async threads.
    async fn with_file<T, F>(&self, call: F) -> Result<T, SecretError>
    where
        T: Send + 'static,
        F: FnOnce(&PassphraseFile) -> Result<T, SecretError> + Send + 'static,
    {
        let file = self.file.clone();
        tokio::task::spawn_blocking(move || call(&file))
            .await
            .map_err(|error| SecretError::Failed(error.to_string()))?
    }
}

/// What the person is told when secrets cannot be had.
pub(crate) fn notice_of(error: &SecretError) -> Notice {
    match error {
        SecretError::Absent(_) | SecretError::Late(_) | SecretError::Failed(_) => {
            Notice::KeyringUnavailable { locked: false }
        }
        SecretError::Locked | SecretError::Denied => Notice::KeyringUnavailable { locked: true },
        SecretError::PassphraseNeeded => Notice::PassphraseNeeded,
        SecretError::WrongPassphrase => Notice::WrongPassphrase,
        SecretError::Damaged(_) => Notice::StoreDamaged { kept_as: None },
        SecretError::TooNew { found, known } => Notice::StoreTooNew {
            found: (*found).into(),
            supported: (*known).into(),
        },
        SecretError::File(error) => crate::failure::of_any(error),
    }
}

#[cfg(test)]
mod tests {
    use hardline_platform::secrets::{FakeSecretStore, FakeState};

    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(SessionTokens {
            access_token: "token-nobody-may-see".to_owned(),
            refresh_token: Some("another".to_owned()),
        })
    }

    #[tokio::test]
    async fn secrets_survive_in_the_keyring() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::new(Arc::new(FakeSecretStore::default()), dir.path(), None);
        let before = secrets();
        vault
            .save(vault.preferred(), &before, Ask::quietly())
            .await
            .unwrap();
        let after = vault
            .load(SecretSource::Keyring, Ask::quietly())
            .await
            .unwrap();
        assert_eq!(after.tokens, before.tokens);
        assert_eq!(after.store_key, before.store_key);
    }

    #[tokio::test]
    async fn no_file_of_the_profile_holds_a_token_in_the_clear() {
        let dir = tempfile::tempdir().unwrap();
        let passphrase = Some(Zeroizing::new("correct horse".to_owned()));
        let vault = Vault::new(Arc::new(FakeSecretStore::default()), dir.path(), passphrase);
        vault
            .save(SecretSource::PassphraseFile, &secrets(), Ask::quietly())
            .await
            .unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(5).any(|part| part == b"token"));
        }
        let after = vault
            .load(SecretSource::PassphraseFile, Ask::quietly())
            .await
            .unwrap();
        assert_eq!(after.tokens.access_token, "token-nobody-may-see");
    }

    #[tokio::test]
    async fn a_wrong_passphrase_is_told_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Arc::new(FakeSecretStore::default());
        let vault = Vault::new(
            keyring,
            dir.path(),
            Some(Zeroizing::new("right".to_owned())),
        );
        vault
            .save(SecretSource::PassphraseFile, &secrets(), Ask::quietly())
            .await
            .unwrap();
        vault.set_passphrase(Zeroizing::new("wrong".to_owned()));
        let error = vault
            .load(SecretSource::PassphraseFile, Ask::quietly())
            .await
            .err()
            .unwrap();
        assert_eq!(notice_of(&error), Notice::WrongPassphrase);
        let error = vault
            .load(SecretSource::PassphraseFile, Ask::quietly())
            .await
            .err()
            .unwrap();
        assert_eq!(
            notice_of(&error),
            Notice::PassphraseNeeded,
            "asked for again"
        );
    }

    #[tokio::test]
    async fn an_absent_and_a_locked_keyring_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let keyring = FakeSecretStore::default();
        let vault = Vault::new(Arc::new(keyring.clone()), dir.path(), None);
        for (state, locked) in [(FakeState::Absent, false), (FakeState::Locked, true)] {
            keyring.set_state(state);
            let error = vault
                .load(SecretSource::Keyring, Ask::quietly())
                .await
                .err()
                .unwrap();
            assert_eq!(notice_of(&error), Notice::KeyringUnavailable { locked });
        }
    }
}
