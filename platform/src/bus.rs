//! The connection to the session bus: made when first needed, shared, and made anew after it broke.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

/// How long connecting to a bus may take; a bus answers in milliseconds or not at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a method call may take before it counts as unanswered.
const CALL_LIMIT: Duration = Duration::from_secs(25);

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// No bus is running, or it refused us.
    #[error("no session bus: {0}")]
    Absent(zbus::Error),
    /// It did not answer in time.
    #[error("the session bus did not answer in {0:?}")]
    Late(Duration),
}

#[derive(Clone, Debug)]
enum Place {
    Session,
    System,
    At(String),
}

/// A message bus, reached lazily; clones share one connection.
#[derive(Clone, Debug)]
pub struct Bus {
    place: Place,
    connection: Arc<Mutex<Option<zbus::Connection>>>,
}

impl Bus {
    /// The bus of the person's login session, from the environment.
    pub fn session() -> Self {
        Self::new(Place::Session)
    }

    /// The machine's bus, where NetworkManager and the modem are.
    pub fn system() -> Self {
        Self::new(Place::System)
    }

    /// The bus at an address such as `unix:path=/run/user/1000/bus`.
    pub fn at(address: impl Into<String>) -> Self {
        Self::new(Place::At(address.into()))
    }

    fn new(place: Place) -> Self {
        Self {
            place,
            connection: Arc::default(),
        }
    }

    /// The shared connection. Must be called inside a tokio runtime.
    pub async fn connection(&self) -> Result<zbus::Connection, BusError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = self.connect().await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// A connection of one's own, for a service that owns a name.
    pub async fn connect(&self) -> Result<zbus::Connection, BusError> {
        let connecting = async {
            match &self.place {
                Place::Session => zbus::connection::Builder::session()?,
                Place::System => zbus::connection::Builder::system()?,
                Place::At(address) => zbus::connection::Builder::address(address.as_str())?,
            }
            .method_timeout(CALL_LIMIT)
            .build()
            .await
        };
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(result) => result.map_err(BusError::Absent),
            Err(_) => Err(BusError::Late(CONNECT_LIMIT)),
        }
    }
}

/// Whether a call failed because nobody offers the service, as opposed to the service refusing.
pub(crate) fn is_absent(error: &zbus::Error) -> bool {
    use zbus::fdo::Error as Fdo;
    match error {
        zbus::Error::FDO(error) => matches!(
            **error,
            Fdo::ServiceUnknown(_)
                | Fdo::NameHasNoOwner(_)
                | Fdo::UnknownObject(_)
                | Fdo::UnknownInterface(_)
                | Fdo::UnknownMethod(_)
                | Fdo::SpawnExecFailed(_)
                | Fdo::SpawnServiceNotFound(_)
                | Fdo::SpawnChildExited(_)
                | Fdo::SpawnChildSignaled(_)
                | Fdo::NoServer(_)
                | Fdo::Disconnected(_)
        ),
        zbus::Error::MethodError(name, _, _) => {
            let name = name.as_str();
            name.starts_with("org.freedesktop.DBus.Error.Spawn")
                || matches!(
                    name.strip_prefix("org.freedesktop.DBus.Error."),
                    Some(
                        "ServiceUnknown"
                            | "NameHasNoOwner"
                            | "UnknownObject"
                            | "UnknownInterface"
                            | "UnknownMethod"
                            | "Disconnected"
                    )
                )
        }
        zbus::Error::InputOutput(error) => error.kind() != std::io::ErrorKind::TimedOut,
        zbus::Error::Connection(..) | zbus::Error::Address(_) | zbus::Error::Handshake(_) => true,
        _ => false,
    }
}

/// Whether a call failed because no answer came in time.
pub(crate) fn is_late(error: &zbus::Error) -> bool {
    use zbus::fdo::Error as Fdo;
    match error {
        zbus::Error::InputOutput(error) => error.kind() == std::io::ErrorKind::TimedOut,
        zbus::Error::FDO(error) => {
            matches!(
                **error,
                Fdo::NoReply(_) | Fdo::Timeout(_) | Fdo::TimedOut(_)
            )
        }
        zbus::Error::MethodError(name, _, _) => matches!(
            name.as_str().strip_prefix("org.freedesktop.DBus.Error."),
            Some("NoReply" | "Timeout" | "TimedOut")
        ),
        _ => false,
    }
}
