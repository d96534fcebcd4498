//! Which events of a room a user may see.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-history-visibility>

use ruma::{OwnedUserId, UserId};
use rusqlite::Connection;

use super::{Room, events, membership};
use crate::{Error, error::Result};

/// A user's view of a room's history: their memberships and the room's settings over time.
pub struct Visibility {
    /// Whose view it is.
    user: OwnedUserId,
    /// (position, membership), oldest first.
    memberships: Vec<(i64, String)>,
    /// (position, history_visibility), oldest first.
    settings: Vec<(i64, String)>,
    /// The position of their newest join, or 0.
    last_joined: i64,
    /// Whether they are joined now.
    joined: bool,
}

impl Visibility {
    /// Reads both histories.
    pub fn load(connection: &Connection, room: &Room, user: &UserId) -> Result<Self> {
        let memberships = history(
            connection,
            room,
            "m.room.member",
            user.as_str(),
            "membership",
        )?;
        let settings = history(
            connection,
            room,
            "m.room.history_visibility",
            "",
            "history_visibility",
        )?;
        let joins = memberships
            .iter()
            .filter(|(_, membership)| membership == "join");
        let last_joined = joins.map(|(position, _)| *position).max().unwrap_or(0);
        let joined = memberships
            .last()
            .is_some_and(|(_, membership)| membership == "join");
        Ok(Self {
            user: user.to_owned(),
            memberships,
            settings,
            last_joined,
            joined,
        })
    }

    /// Whose view it is.
    pub fn user(&self) -> &str {
        self.user.as_str()
    }

    /// Whether the user may see the event at `position`.
    pub fn can_see(&self, position: i64) -> bool {
        let now = at(&self.memberships, position);
        // An event that changes something is judged by the more generous of before and after.
        let before = at(&self.memberships, position - 1);
        if now == Some("join") || (before == Some("join") && now != before) {
            return true;
        }
        let setting = at(&self.settings, position).unwrap_or("shared");
        let setting_before = at(&self.settings, position - 1).unwrap_or(setting);
        [setting, setting_before]
            .iter()
            .any(|setting| match *setting {
                "world_readable" => true,
                "shared" => self.last_joined > position || (self.joined && now.is_none()),
                "invited" => now == Some("invite") && self.last_joined > position,
                "joined" => false,
                // An unknown setting is as the default.
                _ => self.last_joined > position,
            })
            || (now != before && self.is_own(position))
    }

    /// The user's membership when the event at `position` was sent.
    pub fn membership_at(&self, position: i64) -> &str {
        at(&self.memberships, position).unwrap_or("leave")
    }

    /// Whether they may look at the room at all: they are or were in it, or anybody may.
    pub fn any(&self) -> bool {
        self.last_joined > 0
            || self
                .settings
                .last()
                .is_some_and(|(_, setting)| setting == "world_readable")
    }

    fn is_own(&self, position: i64) -> bool {
        self.memberships.iter().any(|(p, _)| *p == position)
    }
}

fn at(history: &[(i64, String)], position: i64) -> Option<&str> {
    let idx = history.partition_point(|(p, _)| *p <= position);
    idx.checked_sub(1).map(|idx| history[idx].1.as_str())
}

fn history(
    connection: &Connection,
    room: &Room,
    kind: &str,
    state_key: &str,
    field: &str,
) -> Result<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT position, json ->> ('$.content.' || ?4) FROM events
         WHERE room = ?1 AND type = ?2 AND state_key = ?3 AND position IS NOT NULL AND rejected = 0
         ORDER BY position",
    )?;
    let rows = statement.query_map((room.nid, kind, state_key, field), |row| {
        Ok((
            row.get(0)?,
            row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Refuses with `M_FORBIDDEN` unless `user` is joined.
pub fn require_joined(connection: &Connection, room: &Room, user: &UserId) -> Result<()> {
    if membership::is_joined(connection, room.nid, user)? {
        Ok(())
    } else {
        Err(Error::forbidden("You are not in this room."))
    }
}

/// Up to which position `user` may see the room's state: now for members, the moment they left for
/// those who were.
///
/// # Errors
/// `M_FORBIDDEN` for those who never were in it, unless anybody may read it.
pub fn state_horizon(connection: &Connection, room: &Room, user: &UserId) -> Result<Horizon> {
    let member = membership::find(connection, room.nid, user)?;
    match member {
        Some(member) if member.membership == "join" => Ok(Horizon::Now),
        Some(member) if member.was_joined && !member.forgotten => Ok(Horizon::At(member.event)),
        _ if is_world_readable(connection, room)? => Ok(Horizon::Now),
        _ => Err(Error::forbidden("You are not in this room.")),
    }
}

/// Whether anybody may read the room.
pub fn is_world_readable(connection: &Connection, room: &Room) -> Result<bool> {
    let setting = events::current_state(connection, room, "m.room.history_visibility", "")?;
    let setting = setting.and_then(|pdu| pdu.content_str("history_visibility"));
    Ok(setting.as_deref() == Some("world_readable"))
}

/// Whether a user (or, without one, anybody) may know of a room they are not in: its name, topic, size.
pub fn may_know(connection: &Connection, room: &Room, user: Option<&UserId>) -> Result<bool> {
    let rule = events::current_state(connection, room, "m.room.join_rules", "")?
        .and_then(|pdu| pdu.content_str("join_rule"));
    if matches!(
        rule.as_deref(),
        Some("public" | "knock" | "knock_restricted")
    ) || is_world_readable(connection, room)?
    {
        return Ok(true);
    }
    let Some(user) = user else {
        return Ok(false);
    };
    let member = membership::find(connection, room.nid, user)?;
    let is_inside = member.is_some_and(|m| matches!(&*m.membership, "join" | "invite" | "knock"));
    Ok(is_inside || membership::meets_restriction(connection, room, user)?)
}

/// The newest state a user may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// The current state.
    Now,
    /// The state just after the event with this number.
    At(i64),
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::Visibility;

    fn view(memberships: &[(i64, &str)], settings: &[(i64, &str)]) -> Visibility {
        let own = |list: &[(i64, &str)]| {
            list.iter()
                .map(|(p, s)| (*p, (*s).to_owned()))
                .collect::<Vec<_>>()
        };
        let memberships = own(memberships);
        Visibility {
            user: owned_user_id!("@ada:hs.test"),
            last_joined: memberships
                .iter()
                .filter(|(_, m)| m == "join")
                .map(|(p, _)| *p)
                .max()
                .unwrap_or(0),
            joined: memberships.last().is_some_and(|(_, m)| m == "join"),
            memberships,
            settings: own(settings),
        }
    }

    #[test]
    fn shared_history_opens_on_joining_and_ends_with_leaving() {
        let view = view(
            &[(10, "invite"), (12, "join"), (20, "leave")],
            &[(3, "shared")],
        );
        for (position, seen) in [(5, true), (11, true), (15, true), (20, true), (21, false)] {
            assert_eq!(view.can_see(position), seen, "{position}");
        }
    }

    #[test]
    fn joined_history_begins_with_the_join() {
        let view = view(&[(10, "invite"), (12, "join")], &[(3, "joined")]);
        for (position, seen) in [(5, false), (10, true), (11, false), (12, true), (13, true)] {
            assert_eq!(view.can_see(position), seen, "{position}");
        }
    }

    #[test]
    fn invited_history_begins_with_the_invitation_once_joined() {
        let joined = view(&[(10, "invite"), (12, "join")], &[(3, "invited")]);
        assert!(!joined.can_see(9) && joined.can_see(11));
        let invited = view(&[(10, "invite")], &[(3, "invited")]);
        assert!(!invited.can_see(11));
    }

    #[test]
    fn a_stranger_sees_world_readable_rooms_only() {
        assert!(view(&[], &[(3, "world_readable")]).can_see(5));
        assert!(!view(&[], &[(3, "shared")]).can_see(5));
        assert!(!view(&[], &[]).can_see(5));
    }
}
