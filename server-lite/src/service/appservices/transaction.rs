//! The body of a transaction.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#put_matrixappv1transactionstxnid>

use std::collections::BTreeSet;

use ruma::{DeviceId, UserId};
use rusqlite::Connection;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{Appservice, if_there, outbox::Entry, registration::Ephemeral};
use crate::{
    error::Result,
    service::{
        json::to_raw,
        rooms::{
            self,
            client_event::{EventRow, Format, Viewer},
            events, membership,
        },
        sync::stripped,
    },
};

/// Puts a transaction together out of its entries.
pub(super) fn body(
    connection: &Connection,
    appservice: &Appservice,
    entries: &[Entry],
) -> Result<Box<RawValue>> {
    let mut lists = Lists::default();
    for entry in entries {
        lists.take(connection, appservice, entry)?;
    }
    let mut body = Map::new();
    body.insert("events".to_owned(), Value::Array(lists.events));
    if !lists.ephemeral.is_empty() {
        if appservice.registration.ephemeral == Ephemeral::Both {
            let again = Value::Array(lists.ephemeral.clone());
            body.insert("de.sorunome.msc2409.ephemeral".to_owned(), again);
        }
        body.insert("ephemeral".to_owned(), Value::Array(lists.ephemeral));
    }
    if !lists.to_device.is_empty() {
        let list = Value::Array(lists.to_device);
        body.insert("de.sorunome.msc2409.to_device".to_owned(), list);
    }
    if appservice.registration.encrypts {
        // Those whose devices changed after they left are not told twice.
        let left: BTreeSet<_> = lists.left.difference(&lists.changed).collect();
        let device_lists = json!({ "changed": lists.changed, "left": left });
        lists
            .users
            .insert(appservice.registration.sender.to_string());
        let users = lists.users.iter().map(String::as_str).collect();
        let (counts, unused) = appservice.key_counts(connection, &users)?;
        let fields = [
            ("device_lists", device_lists),
            ("device_one_time_keys_count", counts),
            ("device_unused_fallback_key_types", unused),
        ];
        for (name, value) in fields {
            body.insert(format!("org.matrix.msc3202.{name}"), value);
        }
    }
    to_raw(&body)
}

#[derive(Default)]
struct Lists {
    events: Vec<Value>,
    ephemeral: Vec<Value>,
    to_device: Vec<Value>,
    changed: BTreeSet<String>,
    left: BTreeSet<String>,
    /// Users of the application service whom the transaction concerns.
    users: BTreeSet<String>,
}

impl Lists {
    fn take(
        &mut self,
        connection: &Connection,
        appservice: &Appservice,
        entry: &Entry,
    ) -> Result<()> {
        match entry {
            Entry::Event(nid) => {
                let Some(event) = if_there(EventRow::by_nid(connection, *nid))? else {
                    return Ok(());
                };
                let concerned = [Some(&event.sender), event.state_key.as_ref()];
                let own = concerned
                    .into_iter()
                    .flatten()
                    .filter(|user| appservice.has_user(user));
                self.users.extend(own.cloned());
                let shown = client_event(connection, appservice, &event);
                self.events.extend(if_there(shown)?);
            }
            Entry::Ephemeral(data) => self.ephemeral.push(serde_json::from_str(data)?),
            Entry::ToDevice(data, _) => {
                let event: Value = serde_json::from_str(data)?;
                self.users
                    .extend(event["to_user_id"].as_str().map(str::to_owned));
                self.to_device.push(event);
            }
            Entry::Changed(user) => {
                self.changed.insert(user.clone());
            }
            Entry::Left(user) => {
                self.left.insert(user.clone());
            }
        }
        Ok(())
    }
}

/// The event as clients see it; an invitation of one of its users with the room's face.
fn client_event(
    connection: &Connection,
    appservice: &Appservice,
    event: &EventRow,
) -> Result<Value> {
    let room = rooms::by_nid(connection, events::room_of(connection, event.nid)?)?;
    let viewer = Viewer {
        user_id: &appservice.registration.sender,
        device_id: <&DeviceId>::from(""),
    };
    let json = event.to_client(connection, &room, viewer, Format::Full, None, false)?;
    let mut value: Value = serde_json::from_str(json.get())?;
    let target = event
        .state_key
        .as_deref()
        .filter(|target| event.kind == "m.room.member" && appservice.has_user(target));
    if value["content"]["membership"] == "invite"
        && let Some(Ok(target)) = target.map(<&UserId>::try_from)
        && let Some(member) = membership::find(connection, room.nid, target)?
    {
        let face = stripped::state(connection, target, &member, room.nid)?;
        value["unsigned"]["invite_room_state"] = serde_json::to_value(face)?;
    }
    Ok(value)
}

/// The body of a request to an application service that is asked whether it is there.
pub(super) fn ping(transaction_id: Option<&str>) -> Result<Box<RawValue>> {
    let mut body = Map::new();
    if let Some(id) = transaction_id {
        body.insert("transaction_id".to_owned(), json!(id));
    }
    Ok(to_raw_value(&body)?)
}
