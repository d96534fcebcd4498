//! The public directory of this server's rooms.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#published-room-directory>

use std::collections::HashSet;

use ruma::{
    EventEncryptionAlgorithm, OwnedMxcUri, OwnedRoomAliasId, RoomAliasId, UInt,
    directory::{PublicRoomsChunk, PublicRoomsChunkInit, RoomNetwork},
    events::room::join_rules::JoinRule,
    room::{JoinRuleKind, RoomSummary, RoomType},
};
use rusqlite::Connection;

use super::{Room, events, visibility};
use crate::{error::Result, service::appservices::networks, store::WriteTx};

/// Shows a room in the directory, or no longer.
pub fn publish(tx: &WriteTx<'_>, room: &Room, published: bool) -> Result<()> {
    tx.prepare_cached("UPDATE rooms SET published = ?2 WHERE nid = ?1")?
        .execute((room.nid, published))?;
    Ok(())
}

/// Whether a room is shown in the directory.
pub fn is_published(connection: &Connection, room: &Room) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT published FROM rooms WHERE nid = ?1")?
        .query_row([room.nid], |row| row.get(0))?)
}

/// Which rooms of the directory are wanted.
#[derive(Debug, Default)]
pub struct Search {
    /// Words in name, topic or address.
    pub term: Option<String>,
    /// Room types; empty for any. `None` inside stands for rooms without a type.
    pub room_types: Vec<Option<RoomType>>,
    /// Of which networks.
    pub network: RoomNetwork,
    /// How many to skip.
    pub offset: usize,
    /// How many to return.
    pub limit: usize,
}

/// A page of the directory.
pub struct Found {
    /// The rooms, largest first.
    pub chunk: Vec<PublicRoomsChunk>,
    /// How many there are in all.
    pub total: usize,
}

/// Looks rooms up, those with most members first.
pub fn search(connection: &Connection, search: &Search) -> Result<Found> {
    let mut chunk = Vec::new();
    for nid in shown(connection, &search.network)? {
        let room = super::by_nid(connection, nid)?;
        let entry = entry(connection, &room)?;
        if fits(&entry, search) {
            chunk.push(entry);
        }
    }
    let total = chunk.len();
    let chunk = chunk
        .into_iter()
        .skip(search.offset)
        .take(search.limit)
        .collect();
    Ok(Found { chunk, total })
}

/// The numbers of the rooms of some networks, the largest first.
fn shown(connection: &Connection, network: &RoomNetwork) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT nid, published FROM rooms
         WHERE published = 1 OR nid IN (SELECT room FROM appservice_directory)
         ORDER BY n_joined DESC, nid",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let all: Vec<(i64, bool)> = rows.collect::<Result<_, _>>()?;
    let wanted: HashSet<i64> = match network {
        RoomNetwork::ThirdParty(id) => networks::rooms_of(connection, id)?.into_iter().collect(),
        RoomNetwork::All => all.iter().map(|(nid, _)| *nid).collect(),
        _ => all
            .iter()
            .filter(|(_, published)| *published)
            .map(|(nid, _)| *nid)
            .collect(),
    };
    let nids = all.into_iter().map(|(nid, _)| nid);
    Ok(nids.filter(|nid| wanted.contains(nid)).collect())
}

fn fits(entry: &PublicRoomsChunk, search: &Search) -> bool {
    if !search.room_types.is_empty() && !search.room_types.contains(&entry.room_type) {
        return false;
    }
    let Some(term) = &search.term else {
        return true;
    };
    let term = term.to_lowercase();
    let texts = [
        entry.name.as_deref(),
        entry.topic.as_deref(),
        entry.canonical_alias.as_deref().map(RoomAliasId::as_str),
    ];
    texts
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(&term))
}

/// What the directory tells of a room.
pub fn entry(connection: &Connection, room: &Room) -> Result<PublicRoomsChunk> {
    let text = |kind: &str, key: &str| -> Result<Option<String>> {
        let event = events::current_state(connection, room, kind, "")?;
        Ok(event
            .and_then(|pdu| pdu.content_str(key))
            .filter(|text| !text.is_empty()))
    };
    let n_joined: u32 = connection
        .prepare_cached("SELECT n_joined FROM rooms WHERE nid = ?1")?
        .query_row([room.nid], |row| row.get(0))?;
    let guests = text("m.room.guest_access", "guest_access")?;
    let mut entry = PublicRoomsChunk::from(PublicRoomsChunkInit {
        num_joined_members: UInt::from(n_joined),
        room_id: room.id.clone(),
        world_readable: visibility::is_world_readable(connection, room)?,
        guest_can_join: guests.as_deref() == Some("can_join"),
    });
    entry.name = text("m.room.name", "name")?;
    entry.topic = text("m.room.topic", "topic")?;
    entry.avatar_url = text("m.room.avatar", "url")?.map(OwnedMxcUri::from);
    let alias = text("m.room.canonical_alias", "alias")?;
    entry.canonical_alias = alias.and_then(|alias| OwnedRoomAliasId::try_from(alias).ok());
    entry.room_type = text("m.room.create", "type")?.map(RoomType::from);
    entry.join_rule =
        text("m.room.join_rules", "join_rule")?.map_or(JoinRuleKind::Invite, JoinRuleKind::from);
    Ok(entry)
}

/// The summary of a room, for those who may know of it.
pub fn summary(connection: &Connection, room: &Room) -> Result<RoomSummary> {
    let entry = entry(connection, room)?;
    let rule = events::current_state(connection, room, "m.room.join_rules", "")?
        .and_then(|pdu| serde_json::from_str::<JoinRule>(pdu.content.get()).ok())
        .unwrap_or(JoinRule::Invite);
    let mut summary = RoomSummary::new(
        entry.room_id,
        rule.into(),
        entry.guest_can_join,
        entry.num_joined_members,
        entry.world_readable,
    );
    summary.canonical_alias = entry.canonical_alias;
    summary.name = entry.name;
    summary.topic = entry.topic;
    summary.avatar_url = entry.avatar_url;
    summary.room_type = entry.room_type;
    summary.room_version = Some(room.version.clone());
    let encryption = events::current_state(connection, room, "m.room.encryption", "")?;
    summary.encryption = encryption
        .and_then(|pdu| pdu.content_str("algorithm"))
        .map(EventEncryptionAlgorithm::from);
    Ok(summary)
}
