//! `hardline-server purge-history`

use anyhow::Context;
use clap::Args;
use hardline_server::service::{
    Services, now_ms,
    rooms::{
        self, Room,
        removal::{self, Old, STEP},
    },
};
use ruma::EventId;
use serde_json::json;

use super::{OnServices, output::Output, room::find, sentence, time::moment};

/// Which messages of which room.
#[derive(Args)]
pub struct PurgeHistory {
    /// Its identifier (!…) or address (#…).
    room: String,
    #[command(flatten)]
    old: OldArgs,
    /// Only say how many it would be.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct OldArgs {
    /// Those before a day (2026-01-31), a minute (2026-01-31T18:30, UTC), an age (90d) or an event ($…).
    #[arg(long, value_name = "TIME|EVENT")]
    before: Option<String>,
    /// All but the newest so many.
    #[arg(long, value_name = "NUMBER")]
    keep: Option<u64>,
}

impl OnServices for PurgeHistory {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        let old = self.old.parse()?;
        let room = find(services, &self.room).await?;
        let asked = room.clone();
        let (going, edges) = services
            .store
            .read(move |c| {
                let going = removal::old_events(c, &asked, &old)?;
                let edges = removal::edges_to(c, &asked, &going)?;
                Ok((going, edges))
            })
            .await
            .map_err(sentence)?;
        let n_events = going.len();
        if !self.dry_run {
            remove(services, &room, going, edges).await?;
        }
        let verb = if self.dry_run { "would be" } else { "are" };
        let value = json!({ "room_id": room.id, "events": n_events, "removed": !self.dry_run });
        output.print(
            &value,
            [format!("{n_events} events of {} {verb} removed.", room.id)],
        )
    }
}

impl OldArgs {
    fn parse(self) -> anyhow::Result<Old> {
        match (self.before, self.keep) {
            (_, Some(n)) => Ok(Old::AllBut(n)),
            (Some(event), None) if event.starts_with('$') => Ok(Old::BeforeEvent(
                EventId::parse(&*event).with_context(|| format!("{event} is no event"))?,
            )),
            (Some(time), None) => Ok(Old::BeforeTime(moment(&time, now_ms())?)),
            (None, None) => anyhow::bail!("give --before or --keep"),
        }
    }
}

/// Removes events step by step, so that a running server writes in between.
pub async fn remove(
    services: &Services,
    room: &Room,
    events: Vec<i64>,
    edges: Vec<(i64, i64)>,
) -> anyhow::Result<()> {
    for part in edges.chunks(STEP * 4) {
        let part = part.to_vec();
        services
            .store
            .write(move |tx| removal::remove_edges(tx, &part))
            .await
            .map_err(sentence)?;
    }
    for part in events.chunks(STEP) {
        let (part, room) = (part.to_vec(), room.clone());
        services
            .store
            .write(move |tx| {
                // Somebody may have redacted, or the room may have changed, since they were counted.
                rooms::get(tx, &room.id)?;
                removal::remove_events(tx, &room, &part)
            })
            .await
            .map_err(sentence)?;
        pause().await;
    }
    Ok(())
}

/// The lock is free for long enough that a server which waits for it gets it.
pub async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
}
