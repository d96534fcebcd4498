//! Running in the background by leave of the portal, for sandboxes.
//!
//! Specification: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Background.html>

use ashpd::desktop::background::{BackgroundProxy, BackgroundRequestOptions};

use super::{Background, BackgroundError};
use crate::{bus::Bus, identity, portal};

/// The Background portal.
#[derive(Clone, Debug)]
pub struct PortalBackground {
    bus: Bus,
}

impl PortalBackground {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait::async_trait]
impl Background for PortalBackground {
    async fn request(&self, autostart: bool) -> Result<(), BackgroundError> {
        let bus = self.bus.clone();
        let granted = portal::ask(async move {
            let connection = bus.connection().await.map_err(|error| error.to_string())?;
            let text = |error: ashpd::Error| error.to_string();
            let proxy = BackgroundProxy::with_connection(connection)
                .await
                .map_err(text)?;
            let options = BackgroundRequestOptions::default()
                .set_reason("Receive messages while the window is closed")
                .set_auto_start(autostart)
                .set_command([identity::PROGRAM, "--background"])
                .set_dbus_activatable(false);
            let request = proxy.request_background(None, options).await;
            match request.and_then(|request| request.response()) {
                Ok(granted) => Ok(granted.run_in_background() && granted.auto_start() == autostart),
                Err(ashpd::Error::Response(_)) => Ok(false),
                Err(error) => Err(text(error)),
            }
        })
        .await;
        match granted {
            Ok(true) => Ok(()),
            Ok(false) => Err(BackgroundError::Denied),
            Err(error) => Err(BackgroundError::Portal(error)),
        }
    }
}
