//! How `hardline-server` grows: what is not touched must cost nothing. A person with ten rooms is measured while other
//! people, rooms and messages pile up beside them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use hardline_testkit::{Client, HardlineServer, Homeserver, ServerOptions, client};
use serde_json::json;

use super::{disk_kib, population::Population, syncs};
use crate::{
    proc::{memory_mib, tree},
    table::median,
};

/// People besides the one who is measured.
const PEOPLE: usize = 1_000;
/// Their rooms.
const ROOMS: usize = 1_000;
/// Members of one room, which the measured person is in.
const CROWD: usize = 10_000;
/// Joins and messages at a time.
const AT_ONCE: usize = 16;

/// Prints a line a stage up to `events` messages.
pub async fn bench(events: usize) -> Result<()> {
    let mut server = HardlineServer::start_with(ServerOptions {
        guests: true,
        ..ServerOptions::default()
    })
    .await?;
    println!(
        "\n## hardline-server, growing\n\n| | start, s | send, ms | empty sync, ms | first window, ms | initial sync, ms | send to the crowd, ms | RSS, MiB | disk, MiB |\n|---|---|---|---|---|---|---|---|---|"
    );
    let ada = server.register("ada").await?;
    let mut rooms = Vec::new();
    for n in 0..10 {
        let body = json!({ "preset": "public_chat", "name": format!("Ada's {n}") });
        rooms.push(ada.create_room(body).await?);
    }
    let mut subject = Subject {
        ada,
        rooms,
        crowd: None,
    };
    subject.line(&mut server, "ten rooms").await?;

    let mut people = Population::register(&server, PEOPLE).await?;
    people.make_rooms(ROOMS, 10).await?;
    subject
        .line(&mut server, "1,000 people in 1,000 rooms")
        .await?;
    subject.gather(&server).await?;
    subject
        .line(&mut server, "and a room of 10,000 members")
        .await?;
    let mut sent = 0;
    for stage in [10_000, 100_000, 1_000_000] {
        let more = stage.min(events).saturating_sub(sent);
        if more == 0 {
            break;
        }
        people.send(AT_ONCE, more).await?;
        sent += more;
        subject
            .line(&mut server, &format!("and {sent} messages"))
            .await?;
    }
    Ok(())
}

async fn guests(server: &HardlineServer, n: usize) -> Result<Vec<Client>> {
    let http = client::http()?;
    stream::iter(0..n)
        .map(|_| Client::guest(&http, server.base_url()))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

struct Subject {
    ada: Client,
    rooms: Vec<String>,
    crowd: Option<String>,
}

impl Subject {
    /// A room with very many members; Ada is one.
    async fn gather(&mut self, server: &HardlineServer) -> Result<()> {
        let body = json!({ "preset": "public_chat", "name": "Crowd", "guest_can_join": true,
            "initial_state": [{ "type": "m.room.guest_access", "state_key": "", "content": { "guest_access": "can_join" } }] });
        let crowd = self.ada.create_room(body).await?;
        let members = guests(server, CROWD - 1).await?;
        stream::iter(&members)
            .map(|member| member.join(&crowd))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        self.crowd = Some(crowd);
        Ok(())
    }

    async fn line(&self, server: &mut HardlineServer, stage: &str) -> Result<()> {
        let data = server.dir().join("data");
        server.stop().await?;
        let start = Instant::now();
        server.resume().await?;
        let start = start.elapsed();
        let pid = server.pid().context("it has ended")?;
        let send = self.sends(&self.rooms).await?;
        let crowd = match &self.crowd {
            Some(crowd) => format!(
                "{:.2}",
                median(&self.sends(std::slice::from_ref(crowd)).await?)
            ),
            None => "–".to_owned(),
        };
        let (mut window, mut initial, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..10 {
            window.push(syncs::sliding(&self.ada).await?);
            let (first, second) = syncs::v3(&self.ada).await?;
            initial.push(first);
            empty.push(second);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (_, rss) = memory_mib(&tree(pid));
        println!(
            "| {stage} | {:.3} | {:.2} | {:.2} | {:.2} | {:.2} | {crowd} | {rss:.1} | {:.1} |",
            start.as_secs_f64(),
            median(&send),
            median(&empty),
            median(&window),
            median(&initial),
            disk_kib(&data) / 1024.0
        );
        Ok(())
    }

    async fn sends(&self, rooms: &[String]) -> Result<Vec<f64>> {
        let mut ms = Vec::new();
        for i in 0..100 {
            let start = Instant::now();
            let room = &rooms[i % rooms.len()];
            self.ada.send_text(room, &format!("of Ada's {i}")).await?;
            ms.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(ms)
    }
}
