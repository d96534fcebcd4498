//! Sections about keeping people safe from each other, and the server from everybody.

use std::{num::NonZeroU32, time::Duration};

use serde::Deserialize;

/// `[safety]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Safety {
    /// Who may invite whom.
    pub invites: Invites,
    /// Users who neither invite anybody here nor are invited from here; `*` and `?` stand for any.
    pub blocked_users: Vec<String>,
    /// The same for whole servers.
    pub blocked_servers: Vec<String>,
    /// How many strangers one user may invite in an hour; 0 sets no limit.
    pub strangers_per_hour: u32,
    /// In how many rooms one user may say the same within ten minutes; 0 sets no limit.
    pub same_message_rooms: u32,
    /// How many files one user may upload in an hour; 0 sets no limit.
    pub uploads_per_hour: u32,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            invites: Invites::Everyone,
            blocked_users: Vec::new(),
            blocked_servers: Vec::new(),
            strangers_per_hour: 60,
            same_message_rooms: 10,
            uploads_per_hour: 600,
        }
    }
}

/// Who may invite whom.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Invites {
    /// Anybody may invite anybody.
    Everyone,
    /// Only people who share a room already; whoever knocks is let in.
    SharedRoom,
    /// Only people who were in the room before; whoever knocks is let in.
    NobodyNew,
}

/// `[server_notices]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerNotices {
    /// The name of the account that sends notices, the part between @ and the colon.
    pub localpart: String,
    /// The name it shows.
    pub display_name: String,
    /// The name of the rooms.
    pub room_name: String,
}

impl Default for ServerNotices {
    fn default() -> Self {
        Self {
            localpart: "server-notices".to_owned(),
            display_name: "Server notices".to_owned(),
            room_name: "Server notices".to_owned(),
        }
    }
}

/// `[limits]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many connections one address may hold open; 0 sets no limit.
    pub connections_per_address: u32,
    /// How long a client may take to say what it wants, and how long it may stay silent between requests.
    pub header_seconds: NonZeroU32,
    /// How long a client may stop in the middle of sending or receiving.
    pub stall_seconds: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let some = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            connections_per_address: 2048,
            header_seconds: some(60),
            stall_seconds: some(60),
        }
    }
}

impl Limits {
    /// How long a client may take to say what it wants.
    pub fn header(&self) -> Duration {
        Duration::from_secs(self.header_seconds.get().into())
    }

    /// How long a client may stop in the middle.
    pub fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds.get().into())
    }
}
