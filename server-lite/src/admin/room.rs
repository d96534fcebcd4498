//! `hardline-server rooms list | show | delete | unblock`

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use hardline_server::{
    serve::control::{self, Changed},
    service::{
        Services,
        rooms::{self, Room, aliases, blocks, directory, events, membership, removal},
    },
};
use ruma::{OwnedRoomId, RoomId, RoomOrAliasId};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;

use super::{
    OnServices,
    output::{Output, utc},
    purge::{pause, remove},
    sentence,
};

/// So many leave in one transaction.
const LEAVE_STEP: usize = 25;
/// How long clients that are connected have to hear that they have left, before the room is gone.
const TIME_TO_HEAR: Duration = Duration::from_secs(2);

/// Commands about rooms.
#[derive(Subcommand)]
pub enum RoomCommand {
    /// Lists rooms, those with most members first.
    List {
        /// Only those with this in name, topic or address.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// What is known of a room.
    Show {
        /// Its identifier (!…) or address (#…).
        room: String,
    },
    /// Closes a room: everybody leaves, nobody gets in any more, and all that was said is removed.
    Delete {
        /// Its identifier (!…) or address (#…).
        room: String,
        /// What members are told as the reason.
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// Leave the contents in the database, so that clients which are offline still hear that they have left.
        #[arg(long)]
        no_purge: bool,
        /// Let people in again who have the address of another server.
        #[arg(long)]
        no_block: bool,
    },
    /// Lets people into a closed room again.
    Unblock {
        /// Its identifier (!…).
        room: String,
    },
}

/// A room in the list.
#[derive(Serialize)]
struct Listed {
    room_id: OwnedRoomId,
    name: Option<String>,
    alias: Option<String>,
    room_version: String,
    members: u64,
    encrypted: bool,
    published: bool,
    last_event_at: Option<i64>,
}

impl OnServices for RoomCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::List { search } => list(services, output, search).await,
            Self::Show { room } => show(services, output, &room).await,
            Self::Delete {
                room,
                message,
                no_purge,
                no_block,
            } => {
                let closing = Closing {
                    services,
                    message,
                    purge: !no_purge,
                    block: !no_block,
                };
                closing.run(output, &room).await
            }
            Self::Unblock { room } => unblock(services, output, &room).await,
        }
    }
}

/// The room that an identifier or an address names.
pub async fn find(services: &Services, name: &str) -> anyhow::Result<Room> {
    let parsed = RoomOrAliasId::parse(name).with_context(|| {
        format!("{name} is neither a room's identifier (!…) nor an address (#…)")
    })?;
    let shown = name.to_owned();
    let found = services
        .store
        .read(move |c| {
            let id = aliases::resolve_any(c, &parsed)?;
            rooms::find(c, &id)
        })
        .await
        .map_err(sentence)?;
    found.with_context(|| format!("there is no room {shown} on this server"))
}

async fn list(services: &Services, output: &Output, search: Option<String>) -> anyhow::Result<()> {
    let term = search.map(|term| term.to_lowercase());
    let found = services
        .store
        .read(move |c| {
            let mut statement = c.prepare("SELECT nid FROM rooms ORDER BY n_joined DESC, nid")?;
            let nids: Vec<i64> = statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut found = Vec::new();
            for nid in nids {
                found.extend(listed(c, &rooms::by_nid(c, nid)?, term.as_deref())?);
            }
            Ok(found)
        })
        .await
        .map_err(sentence)?;
    let lines = found.iter().map(|room| {
        let name = room.alias.as_ref().or(room.name.as_ref());
        let name = name.map_or_else(
            || "(no name)".to_owned(),
            |name| name.escape_debug().to_string(),
        );
        let marks = [
            (room.encrypted, ", encrypted"),
            (room.published, ", in the directory"),
        ];
        let marks: String = marks
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, text)| *text)
            .collect();
        format!(
            "{}  {name}  {} members, version {}{marks}",
            room.room_id, room.members, room.room_version
        )
    });
    output.print(&found, lines.collect::<Vec<_>>())
}

fn listed(
    c: &Connection,
    room: &Room,
    term: Option<&str>,
) -> hardline_server::error::Result<Option<Listed>> {
    let entry = directory::entry(c, room)?;
    let alias = entry.canonical_alias.as_ref().map(ToString::to_string);
    let texts = [
        entry.name.as_deref(),
        entry.topic.as_deref(),
        alias.as_deref(),
    ];
    let fits = term.is_none_or(|term| {
        let mut texts = texts.iter().flatten();
        texts.any(|text| text.to_lowercase().contains(term))
    });
    if !fits {
        return Ok(None);
    }
    let last_event_at = c
        .prepare_cached(
            "SELECT max(e.ts) FROM rooms r JOIN events e ON e.room = r.nid AND e.position = r.last_position
             WHERE r.nid = ?1",
        )?
        .query_row([room.nid], |row| row.get(0))?;
    let encrypted = events::current_state(c, room, "m.room.encryption", "")?.is_some();
    Ok(Some(Listed {
        room_id: room.id.clone(),
        name: entry.name,
        alias,
        room_version: room.version.to_string(),
        members: entry.num_joined_members.into(),
        encrypted,
        published: directory::is_published(c, room)?,
        last_event_at,
    }))
}

async fn show(services: &Services, output: &Output, name: &str) -> anyhow::Result<()> {
    let room = find(services, name).await?;
    let value = services
        .store
        .read(move |c| details(c, &room))
        .await
        .map_err(sentence)?;
    let mut lines = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let key = key.replace('_', " ");
        let shown = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::Number(at) if key.ends_with(" at") => {
                utc(at.as_i64().unwrap_or_default())
            }
            serde_json::Value::String(text) => text.escape_debug().to_string(),
            other => other.to_string(),
        };
        lines.push(format!("{key}: {shown}"));
    }
    output.print(&value, lines)
}

fn details(c: &Connection, room: &Room) -> hardline_server::error::Result<serde_json::Value> {
    let number = |sql: &str| -> rusqlite::Result<i64> {
        c.prepare(sql)?.query_row([room.nid], |row| row.get(0))
    };
    let members = |membership: &str| -> rusqlite::Result<i64> {
        c.prepare_cached("SELECT count(*) FROM memberships WHERE room = ?1 AND membership = ?2")?
            .query_row((room.nid, membership), |row| row.get(0))
    };
    let entry = directory::entry(c, room)?;
    let create = events::current_state(c, room, "m.room.create", "")?;
    let history = events::current_state(c, room, "m.room.history_visibility", "")?;
    let history = history.and_then(|pdu| pdu.content_str("history_visibility"));
    let encryption = events::current_state(c, room, "m.room.encryption", "")?;
    Ok(json!({
        "room_id": room.id,
        "name": entry.name,
        "topic": entry.topic,
        "aliases": aliases::of_room(c, room.nid)?,
        "room_version": room.version,
        "room_type": entry.room_type,
        "creator": create.as_ref().map(|pdu| &pdu.sender),
        "created_at": number("SELECT created_at FROM rooms WHERE nid = ?1")?,
        "join_rule": entry.join_rule,
        "history_visibility": history.as_deref().unwrap_or("shared"),
        "guest_can_join": entry.guest_can_join,
        "encryption": encryption.and_then(|pdu| pdu.content_str("algorithm")),
        "published": directory::is_published(c, room)?,
        "blocked": blocks::is_blocked(c, &room.id)?,
        "joined": members("join")?,
        "invited": members("invite")?,
        "knocking": members("knock")?,
        "banned": members("ban")?,
        "events": number("SELECT count(*) FROM events WHERE room = ?1")?,
        "state_events": number("SELECT count(*) FROM current_state WHERE room = ?1")?,
        "bytes": number("SELECT coalesce(sum(length(json)), 0) FROM events WHERE room = ?1")?,
        "extremities": number("SELECT count(*) FROM extremities WHERE room = ?1")?,
    }))
}

/// How a room is closed.
struct Closing<'a> {
    services: &'a Services,
    message: Option<String>,
    purge: bool,
    block: bool,
}

impl Closing<'_> {
    async fn run(self, output: &Output, name: &str) -> anyhow::Result<()> {
        let room = find(self.services, name).await?;
        let (hidden, block) = (room.clone(), self.block);
        let store = &self.services.store;
        store
            .write(move |tx| {
                removal::hide(tx, &hidden)?;
                if block {
                    blocks::block(tx, &hidden.id)?;
                }
                Ok(())
            })
            .await
            .map_err(sentence)?;
        let n_left = self.empty(&room).await?;
        let mut n_events = 0;
        if self.purge {
            let data = &self.services.config.storage.path;
            if n_left > 0 && control::tell_changed(data, &Changed::default()) {
                tokio::time::sleep(TIME_TO_HEAR).await;
            }
            n_events = self.purge(&room).await?;
        }
        let value = json!({
            "room_id": room.id, "left": n_left, "events": n_events,
            "purged": self.purge, "blocked": self.block,
        });
        let mut lines = vec![format!("{} is closed; {n_left} have left it.", room.id)];
        if self.purge {
            lines.push(format!("{n_events} events are removed."));
        }
        output.print(&value, lines)
    }

    /// Everybody leaves, refuses their invitation or takes their knock back.
    async fn empty(&self, room: &Room) -> anyhow::Result<usize> {
        let mut n_left = 0;
        loop {
            let (services, room_id) = (self.services.clone(), room.id.clone());
            let message = self.message.clone();
            let n_now = self
                .services
                .store
                .write(move |tx| {
                    let mut room = rooms::get(tx, &room_id)?;
                    let mut members = Vec::new();
                    for membership in ["join", "invite", "knock"] {
                        let found =
                            membership::with_membership(tx, room.nid, membership, LEAVE_STEP)?;
                        members.extend(found);
                    }
                    members.truncate(LEAVE_STEP);
                    for member in &members {
                        let (user, reason) = (&member.user_id, message.clone());
                        membership::leave(tx, &services, &mut room, user, reason)?;
                    }
                    Ok(members.len())
                })
                .await
                .map_err(sentence)?;
            if n_now == 0 {
                return Ok(n_left);
            }
            n_left += n_now;
            pause().await;
        }
    }

    async fn purge(&self, room: &Room) -> anyhow::Result<usize> {
        let store = &self.services.store;
        let removed = room.clone();
        store
            .write(move |tx| removal::remove_surroundings(tx, &removed))
            .await
            .map_err(sentence)?;
        let asked = room.clone();
        let events = store
            .read(move |c| removal::all_events(c, &asked))
            .await
            .map_err(sentence)?;
        let n_events = events.len();
        remove(self.services, room, events, Vec::new()).await?;
        let removed = room.clone();
        store
            .write(move |tx| removal::remove_room(tx, &removed))
            .await
            .map_err(sentence)?;
        let changed = Changed {
            removed_rooms: vec![room.nid],
        };
        control::tell_changed(&self.services.config.storage.path, &changed);
        Ok(n_events)
    }
}

async fn unblock(services: &Services, output: &Output, name: &str) -> anyhow::Result<()> {
    let room_id =
        RoomId::parse(name).with_context(|| format!("{name} is no room's identifier (!…)"))?;
    let asked = room_id.clone();
    let found = services
        .store
        .write(move |tx| blocks::unblock(tx, &asked))
        .await
        .map_err(sentence)?;
    if !found {
        bail!("the room {room_id} is not blocked");
    }
    let value = json!({ "room_id": room_id, "blocked": false });
    output.print(&value, [format!("People can get into {room_id} again.")])
}
