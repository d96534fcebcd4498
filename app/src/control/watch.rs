//! `watch`: a line for everything that happens, until nobody listens any more.

use std::collections::BTreeMap;

use matrix_sdk::Room;
use ruma::{
    OwnedRoomId,
    events::{
        AnySyncTimelineEvent, SyncMessageLikeEvent, room::encrypted::RoomEncryptedEventContent,
    },
    serde::Raw,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Failure, Link};
use crate::{
    rooms::{Rooms, actions},
    session::Session,
    view::{
        room_list::{RoomRow, RowMembership},
        shell::Connection,
    },
};

pub(super) async fn watch(
    session: &Session,
    room: Option<&str>,
    link: &Link,
) -> Result<Value, Failure> {
    let only = match room {
        Some(room) => Some(actions::find(session, room).await?),
        None => None,
    };
    let (lines, mut lines_out) = mpsc::unbounded_channel();
    let handler =
        session
            .client()
            .add_event_handler(move |event: Raw<AnySyncTimelineEvent>, room: Room| {
                let lines = lines.clone();
                async move {
                    let _ = lines.send((room.room_id().to_owned(), event));
                }
            });
    let _ends_with_us = session.client().event_handler_drop_guard(handler);
    let mut sync = session.sync().state();
    let mut rooms = session.rooms().rooms();
    let mut known = memberships(&rooms.borrow_and_update());
    let first = connection(sync.borrow_and_update().connection);
    let mut listening = link.line(json!({ "type": "connection", "state": first }));
    while listening {
        tokio::select! {
            () = link.closed() => break,
            Some((room_id, event)) = lines_out.recv() => {
                if only.as_ref().is_none_or(|only| *only == room_id) {
                    listening = link.line(of_event(&room_id, &event));
                }
            }
            changed = sync.changed() => {
                if changed.is_err() {
                    break;
                }
                let state = connection(sync.borrow_and_update().connection);
                listening = link.line(json!({ "type": "connection", "state": state }));
            }
            changed = rooms.changed() => {
                if changed.is_err() {
                    break;
                }
                let now = memberships(&rooms.borrow_and_update());
                listening = tell_rooms(&known, &now, only.as_ref(), link);
                known = now;
            }
        }
    }
    Ok(Value::Null)
}

fn of_event(room_id: &OwnedRoomId, event: &Raw<AnySyncTimelineEvent>) -> Value {
    let json: Value = serde_json::from_str(event.json().get()).unwrap_or_default();
    let locked = event
        .deserialize_as_unchecked::<SyncMessageLikeEvent<RoomEncryptedEventContent>>()
        .is_ok_and(|_| json["type"] == "m.room.encrypted");
    json!({ "type": "event", "room_id": room_id, "undecryptable": locked, "event": json })
}

fn connection(connection: Connection) -> &'static str {
    match connection {
        Connection::Connecting => "connecting",
        Connection::Online => "online",
        Connection::Offline => "offline",
    }
}

type Memberships = BTreeMap<OwnedRoomId, (RowMembership, String)>;

fn memberships(rooms: &Rooms) -> Memberships {
    let entry = |row: &RoomRow| {
        (
            row.room_id.clone(),
            (row.membership.clone(), row.name.clone()),
        )
    };
    rooms.rows().map(entry).collect()
}

fn tell_rooms(
    before: &Memberships,
    now: &Memberships,
    only: Option<&OwnedRoomId>,
    link: &Link,
) -> bool {
    let wanted = |room_id: &OwnedRoomId| only.is_none_or(|only| only == room_id);
    let came = now.iter().filter(|(room_id, (membership, _))| {
        before
            .get(*room_id)
            .is_none_or(|(old, _)| old != membership)
    });
    let mut listening = true;
    for (room_id, (membership, name)) in came.filter(|(room_id, _)| wanted(room_id)) {
        let line = match membership {
            RowMembership::Joined => json!({ "type": "joined", "room_id": room_id, "name": name }),
            RowMembership::Knocked => {
                json!({ "type": "knocked", "room_id": room_id, "name": name })
            }
            RowMembership::Invited { inviter, .. } => {
                json!({ "type": "invited", "room_id": room_id, "name": name, "inviter": inviter })
            }
        };
        listening &= link.line(line);
    }
    for room_id in before
        .keys()
        .filter(|room_id| !now.contains_key(*room_id) && wanted(room_id))
    {
        listening &= link.line(json!({ "type": "left", "room_id": room_id }));
    }
    listening
}
