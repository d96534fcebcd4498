//! `kill -9` at any moment while clients write: what was acknowledged is there, once, and a client in sync misses nothing.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{HardlineServer, Homeserver, wait::until};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::Connection;
use serde_json::json;

use crate::{
    load::{Load, check_all},
    witness::Witness,
};

const SEED: u64 = 20_261_127;

/// Kills the server so often; gives how much was acknowledged.
async fn kill_often(n_kills: usize) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut server = HardlineServer::start().await?;
    let (ada, bo) = (server.register("ada").await?, server.register("bo").await?);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    bo.join(&room).await?;
    let witness = Witness::start(&bo, &room).await?;
    let load = Load::default();
    for round in 0..n_kills {
        let writers = load.start(&ada, &bo, &room, &Arc::<AtomicBool>::default());
        let wait = Duration::from_micros(random.random_range(20_000..250_000));
        tokio::time::sleep(wait).await;
        server.kill().await?;
        for writer in writers {
            writer.await?.with_context(|| format!("round {round}"))?;
        }
        is_whole(&server)?;
        server.resume().await?;
        load.repeat_unanswered(&ada, &bo, &room).await?;
    }
    let done = load.done();
    ensure!(!done.messages.is_empty() && !done.files.is_empty());
    let wanted = done.messages.len();
    until(Duration::from_secs(20), "the client in sync", || {
        let there = witness.n_messages() >= wanted;
        async move { Ok(there.then_some(())) }
    })
    .await?;
    let told = witness.end().await?;
    check_once(
        "message",
        done.messages.iter().map(|(body, ..)| body.clone()),
        &told.messages,
    )?;
    let to_device: Vec<String> = told.to_device.iter().map(u64::to_string).collect();
    let sent = done.to_device.iter().map(usize::to_string);
    check_once("to-device message", sent, &to_device)?;
    check_all(&done, &ada, &bo, &room).await?;
    Ok(load.n_acknowledged())
}

/// Everything that was sent was told, and nothing twice.
fn check_once(what: &str, sent: impl Iterator<Item = String>, told: &[String]) -> Result<()> {
    let once: HashSet<&String> = told.iter().collect();
    ensure!(
        once.len() == told.len(),
        "a {what} was told twice: {} told, {} different",
        told.len(),
        once.len()
    );
    for one in sent {
        ensure!(once.contains(&one), "{what} {one} was never told");
    }
    Ok(())
}

fn is_whole(server: &HardlineServer) -> Result<()> {
    let database = Connection::open(server.database())?;
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(check == "ok", "{check}");
    Ok(())
}

#[tokio::test]
async fn ten_kills_lose_nothing_that_was_acknowledged() -> Result<()> {
    let n = kill_often(10).await?;
    eprintln!("{n} acknowledged writes survived 10 kills");
    Ok(())
}

#[tokio::test]
async fn soak_two_hundred_kills_lose_nothing_that_was_acknowledged() -> Result<()> {
    let n = kill_often(200).await?;
    eprintln!("{n} acknowledged writes survived 200 kills");
    Ok(())
}
