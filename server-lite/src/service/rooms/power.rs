//! Power levels, for what is not decided by event auth alone.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#mroompower_levels>

use ruma::{OwnedUserId, UserId};
use rusqlite::Connection;
use serde_json::Value;

use super::{Room, events};
use crate::{Error, error::Result};

/// The power levels in force in a room.
pub struct Levels {
    content: Option<Value>,
    creators: Vec<OwnedUserId>,
    privileged_creators: bool,
}

impl Levels {
    /// Reads the current levels.
    pub fn load(connection: &Connection, room: &Room) -> Result<Self> {
        let content = events::current_state(connection, room, "m.room.power_levels", "")?
            .and_then(|pdu| serde_json::from_str(pdu.content.get()).ok());
        let rules = &room.rules.authorization;
        let mut creators = Vec::new();
        if let Some(create) = events::current_state(connection, room, "m.room.create", "")? {
            let create_content: Value = create.content_as();
            creators.push(create.sender);
            if rules.additional_room_creators {
                let more = create_content["additional_creators"].as_array();
                let more = more.into_iter().flatten().filter_map(Value::as_str);
                creators.extend(more.filter_map(|id| UserId::parse(id).ok()));
            }
        }
        let privileged_creators = rules.explicitly_privilege_room_creators;
        Ok(Self {
            content,
            creators,
            privileged_creators,
        })
    }

    /// The level of a user; creators of newer rooms stand above all numbers.
    pub fn of_user(&self, user: &UserId) -> i64 {
        let created = self.creators.iter().any(|creator| creator == user);
        if created && self.privileged_creators {
            return i64::MAX;
        }
        match &self.content {
            None => {
                if created {
                    100
                } else {
                    0
                }
            }
            Some(content) => integer(&content["users"][user.as_str()])
                .or_else(|| integer(&content["users_default"]))
                .unwrap_or(0),
        }
    }

    /// Whether `user` may invite.
    pub fn may_invite(&self, user: &UserId) -> bool {
        self.of_user(user) >= self.level("invite", 0)
    }

    /// Whether `user` may ban.
    pub fn may_ban(&self, user: &UserId) -> bool {
        self.of_user(user) >= self.level("ban", 50)
    }

    /// The levels of a room that has been replaced: only moderators talk and invite.
    pub fn closed(&self) -> Value {
        let mut content = self
            .content
            .clone()
            .unwrap_or_else(|| serde_json::json!({}));
        let barred = (self.level("users_default", 0) + 1).max(50);
        for (key, default) in [("events_default", 0), ("invite", 0)] {
            content[key] = self.level(key, default).max(barred).into();
        }
        content
    }

    /// Whether `user` may redact what others sent.
    pub fn may_redact_others(&self, user: &UserId) -> bool {
        self.of_user(user) >= self.level("redact", 50)
    }

    /// Whether `user` may send state of this type.
    pub fn may_send_state(&self, user: &UserId, kind: &str) -> bool {
        let content = self.content.as_ref();
        let level = content
            .and_then(|content| integer(&content["events"][kind]))
            .unwrap_or_else(|| self.level("state_default", if content.is_some() { 50 } else { 0 }));
        self.of_user(user) >= level
    }

    /// Everybody with a level of their own, and the creators.
    pub fn named_users(&self) -> Vec<OwnedUserId> {
        let content = self.content.as_ref();
        let listed = content.and_then(|content| content["users"].as_object());
        let listed = listed.into_iter().flatten();
        let mut users = self.creators.clone();
        users.extend(listed.filter_map(|(user, _)| UserId::parse(&**user).ok()));
        users
    }

    /// Whether a user has a level of their own or is a creator.
    pub fn names(&self, user: &UserId) -> bool {
        let content = self.content.as_ref();
        self.creators.iter().any(|creator| creator == user)
            || content.is_some_and(|content| !content["users"][user.as_str()].is_null())
    }

    /// Who made the room.
    pub fn creators(&self) -> &[OwnedUserId] {
        &self.creators
    }

    /// The levels as push rules need them: `users`, `users_default`, `notifications`.
    pub fn content(&self) -> Option<&Value> {
        self.content.as_ref()
    }

    fn level(&self, key: &str, default: i64) -> i64 {
        self.content
            .as_ref()
            .and_then(|content| integer(&content[key]))
            .unwrap_or(default)
    }
}

/// Old rooms have levels as strings.
fn integer(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// Refuses with `M_FORBIDDEN` unless `user` may send state of this type.
pub fn require_state_level(
    connection: &Connection,
    room: &Room,
    user: &UserId,
    kind: &str,
) -> Result<()> {
    if Levels::load(connection, room)?.may_send_state(user, kind) {
        Ok(())
    } else {
        Err(Error::forbidden(format!(
            "You may not change {kind} in this room."
        )))
    }
}
