//! Who is in which room: joining, inviting, leaving, removing, knocking, forgetting.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-membership>

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::error::ErrorKind, events::TimelineEventType,
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::{
    Room,
    append::{NewEvent, append},
    pdu::{ArcPdu, Pdu},
    power,
};
use crate::{
    Error,
    error::Result,
    service::{Services, profiles},
    store::WriteTx,
};

/// The current membership of one user in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: OwnedUserId,
    /// `join`, `invite`, `leave`, `ban` or `knock`.
    pub membership: String,
    /// Number of the membership event.
    pub event: i64,
    /// Position of the membership event.
    pub position: i64,
    /// Who sent it.
    pub sender: String,
    /// The name it shows.
    pub display_name: Option<String>,
    /// The picture it shows.
    pub avatar_url: Option<String>,
    /// Whether they forgot the room after leaving.
    pub forgotten: bool,
    /// Whether they have ever been joined.
    pub was_joined: bool,
}

const COLUMNS: &str = "user_id, membership, event, position, sender, display_name, avatar_url,
                       forgotten, was_joined";

fn member(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, Member)> {
    let user_id: String = row.get(0)?;
    let member = Member {
        user_id: UserId::parse(&*user_id).unwrap_or_else(|_| ruma::owned_user_id!("@_:invalid")),
        membership: row.get(1)?,
        event: row.get(2)?,
        position: row.get(3)?,
        sender: row.get(4)?,
        display_name: row.get(5)?,
        avatar_url: row.get(6)?,
        forgotten: row.get(7)?,
        was_joined: row.get(8)?,
    };
    Ok((user_id, member))
}

/// The membership of `user` in a room, if there ever was one.
pub fn find(connection: &Connection, room: i64, user: &UserId) -> Result<Option<Member>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM memberships WHERE room = ?1 AND user_id = ?2"
        ))?
        .query_row((room, user.as_str()), |row| {
            member(row).map(|(_, member)| member)
        })
        .optional()?)
}

/// Members with one membership, in order of their ids.
pub fn with_membership(
    connection: &Connection,
    room: i64,
    membership: &str,
    limit: usize,
) -> Result<Vec<Member>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM memberships WHERE room = ?1 AND membership = ?2
         ORDER BY user_id LIMIT ?3"
    ))?;
    let rows = statement.query_map((room, membership, limit as i64), member)?;
    Ok(rows
        .map(|row| row.map(|(_, member)| member))
        .collect::<Result<_, _>>()?)
}

/// Everybody who is joined.
pub fn joined_users(connection: &Connection, room: i64) -> Result<Vec<OwnedUserId>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id FROM memberships WHERE room = ?1 AND membership = 'join'",
    )?;
    let rows = statement.query_map([room], |row| row.get::<_, String>(0))?;
    let mut users = Vec::new();
    for row in rows {
        users.extend(UserId::parse(row?).ok());
    }
    Ok(users)
}

/// When somebody came, or went.
pub struct Move {
    /// Who, as it was stored.
    pub user_id: String,
    /// Whether they are joined, and so came; otherwise they went.
    pub is_joined: bool,
    /// The position at which they did.
    pub position: i64,
}

/// The last move of everybody who is or was joined.
pub fn moves(connection: &Connection, room: i64) -> Result<Vec<Move>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, membership = 'join', position FROM memberships
         WHERE room = ?1 AND was_joined = 1",
    )?;
    let rows = statement.query_map([room], |row| {
        Ok(Move {
            user_id: row.get(0)?,
            is_joined: row.get(1)?,
            position: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those of `users` who are joined.
pub fn joined_among(
    connection: &Connection,
    room: i64,
    users: Vec<OwnedUserId>,
) -> Result<Vec<OwnedUserId>> {
    if users.len() as i64 > n_joined(connection, room)? {
        return joined_users(connection, room);
    }
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM memberships WHERE room = ?1 AND membership = 'join' AND user_id = ?2",
    )?;
    let mut joined = Vec::new();
    for user in users {
        if statement.exists((room, user.as_str()))? {
            joined.push(user);
        }
    }
    Ok(joined)
}

/// How many are joined.
pub fn n_joined(connection: &Connection, room: i64) -> Result<i64> {
    Ok(connection
        .prepare_cached("SELECT n_joined FROM rooms WHERE nid = ?1")?
        .query_row([room], |row| row.get(0))?)
}

/// Everybody who is joined, with the names they show.
pub(super) fn joined_names(
    connection: &Connection,
    room: i64,
) -> Result<Vec<(OwnedUserId, Option<String>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, display_name FROM memberships WHERE room = ?1 AND membership = 'join'",
    )?;
    let rows = statement.query_map([room], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut users = Vec::new();
    for row in rows {
        let (user, name) = row?;
        users.extend(UserId::parse(user).ok().map(|user| (user, name)));
    }
    Ok(users)
}

/// Whether `user` is joined.
pub fn is_joined(connection: &Connection, room: i64, user: &UserId) -> Result<bool> {
    Ok(find(connection, room, user)?.is_some_and(|member| member.membership == "join"))
}

/// The rooms in which `user` has this membership.
pub fn rooms_of(
    connection: &Connection,
    user: &UserId,
    membership: &str,
) -> Result<Vec<OwnedRoomId>> {
    let mut statement = connection.prepare_cached(
        "SELECT r.room_id FROM memberships m JOIN rooms r ON r.nid = m.room
         WHERE m.user_id = ?1 AND m.membership = ?2 ORDER BY r.nid",
    )?;
    let rows = statement.query_map((user.as_str(), membership), |row| row.get::<_, String>(0))?;
    let mut rooms = Vec::new();
    for row in rows {
        rooms.extend(RoomId::parse(row?).ok());
    }
    Ok(rooms)
}

/// Whether two users share a room both have joined.
pub fn share_room(connection: &Connection, a: &UserId, b: &UserId) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM memberships m
             JOIN memberships o ON o.room = m.room AND o.user_id = ?2 AND o.membership = 'join'
             WHERE m.user_id = ?1 AND m.membership = 'join' LIMIT 1",
        )?
        .exists((a.as_str(), b.as_str()))?)
}

/// The rooms two users are both joined to.
pub fn shared_rooms(connection: &Connection, a: &UserId, b: &UserId) -> Result<Vec<OwnedRoomId>> {
    let mut statement = connection.prepare_cached(
        "SELECT r.room_id FROM memberships m
         JOIN memberships o ON o.room = m.room AND o.user_id = ?2 AND o.membership = 'join'
         JOIN rooms r ON r.nid = m.room
         WHERE m.user_id = ?1 AND m.membership = 'join' ORDER BY r.nid",
    )?;
    let rows = statement.query_map((a.as_str(), b.as_str()), |row| row.get::<_, String>(0))?;
    let mut rooms = Vec::new();
    for row in rows {
        rooms.extend(RoomId::parse(row?).ok());
    }
    Ok(rooms)
}

/// Takes a new membership event into the table and the room's counts.
pub(super) fn apply(tx: &WriteTx<'_>, room: &Room, pdu: &Pdu, target: &str) -> Result<()> {
    let content: serde_json::Map<String, Value> = pdu.content_as();
    let text = |key: &str| content.get(key).and_then(Value::as_str);
    let membership = text("membership").unwrap_or("leave");
    let before: Option<String> = tx
        .prepare_cached("SELECT membership FROM memberships WHERE room = ?1 AND user_id = ?2")?
        .query_row((room.nid, target), |row| row.get(0))
        .optional()?;
    tx.prepare_cached(
        "INSERT INTO memberships (room, user_id, membership, event, position, sender,
                                  display_name, avatar_url, was_joined)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?3 = 'join')
         ON CONFLICT (room, user_id) DO UPDATE SET
             membership = excluded.membership, event = excluded.event,
             position = iif(membership = excluded.membership AND excluded.membership = 'join',
                            position, excluded.position),
             sender = excluded.sender, display_name = excluded.display_name,
             avatar_url = excluded.avatar_url, forgotten = 0,
             was_joined = was_joined OR excluded.was_joined",
    )?
    .execute(rusqlite::params![
        room.nid,
        target,
        membership,
        pdu.nid,
        pdu.position,
        pdu.sender.as_str(),
        text("displayname"),
        text("avatar_url"),
    ])?;
    let changed =
        |name: &str| i64::from(membership == name) - i64::from(before.as_deref() == Some(name));
    tx.prepare_cached(
        "UPDATE rooms SET n_joined = n_joined + ?2, n_invited = n_invited + ?3 WHERE nid = ?1",
    )?
    .execute((room.nid, changed("join"), changed("invite")))?;
    if membership != "join" {
        super::unread::forget(tx, room.nid, target)?;
    }
    Ok(())
}

/// A membership change somebody asks for.
pub struct Change<'a> {
    /// Who asks.
    pub sender: &'a UserId,
    /// Whose membership changes.
    pub target: &'a UserId,
    /// Into what.
    pub membership: &'a str,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Further fields of the content.
    pub extra: CanonicalJsonObject,
}

impl<'a> Change<'a> {
    /// A change without reason or further fields.
    pub fn new(sender: &'a UserId, target: &'a UserId, membership: &'a str) -> Self {
        Self {
            sender,
            target,
            membership,
            reason: None,
            extra: CanonicalJsonObject::new(),
        }
    }

    /// The same with a reason.
    pub fn because(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }
}

/// Sends the membership event for a change.
pub fn change(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    change: Change<'_>,
) -> Result<ArcPdu> {
    let mut content = change.extra;
    let text = |s: &str| CanonicalJsonValue::String(s.to_owned());
    content.insert("membership".to_owned(), text(change.membership));
    if let Some(reason) = change.reason {
        content.insert("reason".to_owned(), CanonicalJsonValue::String(reason));
    }
    if matches!(change.membership, "join" | "invite" | "knock") {
        super::blocks::refuse_blocked(tx, &room.id)?;
        let profile = profiles::member(tx, change.target)?;
        if let Some(name) = profile.display_name {
            content
                .entry("displayname".to_owned())
                .or_insert(CanonicalJsonValue::String(name));
        }
        if let Some(url) = profile.avatar_url {
            content
                .entry("avatar_url".to_owned())
                .or_insert_with(|| text(url.as_str()));
        }
    }
    let sender = change.sender.to_owned();
    let new = NewEvent::state(
        sender,
        TimelineEventType::RoomMember,
        change.target.as_str(),
        content,
    );
    append(tx, services, room, new)
}

/// Joins `user`, by invitation, by the join rules, or through a room that a restricted rule allows.
/// Joining twice changes nothing.
pub fn join(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    user: &UserId,
    reason: Option<String>,
) -> Result<()> {
    let current = find(tx, room.nid, user)?;
    if current
        .as_ref()
        .is_some_and(|member| member.membership == "join")
    {
        return Ok(());
    }
    let mut wanted = Change::new(user, user, "join").because(reason);
    let invited = current.is_some_and(|member| member.membership == "invite");
    if !invited && let Some(authorizer) = restricted_authorizer(tx, room, user)? {
        let authorizer = CanonicalJsonValue::String(authorizer.to_string());
        wanted
            .extra
            .insert("join_authorised_via_users_server".to_owned(), authorizer);
    }
    change(tx, services, room, wanted)?;
    super::upgrade::carry_settings(tx, services, room, user)
}

/// Whether the room is restricted and `user` is in one of the rooms whose members it lets in.
pub fn meets_restriction(connection: &Connection, room: &Room, user: &UserId) -> Result<bool> {
    let rule = super::events::current_state(connection, room, "m.room.join_rules", "")?;
    let content: Value = rule.map(|rule| rule.content_as()).unwrap_or_default();
    if !matches!(
        content["join_rule"].as_str(),
        Some("restricted" | "knock_restricted")
    ) {
        return Ok(false);
    }
    for condition in content["allow"].as_array().into_iter().flatten() {
        let other = condition["room_id"]
            .as_str()
            .filter(|_| condition["type"] == "m.room_membership");
        let Some(other) = other.and_then(|id| <&RoomId>::try_from(id).ok()) else {
            continue;
        };
        if let Some(other) = super::find(connection, other)?
            && is_joined(connection, other.nid, user)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// For a restricted room whose conditions `user` meets: a member who may invite, on this server.
fn restricted_authorizer(
    connection: &Connection,
    room: &Room,
    user: &UserId,
) -> Result<Option<OwnedUserId>> {
    if !meets_restriction(connection, room, user)? {
        return Ok(None);
    }
    let levels = power::Levels::load(connection, room)?;
    for candidate in levels.named_users() {
        if candidate.server_name() == user.server_name()
            && levels.may_invite(&candidate)
            && is_joined(connection, room.nid, &candidate)?
        {
            return Ok(Some(candidate));
        }
    }
    // Nobody with a level of their own: then anybody may, or nobody.
    let mut statement = connection.prepare_cached(
        "SELECT user_id FROM memberships WHERE room = ?1 AND membership = 'join'",
    )?;
    let mut rows = statement.query([room.nid])?;
    while let Some(row) = rows.next()? {
        let Ok(member) = UserId::parse(row.get::<_, String>(0)?) else {
            continue;
        };
        if member.server_name() == user.server_name() && !levels.names(&member) {
            return Ok(levels.may_invite(&member).then_some(member));
        }
    }
    Ok(None)
}

/// Leaves a room or refuses an invitation. Leaving a room one is not in changes nothing.
pub fn leave(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &mut Room,
    user: &UserId,
    reason: Option<String>,
) -> Result<()> {
    match find(tx, room.nid, user)?
        .map(|member| member.membership)
        .as_deref()
    {
        None => Err(Error::forbidden("You are not in this room.")),
        Some("leave") => Ok(()),
        Some("ban") => Err(Error::forbidden("You are banned from this room.")),
        Some(_) => change(
            tx,
            services,
            room,
            Change::new(user, user, "leave").because(reason),
        )
        .map(drop),
    }
}

/// Drops a room one has left from one's own view.
pub fn forget(tx: &WriteTx<'_>, room: &Room, user: &UserId) -> Result<()> {
    match find(tx, room.nid, user)?
        .map(|member| member.membership)
        .as_deref()
    {
        None => Err(Error::not_found("You were never in this room.")),
        Some("leave" | "ban") => {
            tx.prepare_cached(
                "UPDATE memberships SET forgotten = 1 WHERE room = ?1 AND user_id = ?2",
            )?
            .execute((room.nid, user.as_str()))?;
            Ok(())
        }
        Some(_) => Err(Error::bad_request(
            ErrorKind::Unknown,
            "Leave the room before forgetting it.",
        )),
    }
}

/// Puts a user's new name and picture into the rooms they are joined to.
pub fn update_profile(tx: &WriteTx<'_>, services: &Services, user: &UserId) -> Result<()> {
    for room_id in rooms_of(tx, user, "join")? {
        let mut room = super::get(tx, &room_id)?;
        change(tx, services, &mut room, Change::new(user, user, "join"))?;
    }
    Ok(())
}

/// Leaves every room and refuses every invitation, for an account that closes.
pub fn leave_all(tx: &WriteTx<'_>, services: &Services, user: &UserId) -> Result<()> {
    for membership in ["join", "invite", "knock"] {
        for room_id in rooms_of(tx, user, membership)? {
            let mut room = super::get(tx, &room_id)?;
            leave(tx, services, &mut room, user, None)?;
        }
    }
    Ok(())
}
