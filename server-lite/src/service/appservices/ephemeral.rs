//! Typing, receipts and presence for application services.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#pushing-ephemeral-data>

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Appservice, if_there, outbox::Entry};
use crate::{
    error::Result,
    service::{
        presence,
        rooms::{self, receipts, typing::Typing},
    },
};

impl Appservice {
    /// Who types now in the rooms it is told of, where that changed after serial `since`.
    pub(super) fn typing(
        &self,
        connection: &Connection,
        typing: &Typing,
        since: u64,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for room in typing.rooms_since(since) {
            if !self.wants_room(connection, room)? {
                continue;
            }
            let Some(users) = typing.since(room, since) else {
                continue;
            };
            let Some(room) = if_there(rooms::by_nid(connection, room))? else {
                continue;
            };
            let event = json!({
                "type": "m.typing", "room_id": room.id, "content": { "user_ids": users },
            });
            entries.push(Entry::Ephemeral(event.to_string()));
        }
        Ok(entries)
    }

    /// Receipts set after one position and up to another. Private ones only of its own users.
    pub(super) fn receipts(
        &self,
        connection: &Connection,
        after: i64,
        upto: i64,
    ) -> Result<Vec<Entry>> {
        type ByEvent = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;
        let mut by_room: BTreeMap<i64, ByEvent> = BTreeMap::new();
        for receipt in receipts::set_between(connection, after, upto)? {
            let is_private = receipt.kind != receipts::READ;
            if (is_private && !self.has_user(&receipt.user))
                || !self.wants_room(connection, receipt.room)?
            {
                continue;
            }
            let mut shown = json!({ "ts": receipt.ts });
            if !receipt.thread.is_empty() {
                shown["thread_id"] = Value::String(receipt.thread);
            }
            let events = by_room.entry(receipt.room).or_default();
            let kinds = events.entry(receipt.event_id).or_default();
            let users = kinds.entry(receipt.kind).or_default();
            users.insert(receipt.user, shown);
        }
        let mut entries = Vec::new();
        for (room, content) in by_room {
            if let Some(room) = if_there(rooms::by_nid(connection, room))? {
                let event = json!({ "type": "m.receipt", "room_id": room.id, "content": content });
                entries.push(Entry::Ephemeral(event.to_string()));
            }
        }
        Ok(entries)
    }

    /// Who came and went after one position and up to another.
    pub(super) fn presence(
        &self,
        connection: &Connection,
        after: i64,
        upto: i64,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (user, event) in presence::changed_between(connection, after, upto)? {
            if self.wants_user(connection, &user)? {
                entries.push(Entry::Ephemeral(event.get().to_owned()));
            }
        }
        Ok(entries)
    }
}
