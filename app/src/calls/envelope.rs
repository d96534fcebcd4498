//! The little of an event that calls look at.

use hardline_rtc::{
    age::Sighting,
    voip::{
        Permission, Received,
        wire::{WireError, is_call_event},
    },
};
use ruma::{events::AnySyncTimelineEvent, serde::Raw};
use serde::Deserialize;
use serde_json::Value;

use crate::ids::{OwnedUserId, RoomId, UserId};

/// How an event came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Came {
    /// Its homeserver vouches for all of it.
    #[default]
    InClear,
    /// Who wrote it vouches for its type and content, and for no state: that is never encrypted.
    Encrypted,
}

/// An event with what is around its content.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    #[serde(skip)]
    came: Came,
    #[serde(rename = "type")]
    event_type: String,
    /// Who sent it.
    pub(super) sender: OwnedUserId,
    #[serde(default)]
    origin_server_ts: u64,
    #[serde(default)]
    state_key: Option<String>,
    content: Value,
    #[serde(default)]
    unsigned: Unsigned,
}

#[derive(Debug, Default, Deserialize)]
struct Unsigned {
    #[serde(default)]
    age: Option<i64>,
}

impl Envelope {
    /// Takes an event apart; `None` if it is none.
    pub(super) fn read(event: &Raw<AnySyncTimelineEvent>, came: Came) -> Option<Self> {
        let envelope = serde_json::from_str(event.json().get()).ok()?;
        Some(Self { came, ..envelope })
    }

    /// Whether the homeserver could have written it.
    pub(super) fn came_in_clear(&self) -> bool {
        self.came == Came::InClear
    }

    /// How old it is, in milliseconds.
    pub(super) fn age(&self, received_at: u64) -> u64 {
        let sighting = Sighting {
            age: self.unsigned.age,
            origin_server_ts: self.origin_server_ts,
            received_at,
        };
        sighting.age_at(super::clock::wall())
    }

    /// Who is not in the room any more, if that is what it says.
    pub(super) fn left(&self) -> Option<OwnedUserId> {
        let left = self.came_in_clear()
            && self.event_type == "m.room.member"
            && matches!(self.content["membership"].as_str(), Some("leave" | "ban"));
        left.then_some(self.state_key.as_deref())
            .flatten()
            .and_then(|user_id| UserId::parse(user_id).ok())
    }

    /// Whether it belongs to a one-to-one call.
    pub(super) fn is_call_event(&self) -> bool {
        self.state_key.is_none() && is_call_event(&self.event_type)
    }

    /// Whether somebody calls.
    pub(super) fn is_invite(&self) -> bool {
        matches!(
            self.event_type.as_str(),
            "m.call.invite" | "org.matrix.call.invite"
        )
    }

    /// As signalling takes it.
    pub(super) fn received(
        &self,
        room_id: &RoomId,
        received_at: u64,
        permission: Permission,
    ) -> Result<Received, WireError> {
        Received::read(
            room_id.to_owned(),
            self.sender.clone(),
            &self.event_type,
            &self.content,
            self.age(received_at),
            permission,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: Value) -> Option<Envelope> {
        let raw = serde_json::value::to_raw_value(&event).unwrap();
        Envelope::read(&Raw::from_json(raw), Came::InClear)
    }

    #[test]
    fn nobody_leaves_by_an_encrypted_message() {
        let event = json!({
            "type": "m.room.member", "sender": "@eve:x", "state_key": "@bo:x",
            "content": { "membership": "leave" },
        });
        let raw = Raw::from_json(serde_json::value::to_raw_value(&event).unwrap());
        assert!(
            Envelope::read(&raw, Came::InClear)
                .unwrap()
                .left()
                .is_some()
        );
        assert!(
            Envelope::read(&raw, Came::Encrypted)
                .unwrap()
                .left()
                .is_none()
        );
    }

    #[test]
    fn the_homeservers_age_and_the_time_since_count() {
        let wall = super::super::clock::wall();
        let event = json!({
            "type": "m.call.hangup", "sender": "@bo:x", "origin_server_ts": wall - 900_000,
            "content": {}, "unsigned": { "age": 5_000 },
        });
        let age = read(event).unwrap().age(wall - 2_000);
        assert!((7_000..8_000).contains(&age), "{age}");
    }

    #[test]
    fn whoever_leaves_or_is_banned_is_named() {
        let member = |membership: &str| {
            let event = json!({
                "type": "m.room.member", "sender": "@ada:x", "state_key": "@bo:x",
                "content": { "membership": membership },
            });
            read(event).unwrap().left()
        };
        assert_eq!(
            member("leave").as_deref().map(UserId::as_str),
            Some("@bo:x")
        );
        assert_eq!(member("ban").as_deref().map(UserId::as_str), Some("@bo:x"));
        assert_eq!(member("join"), None);
    }

    #[test]
    fn a_state_event_of_that_name_is_no_call() {
        let event =
            json!({ "type": "m.call.invite", "sender": "@bo:x", "state_key": "", "content": {} });
        assert!(!read(event).unwrap().is_call_event());
    }

    #[test]
    fn nonsense_is_no_event() {
        assert!(read(json!({ "type": 7 })).is_none());
        assert!(
            read(json!({ "type": "m.call.invite", "sender": "nobody", "content": {} })).is_none()
        );
    }
}
