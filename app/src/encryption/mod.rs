//! Encryption as people meet it: verification, recovery, identities that changed.
//!
//! Cross-signing keys are made at sign-in, by the session; keys of messages come from the SDK and, per opened room,
//! from the backup.

pub mod recovery;
pub mod verification;

use std::time::Duration;

use matrix_sdk::{
    Client,
    encryption::{
        CryptoStoreError, identities::RequestVerificationError, recovery::RecoveryError,
        secret_storage::SecretStorageError,
    },
};

use crate::{
    failure::{self, Doing},
    ids::UserId,
    notice::Notice,
};

/// How often, and after which pauses, the server is asked for a signature just made.
const SIGNATURE_LOOKS: usize = 20;
const SIGNATURE_PAUSE: Duration = Duration::from_millis(500);

/// Why something with encryption failed.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// The SDK or the server refused.
    #[error(transparent)]
    Sdk(#[from] matrix_sdk::Error),
    /// The store of keys failed.
    #[error(transparent)]
    Store(#[from] CryptoStoreError),
    /// Recovery failed.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A verification could not be asked for.
    #[error(transparent)]
    Request(#[from] RequestVerificationError),
    /// The person has no identity to verify, or the device is gone.
    #[error("there is nothing to verify")]
    NothingToVerify,
    /// The server wants another proof than a password.
    #[error("the server asks for a proof other than the password")]
    OtherProof,
}

impl EncryptionError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::Sdk(error) => failure::of_sdk(error, Doing::Other),
            Self::Store(error) => failure::of_store(error),
            Self::Recovery(error) => of_recovery(error),
            Self::Request(error) => failure::of_any(error),
            Self::NothingToVerify => Notice::NotAllowed,
            Self::OtherProof => Notice::NoKnownLogin {
                server: String::new(),
            },
        }
    }
}

fn of_recovery(error: &RecoveryError) -> Notice {
    match error {
        RecoveryError::Sdk(error) => failure::of_sdk(error, Doing::Other),
        RecoveryError::SecretStorage(
            SecretStorageError::SecretStorageKey(_) | SecretStorageError::MissingKeyInfo { .. },
        ) => Notice::WrongRecoveryKey,
        RecoveryError::SecretStorage(SecretStorageError::Sdk(error)) => {
            failure::of_sdk(error, Doing::Other)
        }
        RecoveryError::BackupExistsOnServer | RecoveryError::SecretStorage(_) => {
            failure::of_any(error)
        }
    }
}

/// Whether a person counts as verified, once the signature made after a comparison is on the server and back.
pub(crate) async fn becomes_verified(client: &Client, user_id: &UserId) -> bool {
    for _ in 0..SIGNATURE_LOOKS {
        verification::nudge::nudge(client).await;
        match client.encryption().request_user_identity(user_id).await {
            Ok(Some(identity)) if identity.is_verified() => return true,
            Ok(_) => {}
            Err(error) => tracing::debug!(%user_id, %error, "the identity could not be asked for"),
        }
        tokio::time::sleep(SIGNATURE_PAUSE).await;
    }
    false
}

/// Takes a person's new identity as theirs, after they were asked by other means.
pub(crate) async fn accept_identity(
    client: &Client,
    user_id: &UserId,
) -> Result<(), EncryptionError> {
    let identity = client.encryption().get_user_identity(user_id).await?;
    let identity = identity.ok_or(EncryptionError::NothingToVerify)?;
    if identity.has_verification_violation() {
        // It was verified once; accepting the new one means that it no longer is.
        identity.withdraw_verification().await?;
    }
    identity.pin().await?;
    Ok(())
}
