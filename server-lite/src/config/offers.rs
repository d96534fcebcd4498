//! Sections about what a server may offer besides rooms.

use std::time::Duration;

use ruma::OwnedUserId;
use serde::Deserialize;

/// `[presence]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Presence {
    /// Whether people see who of those they share a room with is there.
    pub enabled: bool,
}

impl Default for Presence {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// `[turn]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// Addresses of the relay; none means calls have to do without.
    pub uris: Vec<String>,
    /// The secret shared with coturn (`static-auth-secret`).
    pub secret: Option<String>,
    /// How long credentials live, in seconds.
    pub lifetime_seconds: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            uris: Vec::new(),
            secret: None,
            lifetime_seconds: 86_400,
        }
    }
}

impl Turn {
    /// How long credentials live.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_seconds.into())
    }
}

/// `[rtc]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rtc {
    /// Addresses of LiveKit services (`lk-jwt-service`) for calls of many.
    pub livekit_service_urls: Vec<url::Url>,
}

/// `[support]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Support {
    /// A page with help.
    pub page: Option<url::Url>,
    /// Where the administrator reads e-mail.
    pub email: Option<String>,
    /// Where the administrator reads messages.
    pub matrix_id: Option<OwnedUserId>,
}

/// `[testing]`: what no server that others use should have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Testing {
    /// Whether push gateways (and other addresses users name) may be in the local network.
    pub private_addresses: bool,
}
