//! Finding what an application service is to be told, and putting it into its outbox.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;

use super::{
    Appservice,
    outbox::{self, Entry, Progress},
    registration::Ephemeral,
};
use crate::{
    error::Result,
    service::{
        Services,
        rooms::{
            client_event::{COLUMNS, EventRow},
            typing::Typing,
        },
    },
    store::current_position,
};

/// One look takes at most so many events …
const MAX_EVENTS: i64 = 200;
/// … and what has happened over so many positions.
const MAX_POSITIONS: i64 = 2_000;
/// How far the stored progress may fall behind while there is nothing to tell.
const MAX_UNSTORED: i64 = 5_000;
/// The wait after a failure of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// What one look found.
struct Found {
    entries: Vec<Entry>,
    progress: Progress,
    typing: u64,
    is_all: bool,
}

/// Sorts what happens, until the server stops. Sleeps while nothing does.
pub(super) async fn run(services: Services, appservice: Arc<Appservice>) {
    let mut changed = services.notifier.subscribe_all();
    let mut progress = match outbox::resume(&services, &appservice).await {
        Ok(progress) => progress,
        Err(error) => {
            tracing::error!(appservice = appservice.id(), %error, "a bridge will not be told anything");
            return;
        }
    };
    let mut sorter = Sorter {
        typing: services.typing.serial(),
        stored: progress,
        services,
        appservice,
    };
    sorter.appservice.more.notify_one();
    loop {
        let result = sorter.catch_up(&mut progress).await;
        let failed = result.is_err();
        if let Err(error) = result {
            tracing::warn!(appservice = sorter.appservice.id(), %error, "cannot sort what a bridge is to be told");
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = sorter.appservice.backlog.room.notified() => {}
            () = tokio::time::sleep(PAUSE), if failed => {}
            () = sorter.services.shutdown.cancelled() => return,
        }
    }
}

struct Sorter {
    services: Services,
    appservice: Arc<Appservice>,
    typing: u64,
    stored: Progress,
}

impl Sorter {
    async fn catch_up(&mut self, progress: &mut Progress) -> Result<()> {
        loop {
            if self.appservice.backlog.is_full() {
                return Ok(());
            }
            let (appservice, services) = (self.appservice.clone(), self.services.clone());
            let (from, typing) = (*progress, self.typing);
            let found = self
                .services
                .store
                .read(move |c| look(c, &appservice, &services.typing, from, typing))
                .await?;
            let is_far = found.progress.event - self.stored.event > MAX_UNSTORED
                || found.progress.position - self.stored.position > MAX_UNSTORED;
            if !found.entries.is_empty() || is_far {
                self.store(found.entries, found.progress).await?;
            }
            (*progress, self.typing) = (found.progress, found.typing);
            if found.is_all {
                return Ok(());
            }
        }
    }

    async fn store(&mut self, entries: Vec<Entry>, progress: Progress) -> Result<()> {
        let (appservice, n) = (self.appservice.clone(), entries.len());
        let closed = self.appservice.backlog.open().await;
        let upto = *closed;
        self.services
            .store
            .write(move |tx| outbox::add(tx, appservice.id(), &entries, progress, upto))
            .await?;
        drop(closed);
        self.stored = progress;
        self.appservice.backlog.added(n);
        if n > 0 {
            self.appservice.more.notify_one();
        }
        Ok(())
    }
}

fn look(
    connection: &Connection,
    appservice: &Appservice,
    typing: &Typing,
    from: Progress,
    typing_since: u64,
) -> Result<Found> {
    let mut entries = Vec::new();
    let (event, all_events) = events(connection, appservice, from.event, &mut entries)?;
    let now = current_position(connection)? as i64;
    let upto = now.min(from.position + MAX_POSITIONS);
    let (after, registration) = (from.position, &appservice.registration);
    let mut typing_serial = typing_since;
    if upto > after {
        if appservice.wants_to_device() {
            entries.extend(appservice.to_device(connection, after, upto)?);
        }
        if registration.encrypts {
            entries.extend(appservice.changed_devices(connection, after, upto)?);
        }
    }
    if registration.ephemeral != Ephemeral::No {
        typing_serial = typing.serial();
        // Whoever does not listen hears nothing old later on.
        if !appservice.is_failing() {
            entries.extend(appservice.typing(connection, typing, typing_since)?);
            if upto > after {
                entries.extend(appservice.receipts(connection, after, upto)?);
                entries.extend(appservice.presence(connection, after, upto)?);
            }
        }
    }
    Ok(Found {
        entries,
        progress: Progress {
            event,
            position: upto,
        },
        typing: typing_serial,
        is_all: all_events && upto == now,
    })
}

/// Adds the events after number `after` that are wanted. Returns up to which was looked, and whether that is all.
fn events(
    connection: &Connection,
    appservice: &Appservice,
    after: i64,
    entries: &mut Vec<Entry>,
) -> Result<(i64, bool)> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, e.room FROM events e
         WHERE e.nid > ?1 AND e.position IS NOT NULL AND e.rejected = 0 AND e.soft_failed = 0
         ORDER BY e.nid LIMIT ?2"
    ))?;
    let mut rows = statement.query((after, MAX_EVENTS))?;
    let (mut upto, mut n) = (after, 0);
    while let Some(row) = rows.next()? {
        let event = EventRow::read(row)?;
        let room: i64 = row.get(12)?;
        (upto, n) = (event.nid, n + 1);
        if appservice.wants_event(connection, room, &event)? {
            entries.push(Entry::Event(event.nid));
            if appservice.registration.encrypts {
                entries.extend(appservice.moved(connection, room, &event)?);
            }
        }
    }
    Ok((upto, n < MAX_EVENTS))
}
