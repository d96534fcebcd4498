//! The view model of recovery: the key is made, shown once, entered on another device, or all is begun anew.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#storage>,
//! <https://spec.matrix.org/v1.16/client-server-api/#server-side-key-backups>

use std::pin::pin;

use futures_util::StreamExt as _;
use matrix_sdk::{
    Client,
    encryption::{
        CrossSigningResetAuthType, VerificationState, backups::BackupState,
        recovery::RecoveryState as SdkState,
    },
};
use ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier};
use tokio::sync::mpsc;

use super::EncryptionError;
use crate::{
    core::Shared,
    runtime::Tasks,
    session::{Session, SessionState},
    view::{
        Pending,
        handle::{self, Driver, Handle},
        recovery::{BackupStatus, RecoveryAction, RecoveryState, RecoveryStatus},
    },
};

/// Recovery of the account signed in. Cheap to clone.
pub type RecoveryViewModel = Handle<RecoveryState, RecoveryAction, ()>;

type Screen = Driver<RecoveryState, RecoveryAction, ()>;

/// Begins to follow the session.
pub(crate) fn start(shared: &Shared) -> RecoveryViewModel {
    let (handle, driver) = handle::pair(RecoveryState::default());
    shared
        .tasks
        .detach("recovery", follow(shared.clone(), driver));
    handle
}

async fn follow(shared: Shared, mut driver: Screen) {
    let mut sessions = shared.sessions.state();
    loop {
        let session = match &*sessions.borrow_and_update() {
            SessionState::Ready(session) => Some(session.clone()),
            _ => None,
        };
        driver.update(|state| *state = RecoveryState::default());
        tokio::select! {
            () = run(session, &shared.tasks, &mut driver) => return,
            changed = sessions.changed() => if changed.is_err() { return },
        }
    }
}

/// A new key, or nothing, or why not.
type Outcome = Result<Option<String>, EncryptionError>;

/// Runs for a session until the last handle is dropped; without one it only lets actions go.
async fn run(session: Option<Session>, tasks: &Tasks, driver: &mut Screen) {
    let Some(session) = session else {
        while driver.actions.recv().await.is_some() {}
        return;
    };
    session.prepared().await;
    let client = session.client().clone();
    let encryption = client.encryption();
    let mut recovery = pin!(encryption.recovery().state_stream());
    let mut backup = pin!(encryption.backups().state_stream());
    let mut verified = encryption.verification_state();
    let (outcomes, mut outcomes_out) = mpsc::unbounded_channel::<Outcome>();
    show(&client, driver);
    loop {
        tokio::select! {
            action = driver.actions.recv() => match action {
                Some(RecoveryAction::KeySaved) => driver.update(|state| state.new_key = None),
                Some(action) => {
                    if driver.state.borrow().pending == Pending::Busy {
                        continue;
                    }
                    driver.update(|state| state.pending = Pending::Busy);
                    let (client, outcomes) = (client.clone(), outcomes.clone());
                    tasks.detach("recovery-step", async move {
                        let _ = outcomes.send(carry_out(&client, action).await);
                    });
                }
                None => return,
            },
            Some(outcome) = outcomes_out.recv() => {
                driver.update(|state| match outcome {
                    Ok(key) => {
                        state.pending = Pending::Idle;
                        state.new_key = key.or(state.new_key.take());
                    }
                    Err(error) => {
                        tracing::warn!(%error, "recovery failed");
                        state.pending = Pending::Failed(error.notice());
                    }
                });
                show(&client, driver);
            }
            Some(_) = recovery.next() => show(&client, driver),
            Some(_) = backup.next() => show(&client, driver),
            Some(_) = verified.next() => show(&client, driver),
        }
    }
}

async fn carry_out(client: &Client, action: RecoveryAction) -> Outcome {
    let recovery = client.encryption().recovery();
    match action {
        RecoveryAction::SetUp => Ok(Some(recovery.enable().await?)),
        RecoveryAction::Replace => Ok(Some(recovery.reset_key().await?)),
        RecoveryAction::Recover { key } => {
            recovery.recover_and_fix_backup(key.trim()).await?;
            Ok(None)
        }
        RecoveryAction::Reset { password } => reset(client, &password).await.map(Some),
        RecoveryAction::KeySaved => Ok(None),
    }
}

/// New keys in place of the old, and a new recovery key.
async fn reset(client: &Client, password: &str) -> Result<String, EncryptionError> {
    let recovery = client.encryption().recovery();
    if let Some(handle) = recovery.reset_identity().await? {
        let CrossSigningResetAuthType::Uiaa(info) = handle.auth_type() else {
            return Err(EncryptionError::OtherProof);
        };
        let user = client
            .user_id()
            .map(ToString::to_string)
            .unwrap_or_default();
        let identifier = UserIdentifier::Matrix(MatrixUserIdentifier::new(user));
        let mut proof = Password::new(identifier, password.to_owned());
        proof.session = info.session.clone();
        handle.reset(Some(AuthData::Password(proof))).await?;
    }
    Ok(recovery.enable().await?)
}

fn show(client: &Client, driver: &Screen) {
    let encryption = client.encryption();
    let status = match encryption.recovery().state() {
        SdkState::Unknown => RecoveryStatus::Unknown,
        SdkState::Enabled => RecoveryStatus::Enabled,
        SdkState::Disabled => RecoveryStatus::Disabled,
        SdkState::Incomplete => RecoveryStatus::Incomplete,
    };
    let backup = match encryption.backups().state() {
        BackupState::Unknown if status == RecoveryStatus::Unknown => BackupStatus::Unknown,
        BackupState::Unknown | BackupState::Disabling => BackupStatus::Off,
        BackupState::Creating | BackupState::Enabling | BackupState::Resuming => {
            BackupStatus::Uploading
        }
        BackupState::Downloading => BackupStatus::Downloading,
        BackupState::Enabled => BackupStatus::On,
    };
    let device_verified = encryption.verification_state().get() == VerificationState::Verified;
    driver.update(|state| {
        state.status = status;
        state.backup = backup;
        state.device_verified = device_verified;
    });
}
