//! Replacing a room by one of another version.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-upgrades>

use ruma::{
    CanonicalJsonObject, OwnedUserId, RoomId, RoomVersionId, UserId,
    push::{AnyPushRuleRef, NewPushRule, NewSimplePushRule, RuleKind},
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value, json};

use super::{
    Room, aliases,
    append::{NewEvent, append, content_of},
    create, directory, events,
    membership::{self, Change},
    power, state,
    visibility::require_joined,
};
use crate::{
    error::Result,
    service::{Services, account_data, json::to_raw, push_rules},
    store::WriteTx,
};

/// State that goes over as it is. Power levels go over too, adapted to the new version.
const CARRIED: [&str; 10] = [
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.space.child",
];

/// Makes the replacement of `old`, moves to it what can be moved, and closes `old`.
///
/// # Errors
/// `M_FORBIDDEN` unless `user` is in the room and may send a tombstone.
pub fn upgrade(
    tx: &WriteTx<'_>,
    services: &Services,
    old: &mut Room,
    user: &UserId,
    version: &RoomVersionId,
    additional_creators: &[OwnedUserId],
) -> Result<Room> {
    require_joined(tx, old, user)?;
    power::require_state_level(tx, old, user, "m.room.tombstone")?;
    let content = create_content(tx, old, user, version, additional_creators)?;
    let mut new = create::start(tx, services, user, version, content)?;
    membership::change(tx, services, &mut new, Change::new(user, user, "join"))?;
    carry_state(tx, services, old, &mut new, user)?;
    carry_bans(tx, services, old, &mut new, user)?;
    aliases::move_all(tx, old, &new)?;
    let published = directory::is_published(tx, old)?;
    directory::publish(tx, &new, published)?;
    directory::publish(tx, old, false)?;
    carry_settings(tx, services, &new, user)?;
    close(tx, services, old, &new, user)?;
    Ok(new)
}

fn create_content(
    connection: &Connection,
    old: &Room,
    user: &UserId,
    version: &RoomVersionId,
    additional_creators: &[OwnedUserId],
) -> Result<CanonicalJsonObject> {
    let mut content: Map<String, Value> = content_now(connection, old, "m.room.create")?;
    content.remove("creator");
    content.remove("additional_creators");
    content.insert("room_version".to_owned(), json!(version));
    let rules = version.rules().map(|rules| rules.authorization);
    let mut predecessor = json!({ "room_id": old.id });
    if rules
        .as_ref()
        .is_some_and(|rules| !rules.use_room_create_sender)
    {
        content.insert("creator".to_owned(), json!(user));
    }
    if rules
        .as_ref()
        .is_some_and(|rules| rules.additional_room_creators)
    {
        let more = additional_creators.iter().filter(|more| *more != user);
        let more: Vec<_> = more.collect();
        if !more.is_empty() {
            content.insert("additional_creators".to_owned(), json!(more));
        }
    } else {
        predecessor["event_id"] = json!(newest_event(connection, old)?);
    }
    content.insert("predecessor".to_owned(), predecessor);
    content_of(&content)
}

fn newest_event(connection: &Connection, room: &Room) -> Result<Option<String>> {
    Ok(connection
        .prepare_cached(
            "SELECT event_id FROM events WHERE room = ?1 AND position IS NOT NULL
             ORDER BY position DESC LIMIT 1",
        )?
        .query_row([room.nid], |row| row.get(0))
        .optional()?)
}

fn content_now(connection: &Connection, room: &Room, kind: &str) -> Result<Map<String, Value>> {
    let event = events::current_state(connection, room, kind, "")?;
    Ok(event.map(|pdu| pdu.content_as()).unwrap_or_default())
}

/// Sends the state of the old room in the new one. Meanwhile `user` has the power that this takes.
fn carry_state(
    tx: &WriteTx<'_>,
    services: &Services,
    old: &Room,
    new: &mut Room,
    user: &UserId,
) -> Result<()> {
    let levels = power_levels(tx, old, new)?;
    let is_privileged = new.rules.authorization.explicitly_privilege_room_creators;
    let first = if is_privileged {
        levels.clone()
    } else {
        with_power_for(user, &levels)
    };
    let mut send = |kind: &str, state_key: &str, content: Value| -> Result<()> {
        let event = NewEvent::state(user, kind, state_key, content_of(&content)?);
        append(tx, services, new, event).map(drop)
    };
    send("m.room.power_levels", "", first.clone())?;
    for kind in CARRIED {
        for nid in state::current_of_type(tx, old.nid, kind)? {
            let Some(event) = events::by_nid(tx, old, nid)? else {
                continue;
            };
            let content: Map<String, Value> = event.content_as();
            if !content.is_empty() {
                let state_key = event.state_key.unwrap_or_default();
                send(kind, &state_key, Value::Object(content))?;
            }
        }
    }
    if first != levels {
        send("m.room.power_levels", "", levels)?;
    }
    Ok(())
}

/// The old levels as the new version has them: there, creators stand above all numbers and are not listed.
fn power_levels(connection: &Connection, old: &Room, new: &Room) -> Result<Value> {
    let mut levels = content_now(connection, old, "m.room.power_levels")?;
    let is_privileged = |room: &Room| room.rules.authorization.explicitly_privilege_room_creators;
    let users = levels
        .entry("users")
        .or_insert_with(|| json!({}))
        .as_object_mut();
    let Some(users) = users else {
        return Ok(Value::Object(levels));
    };
    if is_privileged(new) {
        for creator in power::Levels::load(connection, new)?.creators() {
            users.remove(creator.as_str());
        }
    } else if is_privileged(old) {
        for creator in power::Levels::load(connection, old)?.creators() {
            users.insert(creator.to_string(), json!(100));
        }
    }
    if is_privileged(new) && !is_privileged(old) {
        let tombstone = levels.entry("events").or_insert_with(|| json!({}));
        tombstone["m.room.tombstone"] = json!(150);
    }
    Ok(Value::Object(levels))
}

/// The same levels, with `user` above everything they name.
fn with_power_for(user: &UserId, levels: &Value) -> Value {
    fn highest(value: &Value) -> i64 {
        match value {
            Value::Number(number) => number.as_i64().unwrap_or(0),
            Value::Object(object) => object.values().map(highest).max().unwrap_or(0),
            _ => 0,
        }
    }
    let needed = highest(levels).max(100);
    let mut raised = levels.clone();
    if levels["users"][user.as_str()].as_i64() != Some(needed) {
        raised["users"][user.as_str()] = json!(needed);
    }
    raised
}

/// Whoever was banned stays banned.
fn carry_bans(
    tx: &WriteTx<'_>,
    services: &Services,
    old: &Room,
    new: &mut Room,
    user: &UserId,
) -> Result<()> {
    if power::Levels::load(tx, new)?.may_ban(user) {
        for banned in membership::with_membership(tx, old.nid, "ban", usize::MAX >> 1)? {
            let change = Change::new(user, &banned.user_id, "ban");
            membership::change(tx, services, new, change)?;
        }
    }
    Ok(())
}

/// Says where the room went, and keeps people from talking and inviting on in it, where `user` may.
fn close(
    tx: &WriteTx<'_>,
    services: &Services,
    old: &mut Room,
    new: &Room,
    user: &UserId,
) -> Result<()> {
    let levels = power::Levels::load(tx, old)?;
    let mut send = |kind: &str, content: &Value| -> Result<()> {
        let event = NewEvent::state(user, kind, "", content_of(content)?);
        append(tx, services, old, event).map(drop)
    };
    if levels.may_send_state(user, "m.room.canonical_alias") {
        send("m.room.canonical_alias", &json!({}))?;
    }
    let tombstone = json!({ "body": "This room has been replaced.", "replacement_room": new.id });
    send("m.room.tombstone", &tombstone)?;
    let restricted = levels.closed();
    let raised = ["events_default", "invite"].map(|key| restricted[key].as_i64().unwrap_or(0));
    let own = levels.of_user(user);
    if levels.may_send_state(user, "m.room.power_levels")
        && raised.iter().all(|level| *level <= own)
    {
        send("m.room.power_levels", &restricted)?;
    }
    Ok(())
}

/// Takes tags, notification rule and the mark of a direct room over from the room that `room` replaces.
pub fn carry_settings(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &Room,
    user: &UserId,
) -> Result<()> {
    let create = content_now(tx, room, "m.room.create")?;
    let predecessor = create
        .get("predecessor")
        .and_then(|p| p["room_id"].as_str());
    let Some(old_id) = predecessor.and_then(|id| RoomId::parse(id).ok()) else {
        return Ok(());
    };
    let known = super::find(tx, &old_id)?;
    let Some(old) = known else {
        return Ok(());
    };
    if !membership::find(tx, old.nid, user)?.is_some_and(|member| member.was_joined) {
        return Ok(());
    }
    let has_tags = account_data::get(tx, user, Some(&room.id), account_data::TAG)?.is_some();
    if !has_tags && let Some(tags) = account_data::get(tx, user, Some(&old_id), account_data::TAG)?
    {
        account_data::set(tx, user, Some(&room.id), account_data::TAG, &tags)?;
    }
    carry_direct(tx, &old_id, &room.id, user)?;
    carry_rule(tx, services, &old_id, &room.id, user)
}

fn carry_direct(tx: &WriteTx<'_>, old: &RoomId, new: &RoomId, user: &UserId) -> Result<()> {
    let Some(direct) = account_data::get(tx, user, None, "m.direct")? else {
        return Ok(());
    };
    let mut direct: Map<String, Value> = serde_json::from_str(direct.get()).unwrap_or_default();
    let mut changed = false;
    for rooms in direct.values_mut().filter_map(Value::as_array_mut) {
        if rooms.iter().any(|id| id == old.as_str()) && !rooms.iter().any(|id| id == new.as_str()) {
            rooms.push(json!(new));
            changed = true;
        }
    }
    if changed {
        account_data::set(tx, user, None, "m.direct", &to_raw(&direct)?)?;
    }
    Ok(())
}

fn carry_rule(
    tx: &WriteTx<'_>,
    services: &Services,
    old: &RoomId,
    new: &RoomId,
    user: &UserId,
) -> Result<()> {
    let mut rules = push_rules::ruleset(tx, user)?;
    let actions = match rules.get(RuleKind::Room, old) {
        Some(AnyPushRuleRef::Room(rule)) => rule.actions.clone(),
        _ => return Ok(()),
    };
    let rule = NewPushRule::Room(NewSimplePushRule::new(new.to_owned(), actions));
    if rules.insert(rule, None, None).is_ok() {
        push_rules::store(tx, &services.push_rules, user, rules)?;
    }
    Ok(())
}
