//! The power goes between any two writes: the server runs with a library that records what it writes and syncs, and
//! every beginning of that recording is what a disk may hold afterwards, with any part of what was not synced.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{Client, HardlineServer, Homeserver, ServerOptions};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::recording::{Disk, Recording, Unsynced, build_recorder};

const SEED: u64 = 5;

/// Something the server said it had stored, and how long the recording was then.
struct Acknowledged {
    at: u64,
    what: What,
}

enum What {
    Event(String),
    AccountData(String),
    /// The address of a file, and where its content is.
    File(String, PathBuf),
}

/// A server that was recorded while it wrote.
struct Run {
    base: Vec<u8>,
    recording: Recording,
    acknowledged: Vec<Acknowledged>,
    _dir: TempDir,
}

/// Lets a server write so many messages.
async fn record(n_messages: usize) -> Result<Run> {
    let dir = tempfile::Builder::new().prefix("hl-power").tempdir()?;
    let (data, file) = (dir.path().join("data"), dir.path().join("recording"));
    let options = |env| ServerOptions {
        data: Some(data.clone()),
        env,
        extra: "[log]\nfilter = \"warn\"\n".to_owned(),
        ..ServerOptions::default()
    };
    // What is there before the recording begins.
    let mut server = HardlineServer::start_with(options(Vec::new())).await?;
    let ada = server.register("ada").await?;
    let room = ada.create_room(json!({})).await?;
    server.stop().await?;
    drop(server);
    let base = std::fs::read(data.join("hardline-server.db"))?;

    let env = [
        ("LD_PRELOAD", build_recorder(dir.path())?),
        ("RECORD_DIR", data.clone()),
        ("RECORD_FILE", file.clone()),
    ];
    let env = env.map(|(key, value)| (key.to_owned(), value.display().to_string()));
    let mut server = HardlineServer::start_with(options(env.to_vec())).await?;
    let ada = Client::login(
        server.base_url(),
        &ada.user_id,
        &hardline_testkit::homeserver::password("ada"),
    )
    .await?;
    let acknowledged = write(&ada, &room, n_messages, &file, &data).await?;
    server.kill().await?;
    Ok(Run {
        base,
        recording: Recording::read(&file)?,
        acknowledged,
        _dir: dir,
    })
}

async fn write(
    ada: &Client,
    room: &str,
    n_messages: usize,
    recording: &Path,
    data: &Path,
) -> Result<Vec<Acknowledged>> {
    let mut acknowledged = Vec::new();
    let mut note = |what| -> Result<()> {
        let at = std::fs::metadata(recording)?.len();
        acknowledged.push(Acknowledged { at, what });
        Ok(())
    };
    for n in 0..n_messages {
        let body = format!("{n}: {}", "abcdefgh ".repeat(3000));
        let event = ada.send_text(room, &body).await?;
        note(What::Event(event))?;
        if n % 4 == 0 {
            let kind = format!("org.example.n{n}");
            let path = format!("v3/user/{}/account_data/{kind}", ada.user_id);
            ada.put(&path, json!({ "n": n })).await?;
            note(What::AccountData(kind))?;
            let content = format!("file {n}").into_bytes();
            let place = content_path(data, &content);
            let uri = ada.upload(content, "text/plain").await?;
            note(What::File(uri, place))?;
        }
    }
    Ok(acknowledged)
}

fn content_path(data: &Path, content: &[u8]) -> PathBuf {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    data.join("media/content").join(&hex[..2]).join(&hex[2..])
}

/// A folder in memory, if the system has one: the disk of this test is thrown away thousands of times.
fn scratch() -> Result<TempDir> {
    let shared = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("hl-cut");
    Ok(match builder.tempdir_in(shared) {
        Ok(dir) => dir,
        Err(_) => builder.tempdir()?,
    })
}

/// Cuts the power after each step that `chosen` picks.
fn cut(run: &Run, mut chosen: impl FnMut(usize) -> bool) -> Result<usize> {
    let mut random = StdRng::seed_from_u64(SEED);
    let recording = &run.recording;
    let database = recording
        .path("/hardline-server.db")
        .context("the database was not recorded")?;
    let log = recording
        .path("/hardline-server.db-wal")
        .context("the write-ahead log was not recorded")?;
    let mut disk = Disk::new([(database, run.base.clone()), (log, Vec::new())]);
    let dir = scratch()?;
    let mut n_cuts = 0;
    for (idx, step) in recording.steps.iter().enumerate() {
        disk.step(step)?;
        if (step.path != database && step.path != log) || !chosen(idx) {
            continue;
        }
        for fate in [Unsynced::Lost, Unsynced::Kept, Unsynced::Mixed] {
            let files = disk.after_a_cut(fate, &mut random);
            check(run, dir.path(), &files[&database], &files[&log], step.end)
                .with_context(|| format!("power cut after step {idx}, unsynced: {fate:?}"))?;
            n_cuts += 1;
        }
    }
    Ok(n_cuts)
}

/// Opens what is left and looks for all that had been acknowledged.
fn check(run: &Run, dir: &Path, database: &[u8], log: &[u8], at: u64) -> Result<()> {
    let path = dir.join("hardline-server.db");
    for name in ["-shm", "-wal", ""] {
        let _ = std::fs::remove_file(dir.join(format!("hardline-server.db{name}")));
    }
    std::fs::write(&path, database)?;
    std::fs::write(dir.join("hardline-server.db-wal"), log)?;
    let connection = Connection::open(&path)?;
    let whole: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(whole == "ok", "{whole}");
    let exists = |sql: &str, value: &str| -> Result<bool> {
        Ok(connection.prepare_cached(sql)?.exists([value])?)
    };
    for acknowledged in run.acknowledged.iter().filter(|done| done.at <= at) {
        let (there, what) = match &acknowledged.what {
            What::Event(id) => (exists("SELECT 1 FROM events WHERE event_id = ?1", id)?, id),
            What::AccountData(kind) => (
                exists("SELECT 1 FROM account_data WHERE type = ?1", kind)?,
                kind,
            ),
            What::File(uri, _) => {
                let id = uri.rsplit('/').next().unwrap_or_default();
                (exists("SELECT 1 FROM media WHERE media_id = ?1", id)?, uri)
            }
        };
        ensure!(there, "{what} is lost");
    }
    Ok(())
}

/// Every acknowledged file is where a power cut cannot reach it.
fn check_files(run: &Run) -> Result<()> {
    let mut n_files = 0;
    for acknowledged in &run.acknowledged {
        if let What::File(_, path) = &acknowledged.what {
            let safe = run.recording.safe_files(acknowledged.at);
            ensure!(
                safe.contains(path),
                "{} was acknowledged before it was safe",
                path.display()
            );
            n_files += 1;
        }
    }
    ensure!(n_files > 0);
    Ok(())
}

/// The recording holds what it should: commits, and the log folded into the database.
fn is_telling(run: &Run) -> Result<()> {
    let steps = &run.recording.steps;
    let database = run.recording.path("/hardline-server.db");
    let n_checkpointed = steps.iter().filter(|step| {
        Some(step.path) == database && matches!(step.act, crate::recording::Act::Write { .. })
    });
    ensure!(
        n_checkpointed.count() > 100,
        "no checkpoint in the recording"
    );
    ensure!(run.acknowledged.iter().all(|done| done.at > 0));
    Ok(())
}

#[tokio::test]
async fn no_power_cut_loses_what_was_acknowledged() -> Result<()> {
    let run = record(130).await?;
    is_telling(&run)?;
    check_files(&run)?;
    let n_steps = run.recording.steps.len();
    let mut random = StdRng::seed_from_u64(SEED);
    // Some hundred moments; `make soak` takes them all.
    let n_cuts = cut(&run, |_| random.random_range(0..n_steps) < 120)?;
    ensure!(n_cuts > 100, "{n_cuts} of {n_steps}");
    eprintln!("{n_cuts} power cuts in {n_steps} steps");
    Ok(())
}

#[tokio::test]
async fn soak_no_power_cut_between_any_two_writes_loses_what_was_acknowledged() -> Result<()> {
    let run = record(200).await?;
    is_telling(&run)?;
    check_files(&run)?;
    let (n_steps, started) = (run.recording.steps.len(), std::time::Instant::now());
    let n_cuts = tokio::task::spawn_blocking(move || cut(&run, |_| true)).await??;
    eprintln!(
        "{n_cuts} power cuts in {n_steps} steps, {:?}",
        started.elapsed()
    );
    ensure!(started.elapsed() > Duration::ZERO);
    Ok(())
}
