//! What application services that encrypt must know: messages to devices, changed devices, keys that are left.
//!
//! [MSC4203](https://github.com/matrix-org/matrix-spec-proposals/pull/4203),
//! [MSC3202](https://github.com/matrix-org/matrix-spec-proposals/pull/3202)

use std::collections::{BTreeMap, BTreeSet};

use ruma::UserId;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::{Appservice, outbox::Entry, registration::Ephemeral};
use crate::{
    error::Result,
    service::{
        keys,
        rooms::{client_event::EventRow, membership},
        to_device,
    },
};

impl Appservice {
    /// Whether messages to devices of its users go to it.
    pub(super) fn wants_to_device(&self) -> bool {
        self.registration.encrypts || self.registration.ephemeral != Ephemeral::No
    }

    /// Messages sent to devices of its users after one position and up to another. They stay where they are as well:
    /// until they have arrived, or, where others may be interested, until the device itself has synced.
    pub(super) fn to_device(
        &self,
        connection: &Connection,
        after: i64,
        upto: i64,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for sent in to_device::sent_between(connection, after, upto)? {
            if !self.has_user(&sent.user_id) {
                continue;
            }
            let mut event: Map<String, Value> = serde_json::from_str(sent.event.get())?;
            event.insert("to_user_id".to_owned(), json!(sent.user_id));
            event.insert("to_device_id".to_owned(), json!(sent.device_id));
            let is_all_its_own = self.registration.encrypts && self.owns_user(&sent.user_id);
            let position = is_all_its_own.then_some(sent.position);
            entries.push(Entry::ToDevice(Value::Object(event).to_string(), position));
        }
        Ok(entries)
    }

    /// Whose devices changed after one position and up to another.
    pub(super) fn changed_devices(
        &self,
        connection: &Connection,
        after: i64,
        upto: i64,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for user in keys::changed_between(connection, after, upto)? {
            if self.wants_user(connection, &user)? {
                entries.push(Entry::Changed(user.to_string()));
            }
        }
        Ok(entries)
    }

    /// Whose devices become of interest, or no longer are, by an event in a room it is told of.
    pub(super) fn moved(
        &self,
        connection: &Connection,
        room: i64,
        event: &EventRow,
    ) -> Result<Vec<Entry>> {
        let Some(target) = event
            .state_key
            .as_deref()
            .filter(|_| event.kind == "m.room.member")
        else {
            return Ok(Vec::new());
        };
        let Ok(user) = <&UserId>::try_from(target) else {
            return Ok(Vec::new());
        };
        let is_joined = membership::is_joined(connection, room, user)?;
        if self.has_user(target) {
            if !is_joined {
                return Ok(Vec::new());
            }
            let others = membership::joined_users(connection, room)?;
            let others = others.iter().filter(|other| !self.has_user(other.as_str()));
            return Ok(others
                .map(|other| Entry::Changed(other.to_string()))
                .collect());
        }
        Ok(if is_joined {
            vec![Entry::Changed(target.to_owned())]
        } else if self.wants_user(connection, user)? {
            Vec::new()
        } else {
            vec![Entry::Left(target.to_owned())]
        })
    }

    /// The key counts and unused fallback keys of the devices of these users, for a transaction.
    pub(super) fn key_counts(
        &self,
        connection: &Connection,
        users: &BTreeSet<&str>,
    ) -> Result<(Value, Value)> {
        let mut counts: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
        let mut unused = counts.clone();
        for user in users {
            let Ok(user_id) = <&UserId>::try_from(*user) else {
                continue;
            };
            for device_id in keys::devices_with_keys(connection, user_id)? {
                let left = keys::counts(connection, user_id, &device_id)?;
                let of_user = counts.entry(user).or_default();
                of_user.insert(device_id.to_string(), json!(left));
                let kinds = keys::unused_fallback_types(connection, user_id, &device_id)?;
                let of_user = unused.entry(user).or_default();
                of_user.insert(device_id.to_string(), json!(kinds));
            }
        }
        Ok((json!(counts), json!(unused)))
    }
}
