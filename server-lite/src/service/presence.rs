//! Who is there: online while syncing, offline a little later.
//!
//! Only changes are written, so a client that syncs on and on costs nothing here.
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#presence>

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId, presence::PresenceState};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::Notify;

use super::{Services, json::to_raw, now_ms, rooms::membership};
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "presence",
    steps: &[Step::Sql(include_str!("../store/schema/presence.sql"))],
};

/// How long after its last sync a user is still online.
const GRACE: Duration = Duration::from_secs(30);

/// Somebody in rooms of more members than this wakes nobody by coming and going: others learn of it with the next news.
const MAX_WOKEN: i64 = 200;

/// Who syncs at the moment.
#[derive(Default)]
pub struct Presence {
    live: Mutex<HashMap<OwnedUserId, Live>>,
    changed: Notify,
}

struct Live {
    n_syncs: usize,
    last: Instant,
    state: PresenceState,
}

/// Somebody who syncs; drop it when the sync ends.
pub struct Here {
    services: Services,
    user: OwnedUserId,
}

impl Drop for Here {
    fn drop(&mut self) {
        let presence = &self.services.presence;
        if let Some(live) = presence.live.lock().get_mut(&self.user) {
            live.n_syncs -= 1;
            live.last = Instant::now();
        }
        presence.changed.notify_one();
    }
}

/// Notes that `user` syncs and wants to be seen as `state`. None where nothing is to be noted.
pub async fn enter(services: &Services, user: &UserId, state: PresenceState) -> Option<Here> {
    if !services.config.presence.enabled || state == PresenceState::Offline {
        return None;
    }
    let is_new = {
        let mut all = services.presence.live.lock();
        let live = all.entry(user.to_owned()).or_insert(Live {
            n_syncs: 0,
            last: Instant::now(),
            state: PresenceState::Offline,
        });
        live.n_syncs += 1;
        std::mem::replace(&mut live.state, state.clone()) != state
    };
    let here = Here {
        services: services.clone(),
        user: user.to_owned(),
    };
    if is_new {
        let user = user.to_owned();
        let written = services
            .store
            .write(move |tx| set(tx, &user, &state, None))
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "cannot note that somebody is there");
        }
    }
    Some(here)
}

impl Presence {
    /// Whose time is up; they are forgotten. Also returns when somebody's will be next.
    fn expire(&self, now: Instant) -> (Vec<OwnedUserId>, Option<Instant>) {
        let mut all = self.live.lock();
        let is_over = |live: &Live| live.n_syncs == 0 && now.duration_since(live.last) >= GRACE;
        let over: Vec<_> = all
            .iter()
            .filter(|(_, live)| is_over(live))
            .map(|(user, _)| user.clone())
            .collect();
        all.retain(|_, live| !is_over(live));
        let waiting = all.values().filter(|live| live.n_syncs == 0);
        (over, waiting.map(|live| live.last + GRACE).min())
    }
}

/// Puts people offline as their time runs out, until the server stops. Sleeps while nobody comes or goes.
pub async fn run_expiry(services: Services) {
    // Whoever was there when the program ended is there no longer.
    let cleaned = services.store.write(all_offline).await;
    if let Err(error) = cleaned {
        tracing::warn!(%error, "cannot put people offline");
    }
    loop {
        let (over, next) = services.presence.expire(Instant::now());
        for user in over {
            let written = services
                .store
                .write(move |tx| set(tx, &user, &PresenceState::Offline, None));
            if let Err(error) = written.await {
                tracing::warn!(%error, "cannot put somebody offline");
            }
        }
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            () = services.presence.changed.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
    }
}

fn all_offline(tx: &WriteTx<'_>) -> Result<()> {
    let any = tx
        .prepare_cached("SELECT 1 FROM presence WHERE state <> 'offline'")?
        .exists([])?;
    if any {
        let position = tx.next_position() as i64;
        tx.prepare_cached(
            "UPDATE presence SET state = 'offline', position = ?1 WHERE state <> 'offline'",
        )?
        .execute([position])?;
    }
    Ok(())
}

/// Sets a user's state, and their words if there are any. Tells those who share a room, if anything is new.
pub fn set(
    tx: &WriteTx<'_>,
    user: &UserId,
    state: &PresenceState,
    status_msg: Option<Option<&str>>,
) -> Result<()> {
    let before = find(tx, user)?;
    let kept = before.as_ref().and_then(|before| before.status_msg.clone());
    let status_msg = status_msg.map_or(kept, |given| given.map(str::to_owned));
    let is_new =
        before.is_none_or(|before| before.state != *state || before.status_msg != status_msg);
    if !is_new {
        return Ok(());
    }
    let position = tx.next_position() as i64;
    tx.prepare_cached(
        "INSERT INTO presence (user_id, state, status_msg, last_active_at, position)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user_id) DO UPDATE SET state = excluded.state,
             status_msg = excluded.status_msg, last_active_at = excluded.last_active_at,
             position = excluded.position",
    )?
    .execute(params![
        user.as_str(),
        state.as_str(),
        status_msg,
        now_ms(),
        position
    ])?;
    let n_told: i64 = tx
        .prepare_cached(
            "SELECT coalesce(sum(r.n_joined), 0) FROM memberships m JOIN rooms r ON r.nid = m.room
             WHERE m.user_id = ?1 AND m.membership = 'join'",
        )?
        .query_row([user.as_str()], |row| row.get(0))?;
    if n_told <= MAX_WOKEN {
        tx.wake_contacts(user);
    }
    Ok(())
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Online, unavailable, offline.
    pub state: PresenceState,
    /// Their own words.
    pub status_msg: Option<String>,
    /// When that was set, in milliseconds since 1970.
    pub last_active_at: i64,
}

impl Status {
    /// How long ago somebody was last active, in milliseconds.
    pub fn last_active_ago(&self) -> u64 {
        match self.state {
            PresenceState::Online => 0,
            _ => (now_ms() - self.last_active_at).max(0) as u64,
        }
    }

    /// Whether they are there right now.
    pub fn is_active(&self) -> bool {
        self.state == PresenceState::Online
    }

    fn to_event(&self, user: &str) -> Result<Box<RawValue>> {
        let mut content = json!({
            "presence": self.state,
            "last_active_ago": self.last_active_ago(),
            "currently_active": self.is_active(),
        });
        if let Some(text) = &self.status_msg {
            content["status_msg"] = Value::String(text.clone());
        }
        to_raw(&json!({ "type": "m.presence", "sender": user, "content": content }))
    }
}

fn status(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Status> {
    Ok(Status {
        state: PresenceState::from(row.get::<_, String>(first)?),
        status_msg: row.get(first + 1)?,
        last_active_at: row.get(first + 2)?,
    })
}

/// What is known of a user.
pub fn find(connection: &Connection, user: &UserId) -> Result<Option<Status>> {
    Ok(connection
        .prepare_cached(
            "SELECT state, status_msg, last_active_at FROM presence WHERE user_id = ?1",
        )?
        .query_row([user.as_str()], |row| status(row, 0))
        .optional()?)
}

/// The `m.presence` events of others that are new after `since`, as `user` may see them.
pub fn since(connection: &Connection, user: &UserId, since: u64) -> Result<Vec<Box<RawValue>>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, state, status_msg, last_active_at FROM presence
         WHERE position > ?1 AND user_id <> ?2
           AND (?1 > 0 OR state <> 'offline' OR status_msg IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.ignored = presence.user_id AND i.user_id = ?2)
         ORDER BY position",
    )?;
    let mut rows = statement.query(params![since as i64, user.as_str()])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let other: String = row.get(0)?;
        let Ok(id) = <&UserId>::try_from(&*other) else {
            continue;
        };
        if membership::share_room(connection, user, id)? {
            events.push(status(row, 1)?.to_event(&other)?);
        }
    }
    Ok(events)
}

/// The `m.presence` events of all who came or went after one position and up to another, and whose they are.
pub fn changed_between(
    connection: &Connection,
    after: i64,
    upto: i64,
) -> Result<Vec<(OwnedUserId, Box<RawValue>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT user_id, state, status_msg, last_active_at FROM presence
         WHERE position > ?1 AND position <= ?2 ORDER BY position",
    )?;
    let mut rows = statement.query((after, upto))?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let user: String = row.get(0)?;
        let event = status(row, 1)?.to_event(&user)?;
        events.extend(UserId::parse(user).ok().map(|user| (user, event)));
    }
    Ok(events)
}

/// Forgets a user whose account closes.
pub fn delete_user(tx: &WriteTx<'_>, user: &UserId) -> Result<()> {
    tx.execute("DELETE FROM presence WHERE user_id = ?1", [user.as_str()])?;
    Ok(())
}
