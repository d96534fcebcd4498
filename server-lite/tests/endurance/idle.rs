//! Clients that only wait cost no memory over time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Client, HardlineServer, Homeserver, ServerOptions, client::http, wait::until,
};
use serde_json::json;

/// Parks so many clients in sync, each asking again after `timeout`, and watches the server's memory.
async fn park(n_clients: usize, timeout: Duration, time: Duration) -> Result<()> {
    let server = HardlineServer::start_with(ServerOptions {
        guests: true,
        // As few open files as a system may begin with; the server asks for more by itself.
        launcher: ["prlimit", "--nofile=100:4096"].map(str::to_owned).to_vec(),
        extra: "[log]\nfilter = \"warn\"\n".to_owned(),
        ..ServerOptions::default()
    })
    .await?;
    let ada = server.register("ada").await?;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    let http = http()?;
    let mut parked = Vec::new();
    let (end, ended) = tokio::sync::watch::channel(false);
    for _ in 0..n_clients {
        let guest = Client::guest(&http, server.base_url()).await?;
        parked.push(tokio::spawn(wait(guest, timeout, ended.clone())));
    }
    // By then all have asked at least twice, and what hashing the password took is given back.
    tokio::time::sleep((timeout * 2).max(Duration::from_secs(8))).await;
    let (early, started) = (memory_kib(&server)?, Instant::now());
    let mut highest = early;
    while started.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(500)).await;
        highest = highest.max(memory_kib(&server)?);
    }
    let late = memory_kib(&server)?;
    eprintln!(
        "{n_clients} clients parked for {:?}: {early} KiB early, {late} KiB late, {highest} KiB at most",
        started.elapsed()
    );
    // And they are still heard: one is woken within the time limit.
    ada.send_text(&room, "anybody there?").await?;
    end.send(true)?;
    let mut n_rounds = 0;
    for task in parked {
        n_rounds += task.await??;
    }
    ensure!(n_rounds >= n_clients, "only {n_rounds} syncs ended");
    ensure!(
        late <= early + early / 20 + 1024,
        "memory grows: {early} KiB, then {late} KiB"
    );
    until(Duration::from_secs(5), "an answer after all that", || {
        let ada = ada.clone();
        async move { Ok(ada.get("v3/account/whoami").await.ok()) }
    })
    .await?;
    Ok(())
}

/// Syncs again and again until the end; gives how often.
async fn wait(
    client: Client,
    timeout: Duration,
    ended: tokio::sync::watch::Receiver<bool>,
) -> Result<usize> {
    let mut since = String::new();
    let mut n_rounds = 0;
    while !*ended.borrow() {
        let path = format!("v3/sync?timeout={}{since}", timeout.as_millis());
        let sync = client.get(&path).await?;
        let next = sync["next_batch"].as_str().context("no next_batch")?;
        since = format!("&since={next}");
        n_rounds += 1;
    }
    Ok(n_rounds)
}

fn memory_kib(server: &HardlineServer) -> Result<usize> {
    let pid = server.pid().context("not running")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmRSS")?.parse()?)
}

#[tokio::test]
async fn two_hundred_idle_clients_cost_no_more_over_time() -> Result<()> {
    park(200, Duration::from_secs(2), Duration::from_secs(12)).await
}

#[tokio::test]
async fn soak_a_thousand_idle_clients_cost_no_more_in_ten_minutes() -> Result<()> {
    park(1000, Duration::from_secs(30), Duration::from_secs(600)).await
}
