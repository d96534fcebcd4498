//! The body of a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::{Error, error::Result};

/// At most so many lists, and so many subscriptions, are taken.
const MAX_ENTRIES: usize = 100;

/// The body.
#[derive(Debug, Default, Deserialize)]
pub struct Body {
    /// Names one of several connections of a device.
    pub conn_id: Option<String>,
    /// Returned as it is.
    pub txn_id: Option<String>,
    /// Windows onto the list of rooms.
    #[serde(default)]
    pub lists: BTreeMap<String, List>,
    /// Single rooms.
    #[serde(default)]
    pub room_subscriptions: BTreeMap<String, RoomConfig>,
    /// What else is wanted.
    #[serde(default)]
    pub extensions: Extensions,
}

impl Body {
    /// Reads a body.
    ///
    /// # Errors
    /// `M_BAD_JSON`, or `M_INVALID_PARAM` where it holds too much.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let body: Self =
            serde_json::from_slice(bytes).map_err(|error| Error::bad_json(error.to_string()))?;
        if body.lists.len() > MAX_ENTRIES || body.room_subscriptions.len() > MAX_ENTRIES {
            let message = format!("At most {MAX_ENTRIES} lists and subscriptions are allowed.");
            return Err(Error::invalid_param(message));
        }
        Ok(body)
    }
}

/// What is wanted of a room.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct RoomConfig {
    /// How many of the newest events.
    #[serde(default)]
    pub timeline_limit: usize,
    /// Which state, as pairs of type and key.
    #[serde(default)]
    pub required_state: Vec<(String, String)>,
}

/// A window.
#[derive(Debug, Default, Deserialize)]
pub struct List {
    /// Ranges of indices, both ends included; none for all rooms.
    #[serde(default, deserialize_with = "ranges")]
    pub ranges: Option<Vec<(usize, usize)>>,
    /// The same with a single range.
    pub range: Option<(usize, usize)>,
    /// What is wanted of each room.
    #[serde(flatten)]
    pub config: RoomConfig,
    /// Which rooms.
    #[serde(default)]
    pub filters: Filters,
}

fn ranges<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<(usize, usize)>>, D::Error> {
    Option::deserialize(deserializer)
}

/// Which rooms a window shows; all conditions must hold.
#[derive(Debug, Default, Deserialize)]
pub struct Filters {
    /// Direct rooms only, or none of them.
    pub is_dm: Option<bool>,
    /// Encrypted rooms only, or none of them.
    pub is_encrypted: Option<bool>,
    /// Invitations only, or none of them.
    #[serde(alias = "is_invited")]
    pub is_invite: Option<bool>,
    /// Only rooms of these types; `None` inside for rooms without.
    pub room_types: Option<Vec<Option<String>>>,
    /// No rooms of these types.
    #[serde(default)]
    pub not_room_types: Vec<Option<String>>,
    /// Only children of these spaces.
    pub spaces: Option<Vec<String>>,
    /// Only rooms with one of these tags.
    pub tags: Option<Vec<String>>,
    /// No rooms with one of these tags.
    #[serde(default)]
    pub not_tags: Vec<String>,
}

/// The extensions.
#[derive(Debug, Default, Deserialize)]
pub struct Extensions {
    /// To-device messages.
    #[serde(default)]
    pub to_device: ToDevice,
    /// Device lists and key counts.
    #[serde(default)]
    pub e2ee: Extension,
    /// Account data.
    #[serde(default)]
    pub account_data: Extension,
    /// Receipts.
    #[serde(default)]
    pub receipts: Extension,
    /// Typing.
    #[serde(default)]
    pub typing: Extension,
}

/// An extension and the rooms it covers.
#[derive(Debug, Default, Deserialize)]
pub struct Extension {
    /// Whether it is on.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Only rooms in these windows; all windows if absent.
    pub lists: Option<Vec<String>>,
    /// Only these subscriptions (`*` for all of them); all if absent.
    pub rooms: Option<Vec<String>>,
}

impl Extension {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.enabled == Some(true)
    }
}

/// The to-device extension.
#[derive(Debug, Default, Deserialize)]
pub struct ToDevice {
    /// Whether it is on.
    pub enabled: Option<bool>,
    /// How many messages at most.
    pub limit: Option<usize>,
    /// `next_batch` of the last response: everything before it has arrived.
    pub since: Option<String>,
}

impl ToDevice {
    /// The position up to which everything has arrived.
    ///
    /// # Errors
    /// `M_INVALID_PARAM`.
    pub fn acknowledged(&self) -> Result<u64> {
        let Some(since) = self.since.as_deref().filter(|since| !since.is_empty()) else {
            return Ok(0);
        };
        since
            .parse()
            .map_err(|_| Error::invalid_param("Unknown to-device token."))
    }
}
