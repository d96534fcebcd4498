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
    /// Whether new passwords are hashed so cheaply that tests need not wait (and thieves neither).
    pub fast_password_hash: bool,
}

impl Testing {
    /// What is switched on, and why no real server has it.
    pub fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let private = "testing.private_addresses is on: users can make this server speak to its own \
                       network";
        let fast = "testing.fast_password_hash is on: whoever gets hold of the database can guess the \
                    passwords that are set now";
        let all = [
            (self.private_addresses, private),
            (self.fast_password_hash, fast),
        ];
        all.into_iter()
            .filter(|(is_on, _)| *is_on)
            .map(|(_, text)| text)
    }
}
