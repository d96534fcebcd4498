//! An event as clients see it: without the graph, with `unsigned`.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-event-format>

use ruma::{DeviceId, UserId};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Room, aggregation, visibility::Visibility};
use crate::{Error, error::Result, service::now_ms};

/// For whom events are written.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// Their device, which gets its transaction ids back.
    pub device_id: &'a DeviceId,
}

/// A row of `events` with what the client format needs.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its number.
    pub nid: i64,
    /// Its identifier.
    pub event_id: String,
    /// Its place in the stream.
    pub position: i64,
    /// `type`
    pub kind: String,
    /// `state_key`
    pub state_key: Option<String>,
    /// `sender`
    pub sender: String,
    /// `origin_server_ts`
    pub ts: i64,
    replaces: Option<i64>,
    redacted_by: Option<i64>,
    device_id: Option<String>,
    txn_id: Option<String>,
    json: String,
}

/// The columns [`EventRow::read`] wants, of a table called `e`.
pub const COLUMNS: &str = "e.nid, e.event_id, e.position, e.type, e.state_key, e.sender, e.ts,
                           e.replaces, e.redacted_by, e.device_id, e.txn_id, e.json";

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(borrow)]
    redacts: Option<&'a RawValue>,
}

/// Whether `room_id` is part of the event: yes in single events, no inside a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// With `room_id`.
    Full,
    /// Without.
    Sync,
}

#[derive(Serialize)]
struct ClientEvent<'a> {
    content: &'a RawValue,
    event_id: &'a str,
    origin_server_ts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<&'a str>,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacts: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: &'a str,
    unsigned: Unsigned,
}

#[derive(Default, Serialize)]
struct Unsigned {
    age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    #[serde(rename = "m.relations", skip_serializing_if = "Option::is_none")]
    relations: Option<Box<RawValue>>,
}

impl EventRow {
    /// Reads [`COLUMNS`].
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            nid: row.get(0)?,
            event_id: row.get(1)?,
            position: row.get::<_, Option<i64>>(2)?.unwrap_or(0),
            kind: row.get(3)?,
            state_key: row.get(4)?,
            sender: row.get(5)?,
            ts: row.get(6)?,
            replaces: row.get(7)?,
            redacted_by: row.get(8)?,
            device_id: row.get(9)?,
            txn_id: row.get(10)?,
            json: row.get(11)?,
        })
    }

    /// The row with this number.
    pub fn by_nid(connection: &Connection, nid: i64) -> Result<Self> {
        Ok(connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM events e WHERE e.nid = ?1"))?
            .query_row([nid], Self::read)?)
    }

    /// Rows by their numbers, in the same order.
    pub fn by_nids(connection: &Connection, nids: &[i64]) -> Result<Vec<Self>> {
        nids.iter()
            .map(|nid| Self::by_nid(connection, *nid))
            .collect()
    }

    /// The `content` alone.
    pub fn content(&self) -> Result<Box<RawValue>> {
        Ok(self.parts()?.content.to_owned())
    }

    /// The content as `T`; the default of `T` where it does not fit.
    pub fn content_as<'a, T: Deserialize<'a> + Default>(&'a self) -> T {
        let parts = self.parts().ok();
        parts
            .and_then(|parts| serde_json::from_str(parts.content.get()).ok())
            .unwrap_or_default()
    }

    /// Whether it was redacted.
    pub fn is_redacted(&self) -> bool {
        self.redacted_by.is_some()
    }

    fn parts(&self) -> Result<Parts<'_>> {
        serde_json::from_str(&self.json).map_err(Error::internal)
    }

    /// The event for clients, with the bundled aggregations where `bundle` says so.
    pub fn to_client(
        &self,
        connection: &Connection,
        room: &Room,
        viewer: Viewer<'_>,
        format: Format,
        visibility: Option<&Visibility>,
        bundle: bool,
    ) -> Result<Box<RawValue>> {
        let mut unsigned = self.unsigned(connection, room, viewer)?;
        unsigned.membership =
            visibility.map(|visibility| visibility.membership_at(self.position).to_owned());
        if bundle && self.redacted_by.is_none() && self.state_key.is_none() {
            unsigned.relations = aggregation::bundle(connection, room, viewer, self)?;
        }
        let parts = self.parts()?;
        Ok(to_raw_value(&ClientEvent {
            content: parts.content,
            event_id: &self.event_id,
            origin_server_ts: self.ts,
            room_id: (format == Format::Full).then_some(room.id.as_str()),
            sender: &self.sender,
            state_key: self.state_key.as_deref(),
            redacts: parts.redacts.or(self.redacts_in_content(&parts).as_deref()),
            kind: &self.kind,
            unsigned,
        })?)
    }

    /// Clients older than room version 11 look for `redacts` at the top level.
    fn redacts_in_content(&self, parts: &Parts<'_>) -> Option<Box<RawValue>> {
        #[derive(Deserialize)]
        struct Redacts {
            redacts: Option<Box<RawValue>>,
        }
        (self.kind == "m.room.redaction")
            .then(|| {
                serde_json::from_str::<Redacts>(parts.content.get())
                    .ok()?
                    .redacts
            })
            .flatten()
    }

    fn unsigned(
        &self,
        connection: &Connection,
        room: &Room,
        viewer: Viewer<'_>,
    ) -> Result<Unsigned> {
        let mut unsigned = Unsigned {
            age: (now_ms() - self.ts).max(0),
            ..Unsigned::default()
        };
        if self.sender == viewer.user_id.as_str()
            && self.device_id.as_deref() == Some(viewer.device_id.as_str())
        {
            unsigned.transaction_id.clone_from(&self.txn_id);
        }
        if let Some(replaces) = self.replaces {
            let before = Self::by_nid(connection, replaces)?;
            unsigned.prev_content = Some(before.content()?);
            unsigned.prev_sender = Some(before.sender.clone());
            unsigned.replaces_state = Some(before.event_id);
        }
        if let Some(redacted_by) = self.redacted_by {
            let redaction = Self::by_nid(connection, redacted_by)?;
            let json = redaction.to_client(connection, room, viewer, Format::Full, None, false)?;
            unsigned.redacted_because = Some(json);
        }
        Ok(unsigned)
    }

    /// The four fields of stripped state, for those who are not (yet) in the room.
    pub fn to_stripped(&self) -> Result<Box<RawValue>> {
        #[derive(Serialize)]
        struct Stripped<'a> {
            content: &'a RawValue,
            sender: &'a str,
            state_key: &'a str,
            #[serde(rename = "type")]
            kind: &'a str,
            event_id: &'a str,
            origin_server_ts: i64,
        }
        Ok(to_raw_value(&Stripped {
            content: self.parts()?.content,
            sender: &self.sender,
            state_key: self.state_key.as_deref().unwrap_or_default(),
            kind: &self.kind,
            event_id: &self.event_id,
            origin_server_ts: self.ts,
        })?)
    }

    /// The whole event as state resolution and push rules look at it.
    pub fn pdu_json(&self) -> &str {
        &self.json
    }
}
