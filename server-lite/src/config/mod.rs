//! The configuration file: TOML, every key documented in [`TEMPLATE`], unknown keys refused by line.

mod appservices;
mod check;
mod listeners;
mod offers;
mod place;
mod safety;
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
    check::check_server_name,
    listeners::{Listener, Metrics, Serves, Tls},
    offers::{Presence, Rtc, Support, Testing, Turn},
    safety::{Invites, Limits, Safety, ServerNotices},
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
    #[error("{path}: {error}{hint}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
        /// What was probably meant.
        hint: String,
    },
    /// A value is of the right type but makes no sense.
    #[error("{path}: {}{key}: {reason}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Value {
        /// Which file.
        path: PathBuf,
        /// On which line, where the file has the key.
        line: Option<usize>,
        /// Which key.
        key: String,
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
    /// Where it listens, where once is not enough.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Whom it trusts when it asks others.
    #[serde(default)]
    pub tls: Tls,
    /// Where its figures are shown.
    #[serde(default)]
    pub metrics: Metrics,
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
    /// Invitations, and limits against nuisance.
    #[serde(default)]
    pub safety: Safety,
    /// Messages from the server to its users.
    #[serde(default)]
    pub server_notices: ServerNotices,
    /// Limits for connections.
    #[serde(default)]
    pub limits: Limits,
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
    /// With less space than this on the disk no files are taken; a twentieth of the disk, 256 MiB at most, if absent.
    pub reserve_mib: Option<u32>,
    /// How often the disk is looked at, in seconds.
    #[serde(default = "ten")]
    pub watch_seconds: NonZeroU32,
}

fn ten() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
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
    /// How much one user may store, in MiB; none sets no limit.
    pub quota_mib_per_user: Option<NonZeroU32>,
    /// How much all files together may take, in MiB; none sets no limit.
    pub max_total_mib: Option<NonZeroU32>,
    /// After how many days a file that nobody reads is deleted; none keeps them.
    pub retention_days: Option<NonZeroU32>,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            max_upload_mib: 100,
            unauthenticated_downloads: false,
            url_previews: false,
            quota_mib_per_user: None,
            max_total_mib: None,
            retention_days: None,
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
    /// A request that takes longer, waiting for news not counted, is logged as a warning; in milliseconds.
    pub slow_request_ms: u32,
    /// The same for a commit to the database.
    pub slow_commit_ms: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
            slow_request_ms: 1_000,
            slow_commit_ms: 500,
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
    /// Reads and checks the file at `path`. Relative paths in it count from the file's folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
            path: path.to_owned(),
            error,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let hint = place::with_suggestion(error.message()).unwrap_or_default();
            ConfigError::Parse {
                path: path.to_owned(),
                error: Box::new(error),
                hint,
            }
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.appservices.resolve(folder);
        for file in config.files_mut() {
            if file.is_relative() {
                *file = folder.join(&*file);
            }
        }
        config.check(&text).map_err(|wrong| ConfigError::Value {
            path: path.to_owned(),
            line: place::line_of(&text, &wrong.key),
            key: wrong.key,
            reason: wrong.reason,
        })?;
        Ok(config)
    }

    fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let of_listeners = self.listeners.iter_mut();
        let of_listeners = of_listeners.flat_map(|l| [&mut l.certificate, &mut l.key]);
        std::iter::once(&mut self.storage.path)
            .chain(of_listeners.flatten())
            .chain(&mut self.tls.extra_ca_files)
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.storage.path.join("hardline-server.db")
    }
}

#[cfg(test)]
mod tests;
