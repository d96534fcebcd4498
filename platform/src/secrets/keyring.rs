//! The system keyring: the Secret Service on the session bus, or in a sandbox a file under the secret portal's key.
//!
//! Specification: <https://specifications.freedesktop.org/secret-service/latest/>
//!
//! oo7 panics when the bus goes away during a prompt and waits without end for prompts nobody answers. So each call
//! runs in a task of its own with a time limit; giving up drops its connection, which also closes the prompt.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use oo7::{Keyring, dbus, file};
use tokio::sync::Mutex;

use super::{Ask, Secret, SecretError, SecretStore};
use crate::{bus, identity};

/// oo7's own limit on one method call, which may end a call before ours does.
const METHOD_LIMIT: Duration = Duration::from_secs(30);

/// The keyring of the person's session.
#[derive(Debug, Default)]
pub struct KeyringStore {
    /// One call at a time: two at once would show two prompts.
    turn: Arc<Mutex<()>>,
}

impl KeyringStore {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    async fn run<T, F>(&self, limit: Duration, call: F) -> Result<T, SecretError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SecretError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.turn);
        let mut task = tokio::spawn(async move {
            let _turn = turn.lock().await;
            call.await
        });
        match tokio::time::timeout(limit, &mut task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) if error.is_panic() => {
                tracing::warn!("the keyring's connection broke while it was asked");
                Err(SecretError::Absent("the connection broke".into()))
            }
            Ok(Err(error)) => Err(SecretError::Failed(error.to_string())),
            Err(_) => {
                task.abort();
                Err(SecretError::Late(limit))
            }
        }
    }
}

#[async_trait::async_trait]
impl SecretStore for KeyringStore {
    async fn get(&self, profile: &str, ask: Ask) -> Result<Option<Secret>, SecretError> {
        let attributes = attributes(profile);
        self.run(ask.limit, async move {
            let Some(keyring) = existing(ask).await? else {
                return Ok(None);
            };
            let items = keyring.search_items(&attributes).await.map_err(failure)?;
            let Some(item) = items.first() else {
                return Ok(None);
            };
            if item.is_locked().await.map_err(failure)? {
                unlock(ask, item.unlock()).await?;
            }
            let secret = item.secret().await.map_err(failure)?;
            Ok(Some(Secret::new(secret.as_bytes())))
        })
        .await
    }

    async fn set(&self, profile: &str, secret: Secret, ask: Ask) -> Result<(), SecretError> {
        let attributes = attributes(profile);
        self.run(ask.limit, async move {
            let keyring = match existing(ask).await? {
                Some(keyring) => keyring,
                None => create(ask).await?,
            };
            let secret = oo7::Secret::blob(secret.expose());
            keyring
                .create_item(identity::NAME, &attributes, secret, true)
                .await
                .map_err(failure)
        })
        .await
    }

    async fn delete(&self, profile: &str, ask: Ask) -> Result<(), SecretError> {
        let attributes = attributes(profile);
        self.run(ask.limit, async move {
            let Some(keyring) = existing(ask).await? else {
                return Ok(());
            };
            keyring.delete(&attributes).await.map_err(failure)
        })
        .await
    }
}

/// What the item is found by; attributes are not secret.
fn attributes(profile: &str) -> HashMap<&'static str, String> {
    HashMap::from([
        (
            oo7::XDG_SCHEMA_ATTRIBUTE,
            format!("{}.Profile", identity::APP_ID),
        ),
        ("profile", profile.to_owned()),
    ])
}

/// The default keyring, unlocked; `None` if the service answers but has no such keyring yet.
async fn existing(ask: Ask) -> Result<Option<Keyring>, SecretError> {
    let keyring = if ashpd::is_sandboxed() {
        Keyring::new().await.map_err(failure)?
    } else {
        let service = dbus::Service::new().await.map_err(dbus_failure)?;
        let alias = dbus::Service::DEFAULT_COLLECTION;
        match service.with_alias(alias).await.map_err(dbus_failure)? {
            Some(collection) => Keyring::DBus(collection),
            None => return Ok(None),
        }
    };
    if keyring.is_locked().await.map_err(failure)? {
        unlock(ask, keyring.unlock()).await?;
    }
    Ok(Some(keyring))
}

/// Makes the default keyring, for which the service always asks the person.
async fn create(ask: Ask) -> Result<Keyring, SecretError> {
    if !ask.may_prompt {
        return Err(SecretError::Locked);
    }
    let service = dbus::Service::new().await.map_err(dbus_failure)?;
    service
        .default_collection()
        .await
        .map(Keyring::DBus)
        .map_err(dbus_failure)
}

async fn unlock(
    ask: Ask,
    unlocking: impl Future<Output = oo7::Result<()>>,
) -> Result<(), SecretError> {
    if !ask.may_prompt {
        return Err(SecretError::Locked);
    }
    unlocking.await.map_err(failure)
}

fn failure(error: oo7::Error) -> SecretError {
    match error {
        oo7::Error::DBus(error) => dbus_failure(error),
        oo7::Error::File(error) => file_failure(error),
    }
}

fn dbus_failure(error: dbus::Error) -> SecretError {
    match error {
        dbus::Error::Dismissed => SecretError::Denied,
        dbus::Error::Service(dbus::ServiceError::IsLocked(_)) => SecretError::Locked,
        dbus::Error::ZBus(error) | dbus::Error::Service(dbus::ServiceError::ZBus(error)) => {
            bus_failure(&error)
        }
        other => SecretError::Failed(other.to_string()),
    }
}

fn bus_failure(error: &zbus::Error) -> SecretError {
    if bus::is_absent(error) {
        SecretError::Absent(error.to_string())
    } else if bus::is_late(error) {
        SecretError::Late(METHOD_LIMIT)
    } else {
        SecretError::Failed(error.to_string())
    }
}

fn file_failure(error: file::Error) -> SecretError {
    match error {
        file::Error::Locked => SecretError::Locked,
        file::Error::Io(error) => SecretError::File(error),
        file::Error::Portal(ashpd::Error::PortalNotFound(name)) => {
            SecretError::Absent(format!("{name} is not offered"))
        }
        file::Error::Portal(ashpd::Error::Response(_)) => SecretError::Denied,
        file::Error::Portal(
            ashpd::Error::Zbus(error) | ashpd::Error::Portal(ashpd::PortalError::ZBus(error)),
        ) => bus_failure(&error),
        error @ (file::Error::IncorrectSecret
        | file::Error::PartiallyCorruptedKeyring { .. }
        | file::Error::FileHeaderMismatch(_)
        | file::Error::VersionMismatch(_)
        | file::Error::NoData
        | file::Error::ChecksumMismatch
        | file::Error::MacError) => SecretError::Damaged(error.to_string()),
        other => SecretError::Failed(other.to_string()),
    }
}
