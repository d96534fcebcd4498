//! The clock is set back by a day under a running server.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::{Router, http::StatusCode, routing::post};
use hardline_testkit::{
    Client, HardlineServer, Homeserver, ServerOptions,
    client::{call, escape, http},
    wait::until,
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load::{bodies, send};

const LIMIT: Duration = Duration::from_secs(20);

/// A server whose clock is ours.
struct Clockwork {
    server: HardlineServer,
    time: PathBuf,
    _dir: TempDir,
}

impl Clockwork {
    async fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-clock").tempdir()?;
        let time = dir.path().join("time");
        std::fs::write(&time, "+0")?;
        let launcher = [
            "env".to_owned(),
            format!("LD_PRELOAD={}", library()?),
            format!("FAKETIME_TIMESTAMP_FILE={}", time.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            // What measures how long something takes goes on as ever.
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        let server = HardlineServer::start_with(ServerOptions {
            launcher: launcher.to_vec(),
            extra: "[testing]\nprivate_addresses = true\n".to_owned(),
            ..ServerOptions::default()
        })
        .await?;
        Ok(Self {
            server,
            time,
            _dir: dir,
        })
    }

    fn set_back(&self, days: u32) -> Result<()> {
        Ok(std::fs::write(&self.time, format!("-{days}d"))?)
    }
}

/// libfaketime, from the package `faketime`.
fn library() -> Result<String> {
    let places = std::fs::read_dir("/usr/lib")?;
    let found = places
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists());
    let path = found.context("libfaketime is not installed (Debian's package faketime)")?;
    Ok(path.display().to_string())
}

async fn say_later(from: &Client, room: &str, body: &str, delay_ms: u32) -> Result<()> {
    let path = format!(
        "v3/rooms/{}/send/m.room.message/{}?org.matrix.msc4140.delay={delay_ms}",
        escape(room),
        escape(body)
    );
    from.put(&path, json!({ "msgtype": "m.text", "body": body }))
        .await
        .map(drop)
}

async fn history(of: &Client, room: &str) -> Result<Vec<String>> {
    let mut all = bodies(&json!(of.latest(room, 100).await?));
    all.reverse();
    Ok(all)
}

async fn reads(of: &Client, room: &str, body: &str) -> Result<()> {
    let what = format!("\"{body}\" in the room");
    until(LIMIT, &what, || async move {
        let there = history(of, room).await?.iter().any(|text| text == body);
        Ok(there.then_some(()))
    })
    .await
}

/// A push gateway that fails once.
async fn gateway() -> Result<(String, Arc<AtomicUsize>)> {
    let n_asked = Arc::<AtomicUsize>::default();
    let counter = n_asked.clone();
    let answer = move || {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if n == 0 {
                (StatusCode::BAD_GATEWAY, "{}")
            } else {
                (StatusCode::OK, "{\"rejected\":[]}")
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/_matrix/push/v1/notify", listener.local_addr()?);
    let app = Router::new().route("/_matrix/push/v1/notify", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((url, n_asked))
}

async fn push_to(user: &Client, url: &str) -> Result<()> {
    let pusher = json!({
        "app_id": "im.hardline", "pushkey": "key", "kind": "http", "app_display_name": "Hardline",
        "device_display_name": "Phone", "lang": "en", "data": { "url": url },
    });
    user.post("v3/pushers/set", pusher).await.map(drop)
}

/// A session with a token that runs out, and what refreshes it.
async fn short_session(server: &HardlineServer, of: &Client) -> Result<Value> {
    let body = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": of.user_id },
        "password": hardline_testkit::homeserver::password("ada"), "refresh_token": true,
    });
    let url = format!("{}/_matrix/client/v3/login", server.base_url());
    call(&http()?, Method::POST, &url, None, Some(&body))
        .await?
        .ok()
}

#[tokio::test]
async fn a_clock_set_back_by_a_day_stops_nothing() -> Result<()> {
    let mut world = Clockwork::new().await?;
    let (ada, bo) = (
        world.server.register("ada").await?,
        world.server.register("bo").await?,
    );
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    bo.join(&room).await?;
    let (url, n_pushed) = gateway().await?;
    push_to(&bo, &url).await?;
    let session = short_session(&world.server, &ada).await?;
    let sent = send(&ada, &room, "once", "one").await?.ok()?;
    let before = bo.get("v3/sync?timeout=0").await?;
    let since = before["next_batch"].as_str().context("no next_batch")?;
    say_later(&ada, &room, "later", 4_000).await?;
    say_later(&ada, &room, "after the restart", 8_000).await?;

    // A sync is parked across the step.
    let (waiter, path) = (bo.clone(), format!("v3/sync?timeout=15000&since={since}"));
    let parked = tokio::spawn(async move { waiter.get(&path).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.set_back(1)?;
    let (stepped, two) = (Instant::now(), ada.send_text(&room, "two").await?);
    let woken = parked.await??;
    ensure!(stepped.elapsed() < Duration::from_secs(5), "woken too late");
    let timeline = &woken["rooms"]["join"][&room]["timeline"]["events"];
    ensure!(bodies(timeline) == ["two"], "{timeline}");
    let event = ada
        .get(&format!(
            "v3/rooms/{}/event/{}",
            escape(&room),
            escape(&two)
        ))
        .await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let told = event["origin_server_ts"].as_u64().context("no time")?;
    ensure!(
        now.as_millis() as u64 - told > 23 * 3_600_000,
        "the clock was not set back: the test shows nothing"
    );

    tokens_work(&world.server, &ada, &session).await?;
    let again = send(&ada, &room, "once", "one").await?.ok()?;
    ensure!(again["event_id"] == sent["event_id"]);
    reads(&bo, &room, "later").await?;
    ensure!(history(&bo, &room).await? == ["one", "two", "later"]);
    until(LIMIT, "a second attempt to push", || {
        let n = n_pushed.load(Ordering::SeqCst);
        async move { Ok((n >= 2).then_some(())) }
    })
    .await?;

    let seen = bo.get("v3/sync?timeout=0").await?;
    world.server.stop().await?;
    world.set_back(2)?;
    world.server.resume().await?;
    after_a_restart(&ada, &bo, &room, &seen).await?;
    world.server.stop().await
}

async fn tokens_work(server: &HardlineServer, ada: &Client, session: &Value) -> Result<()> {
    let token = session["access_token"].as_str().context("no token")?;
    let url = |path: &str| format!("{}/_matrix/client/{path}", server.base_url());
    let whoami = url("v3/account/whoami");
    call(&http()?, Method::GET, &whoami, Some(token), None)
        .await?
        .ok()?;
    let body = json!({ "refresh_token": session["refresh_token"] });
    let fresh = call(
        &http()?,
        Method::POST,
        &url("v3/refresh"),
        None,
        Some(&body),
    )
    .await?
    .ok()?;
    let token = fresh["access_token"].as_str().context("no token")?;
    call(&http()?, Method::GET, &whoami, Some(token), None)
        .await?
        .ok()?;
    ada.get("v3/account/whoami").await.map(drop)
}

/// Started on the clock that was set back, with positions from before.
async fn after_a_restart(ada: &Client, bo: &Client, room: &str, seen: &Value) -> Result<()> {
    let since = seen["next_batch"].as_str().context("no next_batch")?;
    let typing = format!("v3/rooms/{}/typing/{}", escape(room), ada.user_id);
    ada.put(&typing, json!({ "typing": true, "timeout": 20_000 }))
        .await?;
    let sync = bo
        .get(&format!("v3/sync?timeout=5000&since={since}"))
        .await?;
    let ephemeral = sync["rooms"]["join"][room]["ephemeral"].to_string();
    ensure!(
        ephemeral.contains("m.typing") && ephemeral.contains(&ada.user_id),
        "nobody types: {sync}"
    );
    reads(bo, room, "after the restart").await?;
    ada.send_text(room, "three").await?;
    let all = history(bo, room).await?;
    ensure!(
        all == ["one", "two", "later", "after the restart", "three"],
        "{all:?}"
    );
    Ok(())
}
