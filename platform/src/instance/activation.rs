//! Activation over D-Bus: the process of a profile owns a name and answers `org.freedesktop.Application` there.
//!
//! Specification: <https://specifications.freedesktop.org/desktop-entry-spec/latest/dbus.html>

use std::collections::HashMap;

use tokio::sync::mpsc;
use zbus::{
    fdo::{RequestNameFlags, RequestNameReply},
    zvariant::{OwnedValue, Value},
};

use super::{bus_name, object_path};
use crate::{
    bus::{Bus, BusError, is_absent},
    dirs::ProfileDirs,
};

/// What another start, the shell or a notification asks of the running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationRequest {
    /// Bring the window up.
    Activate {
        /// Lets the compositor raise the window (`XDG_ACTIVATION_TOKEN`).
        token: Option<String>,
    },
    /// Open links or files.
    Open {
        /// `matrix:`, `https:` and `file:` addresses.
        uris: Vec<String>,
        /// As above.
        token: Option<String>,
    },
    /// An action of the desktop file, or of a notification, by name.
    Action {
        /// Which.
        name: String,
        /// Its parameter, if it is a string.
        parameter: Option<String>,
        /// As above.
        token: Option<String>,
    },
}

/// Why the name could not be had or the request not delivered.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// No session bus; the control socket does without one.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Another process owns the name.
    #[error("another process owns {0}")]
    Owned(String),
    /// Nobody owns the name.
    #[error("no process owns {0}")]
    NotRunning(String),
    /// The call failed otherwise.
    #[error("activation failed: {0}")]
    Failed(#[from] zbus::Error),
}

/// Being found by, and finding, the process of a profile.
#[async_trait::async_trait]
pub trait Activation: Send + Sync + std::fmt::Debug {
    /// Takes the profile's name; requests arrive until the receiver is dropped, which gives the name back.
    async fn announce(
        &self,
        profile: &ProfileDirs,
    ) -> Result<mpsc::Receiver<ActivationRequest>, ActivationError>;

    /// Delivers a request to the process that owns the profile's name. Never starts one.
    async fn deliver(
        &self,
        profile: &ProfileDirs,
        request: ActivationRequest,
    ) -> Result<(), ActivationError>;
}

/// Activation on a bus.
#[derive(Clone, Debug)]
pub struct DBusActivation {
    bus: Bus,
}

impl DBusActivation {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait::async_trait]
impl Activation for DBusActivation {
    async fn announce(
        &self,
        profile: &ProfileDirs,
    ) -> Result<mpsc::Receiver<ActivationRequest>, ActivationError> {
        let name = bus_name(profile);
        let connection = self.bus.connect().await?;
        let (requests, receiver) = mpsc::channel(16);
        let application = Application {
            requests: requests.clone(),
        };
        connection
            .object_server()
            .at(object_path(profile), application)
            .await?;
        let flags = RequestNameFlags::DoNotQueue.into();
        match connection
            .request_name_with_flags(name.as_str(), flags)
            .await
        {
            Ok(RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner) => {}
            Ok(_) | Err(zbus::Error::NameTaken) => return Err(ActivationError::Owned(name)),
            Err(error) => return Err(error.into()),
        }
        tokio::spawn(async move {
            requests.closed().await;
            let _ = connection.release_name(name.as_str()).await;
            let _ = connection.close().await;
        });
        Ok(receiver)
    }

    async fn deliver(
        &self,
        profile: &ProfileDirs,
        request: ActivationRequest,
    ) -> Result<(), ActivationError> {
        let name = bus_name(profile);
        let connection = self.bus.connection().await?;
        let proxy = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&connection)
            .destination(name.as_str())?
            .path(object_path(profile))?
            .interface("org.freedesktop.Application")?
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        // NoAutoStart: the caller becomes the process itself if there is none.
        let quiet = zbus::proxy::MethodFlags::NoAutoStart.into();
        let called = match &request {
            ActivationRequest::Activate { token } => {
                let body = (platform_data(token.as_deref()),);
                proxy
                    .call_with_flags::<_, _, ()>("Activate", quiet, &body)
                    .await
            }
            ActivationRequest::Open { uris, token } => {
                let body = (uris, platform_data(token.as_deref()));
                proxy
                    .call_with_flags::<_, _, ()>("Open", quiet, &body)
                    .await
            }
            ActivationRequest::Action {
                name,
                parameter,
                token,
            } => {
                let parameters: Vec<Value<'_>> = parameter
                    .iter()
                    .map(|text| Value::from(text.as_str()))
                    .collect();
                let body = (name, parameters, platform_data(token.as_deref()));
                proxy
                    .call_with_flags::<_, _, ()>("ActivateAction", quiet, &body)
                    .await
            }
        };
        match called {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Err(ActivationError::NotRunning(name)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The D-Bus object of the running process.
struct Application {
    requests: mpsc::Sender<ActivationRequest>,
}

#[zbus::interface(name = "org.freedesktop.Application")]
impl Application {
    async fn activate(&self, platform_data: HashMap<String, OwnedValue>) {
        self.hand_on(ActivationRequest::Activate {
            token: token(&platform_data),
        });
    }

    async fn open(&self, uris: Vec<String>, platform_data: HashMap<String, OwnedValue>) {
        self.hand_on(ActivationRequest::Open {
            uris,
            token: token(&platform_data),
        });
    }

    async fn activate_action(
        &self,
        action_name: String,
        parameter: Vec<OwnedValue>,
        platform_data: HashMap<String, OwnedValue>,
    ) {
        let parameter = parameter
            .into_iter()
            .next()
            .and_then(|value| value.try_into().ok());
        let token = token(&platform_data);
        self.hand_on(ActivationRequest::Action {
            name: action_name,
            parameter,
            token,
        });
    }
}

impl Application {
    /// Drops requests when sixteen wait already: whoever floods us must not make us grow.
    fn hand_on(&self, request: ActivationRequest) {
        if self.requests.try_send(request).is_err() {
            tracing::warn!("an activation request was dropped");
        }
    }
}

fn token(platform_data: &HashMap<String, OwnedValue>) -> Option<String> {
    ["activation-token", "desktop-startup-id"]
        .iter()
        .filter_map(|key| platform_data.get(*key))
        .filter_map(|value| <&str>::try_from(value).ok())
        .find(|token| !token.is_empty())
        .map(str::to_owned)
}

fn platform_data(token: Option<&str>) -> HashMap<&'static str, Value<'_>> {
    token
        .into_iter()
        .flat_map(|token| {
            [
                ("activation-token", Value::from(token)),
                ("desktop-startup-id", Value::from(token)),
            ]
        })
        .collect()
}
