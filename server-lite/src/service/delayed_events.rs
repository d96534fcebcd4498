//! Events that are sent later, unless their sender restarts or cancels them: how MatrixRTC notices that somebody is gone.
//!
//! MSC: <https://github.com/matrix-org/matrix-spec-proposals/pull/4140>

use std::time::Duration;

use http::StatusCode;
use ruma::{OwnedRoomId, OwnedTransactionId, OwnedUserId, RoomId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::{
    Services,
    clock::Steps,
    now_ms, random,
    rooms::{
        self,
        append::{NewEvent, append, content_from_raw},
        visibility::require_joined,
    },
    sessions::Session,
};
use crate::{
    Error,
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "delayed_events",
    steps: &[Step::Sql(include_str!(
        "../store/schema/delayed_events.sql"
    ))],
};

/// The longest delay.
pub const MAX_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest sleep while something waits: timers stand still while a phone sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How many events one user may have waiting.
const MAX_WAITING: i64 = 100;

/// Told when the next event may be due earlier than was thought.
#[derive(Default)]
pub struct DelayedEvents {
    changed: Notify,
}

/// An event that waits.
#[derive(Clone, Debug, Serialize)]
pub struct Delayed {
    /// Its handle.
    pub delay_id: String,
    /// Where it will be sent.
    pub room_id: OwnedRoomId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its state key, if it is state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
    /// How long it waits, in milliseconds.
    pub delay: i64,
    /// Since when, in milliseconds since 1970.
    pub running_since: i64,
    /// Its content.
    pub content: Box<RawValue>,
    /// Who sends it.
    #[serde(skip)]
    pub sender: OwnedUserId,
}

const COLUMNS: &str = "delay_id, room_id, type, state_key, delay_ms, started_at, content, user_id";

fn read(row: &Row<'_>) -> Result<Delayed> {
    let content: String = row.get(6)?;
    Ok(Delayed {
        delay_id: row.get(0)?,
        room_id: RoomId::parse(row.get::<_, String>(1)?).map_err(Error::internal)?,
        kind: row.get(2)?,
        state_key: row.get(3)?,
        delay: row.get(4)?,
        running_since: row.get(5)?,
        content: RawValue::from_string(content).map_err(Error::internal)?,
        sender: UserId::parse(row.get::<_, String>(7)?).map_err(Error::internal)?,
    })
}

/// An event somebody wants sent later.
pub struct Wanted<'a> {
    /// Where.
    pub room_id: &'a RoomId,
    /// Its type.
    pub kind: &'a str,
    /// Its state key, if it is state.
    pub state_key: Option<&'a str>,
    /// Its content.
    pub content: &'a RawValue,
    /// After what time.
    pub delay: Duration,
    /// The transaction, where there is one: the same one gets the same handle.
    pub txn_id: Option<OwnedTransactionId>,
}

/// Keeps an event until it is due, and returns its handle.
///
/// # Errors
/// `M_UNKNOWN` with the MSC's own code if the delay is too long or too many wait.
pub fn schedule(
    tx: &WriteTx<'_>,
    services: &Services,
    session: &Session,
    wanted: &Wanted<'_>,
) -> Result<String> {
    let (user, device) = (session.user_id.as_str(), session.device_id.as_str());
    let txn_id = wanted.txn_id.as_ref().map(|txn| txn.as_str());
    let known: Option<String> = tx
        .prepare_cached(
            "SELECT delay_id FROM delayed_events
             WHERE user_id = ?1 AND device_id = ?2 AND room_id = ?3 AND type = ?4 AND txn_id = ?5",
        )?
        .query_row(
            params![user, device, wanted.room_id.as_str(), wanted.kind, txn_id],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    if wanted.delay > MAX_DELAY {
        return Err(too_much("The delay is longer than a day."));
    }
    let n_waiting: i64 = tx
        .prepare_cached("SELECT count(*) FROM delayed_events WHERE user_id = ?1")?
        .query_row([user], |row| row.get(0))?;
    if n_waiting >= MAX_WAITING {
        return Err(too_much("Too many of your events are waiting."));
    }
    let delay_id = random::name(24);
    let (now, delay) = (now_ms(), wanted.delay.as_millis() as i64);
    tx.prepare_cached(
        "INSERT INTO delayed_events (delay_id, user_id, device_id, txn_id, room_id, type, state_key,
                                     content, delay_ms, started_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10 + ?9)",
    )?
    .execute(params![
        delay_id,
        user,
        device,
        txn_id,
        wanted.room_id.as_str(),
        wanted.kind,
        wanted.state_key,
        wanted.content.get(),
        delay,
        now
    ])?;
    let services = services.clone();
    tx.after_commit(move || services.delayed_events.changed.notify_one());
    Ok(delay_id)
}

fn too_much(message: &str) -> Error {
    Error::with_code(StatusCode::BAD_REQUEST, "M_MAX_DELAY_EXCEEDED", message)
}

/// What its sender wants done with an event that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait the whole time again.
    Restart,
    /// Send it now.
    Send,
    /// Never send it.
    Cancel,
}

/// Does what its sender wants with an event. Whoever knows the handle may.
///
/// # Errors
/// `M_NOT_FOUND` if it is gone or never was.
pub fn update(tx: &WriteTx<'_>, services: &Services, delay_id: &str, action: Action) -> Result<()> {
    let unknown = || Error::not_found("No event waits under this name.");
    let delayed = one(tx, delay_id)?.ok_or_else(unknown)?;
    match action {
        Action::Restart => {
            tx.prepare_cached(
                "UPDATE delayed_events SET started_at = ?2, due_at = ?2 + delay_ms
                 WHERE delay_id = ?1",
            )?
            .execute(params![delay_id, now_ms()])?;
            Ok(())
        }
        Action::Send => {
            delete(tx, delay_id)?;
            send(tx, services, &delayed)
        }
        Action::Cancel => delete(tx, delay_id),
    }
}

fn one(connection: &Connection, delay_id: &str) -> Result<Option<Delayed>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM delayed_events WHERE delay_id = ?1"
    ))?;
    let mut rows = statement.query([delay_id])?;
    rows.next()?.map(read).transpose()
}

fn delete(tx: &WriteTx<'_>, delay_id: &str) -> Result<()> {
    tx.prepare_cached("DELETE FROM delayed_events WHERE delay_id = ?1")?
        .execute([delay_id])?;
    Ok(())
}

/// What waits of one user.
pub fn list(connection: &Connection, user: &UserId) -> Result<Vec<Delayed>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM delayed_events WHERE user_id = ?1 ORDER BY due_at"
    ))?;
    let mut rows = statement.query([user.as_str()])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push(read(row)?);
    }
    Ok(waiting)
}

/// State that somebody else has just set is not set back by an older wish.
pub fn cancel_overtaken(
    tx: &WriteTx<'_>,
    room_id: &RoomId,
    kind: &str,
    state_key: &str,
    sender: &UserId,
) -> Result<()> {
    tx.prepare_cached(
        "DELETE FROM delayed_events
         WHERE room_id = ?1 AND type = ?2 AND state_key = ?3 AND user_id <> ?4",
    )?
    .execute(params![room_id.as_str(), kind, state_key, sender.as_str()])?;
    Ok(())
}

fn send(tx: &WriteTx<'_>, services: &Services, delayed: &Delayed) -> Result<()> {
    let mut room = rooms::get(tx, &delayed.room_id)?;
    require_joined(tx, &room, &delayed.sender)?;
    let content = content_from_raw(&delayed.content)?;
    let mut new = NewEvent::message(delayed.sender.clone(), delayed.kind.clone(), content);
    new.state_key.clone_from(&delayed.state_key);
    append(tx, services, &mut room, new).map(drop)
}

/// Sends what is due, until the server stops. Sleeps while nothing is.
pub async fn run(services: Services) {
    let mut steps = Steps::default();
    shift(&services, |tx| no_later_than_wanted(tx, now_ms())).await;
    loop {
        if let Some(back) = steps.back() {
            tracing::info!(
                back_ms = back,
                "the clock was set back; delayed events keep their time"
            );
            shift(&services, move |tx| earlier(tx, back)).await;
        }
        let next = services.store.read(next_due).await;
        let next = next.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for delayed events");
            Some(now_ms() + 10_000)
        });
        let sleep = async {
            match next {
                Some(at) => {
                    let wait = Duration::from_millis((at - now_ms()).max(0) as u64);
                    tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => send_due(&services).await,
            () = services.delayed_events.changed.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
    }
}

async fn shift(
    services: &Services,
    shift: impl FnOnce(&WriteTx<'_>) -> rusqlite::Result<usize> + Send + 'static,
) {
    let shifted = services.store.write(move |tx| Ok(shift(tx)?)).await;
    if let Err(error) = shifted {
        tracing::warn!(%error, "cannot shift delayed events");
    }
}

/// The clock was set back: what waits is due as much earlier.
fn earlier(tx: &WriteTx<'_>, back_ms: i64) -> rusqlite::Result<usize> {
    tx.execute(
        "UPDATE delayed_events SET started_at = started_at - ?1, due_at = due_at - ?1",
        [back_ms],
    )
}

/// At a start: the clock may have been set back since the last run. Nothing waits longer than was wanted.
fn no_later_than_wanted(tx: &WriteTx<'_>, now_ms: i64) -> rusqlite::Result<usize> {
    tx.execute(
        "UPDATE delayed_events SET started_at = ?1, due_at = ?1 + delay_ms WHERE started_at > ?1",
        [now_ms],
    )
}

fn next_due(connection: &Connection) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT min(due_at) FROM delayed_events")?
        .query_row([], |row| row.get(0))?)
}

async fn send_due(services: &Services) {
    let due = services
        .store
        .read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT delay_id FROM delayed_events WHERE due_at <= ?1 ORDER BY due_at LIMIT 100",
            )?;
            let ids = statement.query_map([now_ms()], |row| row.get(0))?;
            Ok(ids.collect::<Result<Vec<String>, _>>()?)
        })
        .await
        .unwrap_or_default();
    for delay_id in due {
        send_one(services, delay_id).await;
    }
}

/// Sends one event if it is still due. One that can no longer be sent is dropped.
async fn send_one(services: &Services, delay_id: String) {
    let (writer, id) = (services.clone(), delay_id.clone());
    let sent = services
        .store
        .write(move |tx| {
            let is_due = tx
                .prepare_cached(
                    "SELECT 1 FROM delayed_events WHERE delay_id = ?1 AND due_at <= ?2",
                )?
                .exists(params![id, now_ms()])?;
            if is_due {
                update(tx, &writer, &id, Action::Send)?;
            }
            Ok(())
        })
        .await;
    if let Err(error) = sent {
        tracing::info!(%error, "a delayed event could not be sent");
        let dropped = services.store.write(move |tx| delete(tx, &delay_id));
        if let Err(error) = dropped.await {
            tracing::warn!(%error, "cannot drop a delayed event");
        }
    }
}
