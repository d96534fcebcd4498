//! An event as the graph knows it, and the reader that state resolution wants.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#pdus>

use std::sync::Arc;

use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UInt,
    UserId, events::TimelineEventType,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, error::Result};

/// A stored event with its content still unread.
#[derive(Debug, Clone)]
pub struct Pdu {
    /// Its number in this database.
    pub nid: i64,
    /// Its identifier.
    pub event_id: OwnedEventId,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// Its place in the stream; 0 for an event that is only referred to.
    pub position: i64,
    /// Its depth in the graph.
    pub depth: i64,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// `type`
    pub kind: TimelineEventType,
    /// `state_key`
    pub state_key: Option<String>,
    /// `origin_server_ts`
    pub ts: MilliSecondsSinceUnixEpoch,
    /// `content`
    pub content: Box<RawValue>,
    /// `prev_events`
    pub prev_events: Vec<OwnedEventId>,
    /// `auth_events`
    pub auth_events: Vec<OwnedEventId>,
    /// `redacts`, at the place the room version has it.
    pub redacts: Option<OwnedEventId>,
    /// Whether event auth rejected it.
    pub rejected: bool,
}

/// The parts of the JSON that have no column.
#[derive(Deserialize)]
struct Parts {
    content: Box<RawValue>,
    #[serde(default)]
    prev_events: Vec<OwnedEventId>,
    #[serde(default)]
    auth_events: Vec<OwnedEventId>,
    redacts: Option<OwnedEventId>,
}

/// The columns of a row of `events`.
pub(super) struct Columns {
    pub nid: i64,
    pub event_id: String,
    pub position: Option<i64>,
    pub depth: i64,
    pub ts: i64,
    pub kind: String,
    pub state_key: Option<String>,
    pub sender: String,
    pub rejected: bool,
    pub json: String,
}

impl Pdu {
    /// Reads a row of `events`.
    pub(super) fn from_columns(room_id: &RoomId, columns: Columns) -> Result<Self> {
        let parts: Parts = serde_json::from_str(&columns.json).map_err(Error::internal)?;
        Ok(Self {
            nid: columns.nid,
            event_id: EventId::parse(columns.event_id).map_err(Error::internal)?,
            room_id: room_id.to_owned(),
            position: columns.position.unwrap_or(0),
            depth: columns.depth,
            sender: UserId::parse(columns.sender).map_err(Error::internal)?,
            kind: columns.kind.into(),
            state_key: columns.state_key,
            ts: MilliSecondsSinceUnixEpoch(UInt::try_from(columns.ts).unwrap_or_default()),
            content: parts.content,
            prev_events: parts.prev_events,
            auth_events: parts.auth_events,
            redacts: parts.redacts,
            rejected: columns.rejected,
        })
    }

    /// The content as `T`; the default of `T` where it does not fit.
    pub fn content_as<T: serde::de::DeserializeOwned + Default>(&self) -> T {
        serde_json::from_str(self.content.get()).unwrap_or_default()
    }

    /// A string directly in the content.
    pub fn content_str(&self, key: &str) -> Option<String> {
        let content: serde_json::Map<String, serde_json::Value> = self.content_as();
        content
            .get(key)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    }
}

/// A shared event, as state resolution passes them around.
pub type ArcPdu = Arc<Pdu>;

impl ruma::state_res::Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        // From room version 12 on the creation names no room: the room is named after it (MSC4291).
        let names_room =
            self.kind == TimelineEventType::RoomCreate && self.room_id.server_name().is_none();
        (!names_room).then_some(&*self.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&Self::Id> {
        self.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.rejected
    }
}
