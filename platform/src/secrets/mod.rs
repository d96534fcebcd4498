//! Where a profile's secret (store passphrase, tokens) is kept: the system keyring, or a file under a passphrase.
//!
//! A keyring can be absent, locked, slow or refused, and each is told apart, because each asks something else of a person.

mod fake;
mod keyring;
mod passphrase_file;
mod secret;

use std::time::Duration;

pub use self::{
    fake::{FakeSecretStore, FakeState},
    keyring::KeyringStore,
    passphrase_file::PassphraseFile,
    secret::Secret,
};

/// How one question to the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The longest the call may take, prompts included.
    pub limit: Duration,
    /// Whether the system may ask the person to unlock the keyring.
    pub may_prompt: bool,
}

impl Ask {
    /// Ten seconds and no prompt: for a start in the background or over ssh.
    pub const fn quietly() -> Self {
        Self {
            limit: Duration::from_secs(10),
            may_prompt: false,
        }
    }

    /// Two minutes, in which the system may ask the person for the keyring's password.
    pub const fn with_prompt() -> Self {
        Self {
            limit: Duration::from_secs(120),
            may_prompt: true,
        }
    }
}

/// Why a secret could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no keyring here: no bus, or nobody offers the service. It may still come.
    #[error("no keyring is available: {0}")]
    Absent(String),
    /// The keyring is locked, and the person was not to be asked.
    #[error("the keyring is locked")]
    Locked,
    /// No answer within the limit.
    #[error("the keyring did not answer in {0:?}")]
    Late(Duration),
    /// The person, or the system, said no.
    #[error("the keyring refused")]
    Denied,
    /// The file is protected by a passphrase, which was not given.
    #[error("the passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not fit the file.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// What is stored is damaged or of a kind we do not know; the text says where.
    #[error("the stored secret is damaged: {0}")]
    Damaged(String),
    /// It was written by a newer version of the program.
    #[error("the secret file has version {found}, newer than {known}")]
    TooNew {
        /// The file's version.
        found: u8,
        /// The newest we know.
        known: u8,
    },
    /// Something else failed.
    #[error("the keyring failed: {0}")]
    Failed(String),
    /// A file could not be read or written.
    #[error("secret file: {0}")]
    File(#[from] std::io::Error),
}

impl SecretError {
    /// Whether asking again later can help without the person doing anything else.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Absent(_) | Self::Locked | Self::Late(_) | Self::Failed(_)
        )
    }
}

/// A place for one secret a profile.
#[async_trait::async_trait]
pub trait SecretStore: Send + Sync + std::fmt::Debug {
    /// The secret, or `None` if the store is open and holds none for this profile.
    async fn get(&self, profile: &str, ask: Ask) -> Result<Option<Secret>, SecretError>;
    /// Keeps a secret in place of the one before.
    async fn set(&self, profile: &str, secret: Secret, ask: Ask) -> Result<(), SecretError>;
    /// Removes it; removing what is not there is fine.
    async fn delete(&self, profile: &str, ask: Ask) -> Result<(), SecretError>;
}
