//! The shape of the response.

use std::collections::BTreeMap;

use ruma::{OneTimeKeyAlgorithm, UInt};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::service::sync::device_lists::DeviceLists;

/// The body of a response of `/sync`.
#[derive(Debug, Default, Serialize)]
pub struct Response {
    pub(super) next_batch: String,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub(super) account_data: Events,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub(super) presence: Events,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub(super) to_device: Events,
    #[serde(skip_serializing_if = "DeviceLists::is_empty")]
    pub(super) device_lists: DeviceLists,
    pub(super) device_one_time_keys_count: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    pub(super) device_unused_fallback_key_types: Vec<OneTimeKeyAlgorithm>,
    #[serde(skip_serializing_if = "Rooms::is_empty")]
    pub(super) rooms: Rooms,
    /// Where the to-device messages of this response end, if more wait.
    #[serde(skip)]
    pub(super) to_device_upto: Option<u64>,
}

/// A list of events.
#[derive(Debug, Default, Serialize)]
pub(super) struct Events {
    pub events: Vec<Box<RawValue>>,
}

impl Events {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Rooms {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub join: BTreeMap<String, Joined>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub invite: BTreeMap<String, Invited>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub knock: BTreeMap<String, Knocked>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub leave: BTreeMap<String, Left>,
}

impl Rooms {
    pub(super) fn is_empty(&self) -> bool {
        self.join.is_empty()
            && self.invite.is_empty()
            && self.knock.is_empty()
            && self.leave.is_empty()
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Joined {
    pub summary: Summary,
    pub unread_notifications: Unread,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread_thread_notifications: BTreeMap<String, Unread>,
    pub timeline: Timeline,
    #[serde(flatten)]
    pub state: State,
    pub account_data: Events,
    pub ephemeral: Events,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Left {
    pub timeline: Timeline,
    #[serde(flatten)]
    pub state: State,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub account_data: Events,
}

/// State before the timeline, or after it.
#[derive(Debug, Serialize)]
pub(super) enum State {
    #[serde(rename = "state")]
    Before(Events),
    #[serde(rename = "state_after")]
    After(Events),
}

impl Default for State {
    fn default() -> Self {
        Self::Before(Events::default())
    }
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Before(events) | Self::After(events) => events.is_empty(),
        }
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Timeline {
    pub events: Vec<Box<RawValue>>,
    pub limited: bool,
    pub prev_batch: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    #[serde(rename = "m.heroes", skip_serializing_if = "Option::is_none")]
    pub heroes: Option<Vec<String>>,
    #[serde(
        rename = "m.joined_member_count",
        skip_serializing_if = "Option::is_none"
    )]
    pub n_joined: Option<u64>,
    #[serde(
        rename = "m.invited_member_count",
        skip_serializing_if = "Option::is_none"
    )]
    pub n_invited: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Unread {
    pub notification_count: u64,
    pub highlight_count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Invited {
    invite_state: Events,
}

impl Invited {
    pub(super) fn new(events: Vec<Box<RawValue>>) -> Self {
        Self {
            invite_state: Events { events },
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Knocked {
    knock_state: Events,
}

impl Knocked {
    pub(super) fn new(events: Vec<Box<RawValue>>) -> Self {
        Self {
            knock_state: Events { events },
        }
    }
}
