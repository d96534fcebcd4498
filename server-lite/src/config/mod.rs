//! The configuration file: TOML, every key documented in [`TEMPLATE`], unknown keys refused by line.

mod appservices;
mod offers;
mod template;

use std::{
    net::IpAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use ruma::{OwnedServerName, RoomVersionId};
use serde::Deserialize;

pub use self::{
    appservices::{Appservices, Console},
    offers::{Presence, Rtc, Support, Testing, Turn},
    template::{TEMPLATE, render},
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be; the text names the line.
    #[error("{path}: {error}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A value is of the right type but makes no sense.
    #[error("{path}: {key}: {reason}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// Why.
        reason: String,
    },
}

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this server is.
    pub server: Server,
    /// Where it listens.
    #[serde(default)]
    pub listen: Listen,
    /// Where it keeps its data.
    pub storage: Storage,
    /// Who may make an account.
    #[serde(default)]
    pub registration: Registration,
    /// Rooms.
    #[serde(default)]
    pub rooms: Rooms,
    /// Sync.
    #[serde(default)]
    pub sync: Sync,
    /// Media.
    #[serde(default)]
    pub media: Media,
    /// Presence.
    #[serde(default)]
    pub presence: Presence,
    /// The relay for calls between two.
    #[serde(default)]
    pub turn: Turn,
    /// Services for calls of many.
    #[serde(default)]
    pub rtc: Rtc,
    /// Whom to ask for help.
    #[serde(default)]
    pub support: Support,
    /// Bridges and bots.
    #[serde(default)]
    pub appservices: Appservices,
    /// Rate limits.
    #[serde(default)]
    pub rate_limits: RateLimits,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// For tests only.
    #[serde(default)]
    pub testing: Testing,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The permanent name, the part after the colon in every user id.
    pub name: OwnedServerName,
    /// The address clients use, if it differs from the one they asked for the well-known file.
    pub public_url: Option<url::Url>,
}

/// `[listen]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// IP address to bind.
    pub address: IpAddr,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// Whether `X-Forwarded-For` is believed (only behind a reverse proxy).
    pub behind_proxy: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: IpAddr::from([127, 0, 0, 1]),
            port: 8008,
            behind_proxy: false,
        }
    }
}

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Directory of the database and the media.
    pub path: PathBuf,
    /// Upper bound of the database file in MiB; none if absent.
    pub max_database_mib: Option<NonZeroU32>,
}

/// `[registration]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// Whether anybody may make an account without a token.
    pub open: bool,
    /// A token that lets its bearer make an account.
    pub token: Option<String>,
    /// Whether guests are let in.
    pub guests: bool,
    /// A secret with which administrators' tools make accounts.
    pub shared_secret: Option<String>,
}

/// `[rooms]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// The version of new rooms.
    pub default_version: RoomVersionId,
    /// Whether only admins may publish rooms and aliases.
    pub publishing_by_admins_only: bool,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            default_version: RoomVersionId::V12,
            publishing_by_admins_only: false,
        }
    }
}

/// `[sync]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// Whether simplified sliding sync (MSC4186) is offered.
    pub sliding_sync: bool,
}

impl Default for Sync {
    fn default() -> Self {
        Self { sliding_sync: true }
    }
}

/// `[media]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// The largest upload in MiB.
    pub max_upload_mib: u32,
    /// Whether files can be read without an access token, at the endpoints of before Matrix 1.11.
    pub unauthenticated_downloads: bool,
    /// Whether the server looks at web pages its users link to, to show their titles.
    pub url_previews: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            max_upload_mib: 100,
            unauthenticated_downloads: false,
            url_previews: false,
        }
    }
}

/// `[rate_limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimits {
    /// Whether anything is limited at all.
    pub enabled: bool,
    /// Messages and state a user sends.
    pub messages: Rate,
    /// Joins, invites, room creation and the like, per user.
    pub rooms: Rate,
    /// Log-in attempts per address and per account.
    pub login: Rate,
    /// Registrations per address.
    pub registration: Rate,
    /// All else that the specification wants limited, per user.
    pub other: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enabled: true,
            messages: Rate {
                per_second: 10.0,
                burst: 100,
            },
            rooms: Rate {
                per_second: 2.0,
                burst: 50,
            },
            login: Rate {
                per_second: 0.2,
                burst: 20,
            },
            registration: Rate {
                per_second: 0.2,
                burst: 20,
            },
            other: Rate {
                per_second: 20.0,
                burst: 200,
            },
        }
    }
}

/// A token bucket.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How fast it refills.
    pub per_second: f64,
    /// How much it holds.
    pub burst: u32,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter such as `info` or `info,hardline_server=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads and checks the file at `path`. A relative `storage.path` counts from the file's folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            error,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            error: Box::new(error),
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.appservices.resolve(folder);
        if config.storage.path.is_relative() {
            config.storage.path = folder.join(&config.storage.path);
        }
        config.check(path)?;
        Ok(config)
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.storage.path.join("hardline-server.db")
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let fail = |key, reason: String| {
            Err(ConfigError::Value {
                path: path.to_owned(),
                key,
                reason,
            })
        };
        if let Err(reason) = check_server_name(self.server.name.as_str()) {
            return fail("server.name", reason);
        }
        if !crate::service::rooms::SUPPORTED_VERSIONS.contains(&self.rooms.default_version) {
            let reason = format!(
                "{} is not supported; use 6 to 12",
                self.rooms.default_version
            );
            return fail("rooms.default_version", reason);
        }
        if self
            .registration
            .token
            .as_ref()
            .is_some_and(|token| token.trim().is_empty())
        {
            return fail(
                "registration.token",
                "must not be empty; leave it out instead".to_owned(),
            );
        }
        let limits = &self.rate_limits;
        let rates = [
            limits.messages,
            limits.rooms,
            limits.login,
            limits.registration,
            limits.other,
        ];
        if rates
            .iter()
            .any(|r| !r.per_second.is_finite() || r.per_second <= 0.0 || r.burst == 0)
        {
            return fail(
                "rate_limits",
                "rates must be above zero; use enabled = false".to_owned(),
            );
        }
        Ok(())
    }
}

/// Whether `name` can be a server's name for life: DNS-shaped, no address, not `localhost`.
///
/// # Errors
/// What is wrong with it, as a sentence for people.
pub fn check_server_name(name: &str) -> Result<(), String> {
    let host = name.strip_suffix('.').unwrap_or(name);
    if name.contains(':') {
        return Err("a server name has no port and is no address; use a plain domain".to_owned());
    }
    if host.parse::<IpAddr>().is_ok() {
        return Err("an address changes and a server name never can; use a domain".to_owned());
    }
    if host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost") {
        return Err("localhost means another machine to everybody else; use a domain".to_owned());
    }
    if host != name || host.is_empty() || host.len() > 230 {
        return Err("use a domain of at most 230 characters, without a dot at its end".to_owned());
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("use lower case".to_owned());
    }
    if !host.contains('.') {
        return Err("use a domain with at least one dot, such as ada.example.org".to_owned());
    }
    if !host.split('.').all(is_dns_label) {
        return Err("each part may hold a–z, 0–9 and inner hyphens, 63 at most".to_owned());
    }
    Ok(())
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;
