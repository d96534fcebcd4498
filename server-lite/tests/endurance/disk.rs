//! A full disk: a small file system under a running server, in a namespace that needs no rights.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use hardline_testkit::{
    Client, HardlineServer, Homeserver, Process, ServerOptions,
    client::{Answer, escape},
    paths,
    process::Launch,
    wait::until,
};
use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(20);

/// A small file system, as long as this lives.
struct SmallDisk {
    holder: Process,
    /// Where it is, for those inside the namespace.
    place: PathBuf,
    dir: TempDir,
}

impl SmallDisk {
    async fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-disk").tempdir()?;
        let (place, ready) = (dir.path().join("data"), dir.path().join("ready"));
        std::fs::create_dir(&place)?;
        let script =
            "mount -t tmpfs -o size=6m tmpfs \"$0\" && : > \"$1\" && exec sleep 1000".to_owned();
        let mut holder = Launch::new(paths::installed("unshare")?, dir.path())?
            .args(["-rm", "sh", "-c", &script])
            .arg(&place)
            .arg(&ready)
            .spawn()?;
        until(LIMIT, "the small disk", || {
            let alive = holder.expect_running();
            let there = ready.exists();
            async move { alive.map(|()| there.then_some(())) }
        })
        .await?;
        Ok(Self { holder, place, dir })
    }

    /// What starts a program inside.
    fn launcher(&self) -> Vec<String> {
        let pid = self.holder.pid().to_string();
        [
            "nsenter",
            "--preserve-credentials",
            "-U",
            "-m",
            "-t",
            &pid,
            "--",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// A path on it, as seen from outside.
    fn outside(&self, name: &str) -> Result<PathBuf> {
        let inside = self.place.strip_prefix("/")?.join(name);
        Ok(Path::new("/proc")
            .join(format!("{}/root", self.holder.pid()))
            .join(inside))
    }

    /// Writes until nothing more goes in.
    fn fill(&self) -> Result<()> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.outside("filler")?)?;
        for size in [64 * 1024, 4096, 1] {
            let block = vec![1_u8; size];
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    fn make_room(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.outside("filler")?)?)
    }
}

fn is_told(answer: &Answer) -> bool {
    answer.status == 507
        && answer.body["errcode"] == "M_RESOURCE_LIMIT_EXCEEDED"
        && answer.body["error"]
            .as_str()
            .is_some_and(|text| text.contains("full"))
}

async fn say(from: &Client, room: &str, txn: &str) -> Result<Answer> {
    let path = format!("v3/rooms/{}/send/m.room.message/{txn}", escape(room));
    let body = json!({ "msgtype": "m.text", "body": txn.repeat(200) });
    from.request(Method::PUT, &path, Some(&body)).await
}

/// Many at a time write until nothing goes in any more; gives what was acknowledged.
async fn write_until_full(
    from: &Client,
    room: &str,
    before_each_round: impl Fn() -> Result<()>,
) -> Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    for round in 0..60 {
        before_each_round()?;
        let names: Vec<String> = (0..8).map(|n| format!("full-{round}-{n}-")).collect();
        let answers = join_all(names.iter().map(|txn| say(from, room, txn))).await;
        let mut n_refused = 0;
        for answer in answers {
            let answer = answer?;
            if answer.status == 200 {
                let event = answer.body["event_id"].as_str().context("no event_id")?;
                acknowledged.push(event.to_owned());
            } else {
                ensure!(is_told(&answer), "{} {}", answer.status, answer.body);
                n_refused += 1;
            }
        }
        if n_refused == names.len() {
            return Ok(acknowledged);
        }
    }
    anyhow::bail!("the disk does not get full")
}

async fn are_there(reader: &Client, room: &str, events: &[String]) -> Result<()> {
    for event in events {
        let path = format!("v3/rooms/{}/event/{}", escape(room), escape(event));
        reader.get(&path).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_told_corrupts_nothing_and_is_over_when_there_is_room() -> Result<()> {
    let disk = SmallDisk::new().await?;
    let mut server = HardlineServer::start_with(ServerOptions {
        launcher: disk.launcher(),
        data: Some(disk.place.clone()),
        extra: "[log]\nfilter = \"warn\"\n".to_owned(),
        ..ServerOptions::default()
    })
    .await?;
    let ada = server.register("ada").await?;
    let room = ada.create_room(json!({})).await?;
    let mut events = vec![ada.send_text(&room, "before").await?];
    events.extend(write_until_full(&ada, &room, || disk.fill()).await?);

    // Reading goes on, and everything that writes says why it does not.
    are_there(&ada, &room, &events).await?;
    ada.get("v3/sync?timeout=0").await?;
    let file = ada.upload(vec![b'x'; 200_000], "text/plain").await;
    let file = file.err().context("a file went onto a full disk")?;
    ensure!(file.to_string().contains("507"), "{file}");
    let state = format!("v3/rooms/{}/state/m.room.topic/", escape(&room));
    let long = json!({ "topic": "t".repeat(60_000) });
    let topic = ada.request(Method::PUT, &state, Some(&long)).await?;
    ensure!(is_told(&topic), "{} {}", topic.status, topic.body);

    disk.make_room()?;
    events.push(ada.send_text(&room, "after").await?);
    are_there(&ada, &room, &events).await?;
    let log = server.log();
    ensure!(!log.contains("panicked"), "{log}");
    server.kill().await?;
    server.resume().await?;
    are_there(&ada, &room, &events).await?;
    events.push(ada.send_text(&room, "after a restart").await?);
    server.stop().await?;

    // Copied to where SQLite may write its shared memory.
    let copy = disk.dir.path().join("copy.db");
    std::fs::copy(disk.outside("hardline-server.db")?, &copy)?;
    let database = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(check == "ok", "{check}");
    Ok(())
}

#[tokio::test]
async fn a_full_database_is_told_to_all_who_write_at_the_same_time() -> Result<()> {
    let server = HardlineServer::start_with(ServerOptions {
        storage: "max_database_mib = 1".to_owned(),
        extra: "[log]\nfilter = \"warn\"\n".to_owned(),
        ..ServerOptions::default()
    })
    .await?;
    let ada = server.register("ada").await?;
    let room = ada.create_room(json!({})).await?;
    let events = write_until_full(&ada, &room, || Ok(())).await?;
    are_there(&ada, &room, &events).await?;
    let database = Connection::open(server.database())?;
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(check == "ok", "{check}");
    Ok(())
}
