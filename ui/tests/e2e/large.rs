//! Rooms of very many members.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use hardline_testkit::{Client, HardlineServer, Homeserver, ServerOptions, client::http};
use serde_json::json;

use crate::person::Desk;

const N_MEMBERS: usize = 5_000;

#[tokio::test]
async fn a_room_of_five_thousand_members_opens_and_is_talked_in() -> Result<()> {
    // Guests have no password, so five thousand of them cost no five thousand password hashes.
    let options = ServerOptions {
        guests: true,
        ..ServerOptions::default()
    };
    let (desk, server) = (
        Desk::new().await?,
        HardlineServer::start_with(options).await?,
    );
    let owner = server.register("owner").await?;
    let open = json!({
        "name": "Everybody", "preset": "public_chat",
        "initial_state": [{ "type": "m.room.guest_access", "state_key": "", "content": { "guest_access": "can_join" } }],
    });
    let room = owner.create_room(open).await?;
    let http = http()?;
    let (base, room, http) = (server.base_url(), room.as_str(), &http);
    stream::iter(0..N_MEMBERS - 2)
        .map(|_| async move { Client::guest(http, base).await?.join(room).await })
        .buffer_unordered(16)
        .try_collect::<Vec<()>>()
        .await?;

    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let start = Instant::now();
    ada.hardline.ok(&["join", room]).await?;
    let listed = ada.wait_room(room).await?;
    ensure!(listed["joined_members"] == N_MEMBERS, "{listed}");
    owner.send_text(room, "welcome, all of you").await?;
    ada.reads(room, "welcome, all of you").await?;
    ada.send(room, "hello, everybody").await?;
    let took = start.elapsed();
    ensure!(took < Duration::from_secs(30), "it took {took:?}");
    let seen = owner.latest(room, 5).await?;
    seen.iter()
        .find(|event| event["content"]["body"] == "hello, everybody")
        .context("the server has no hello")
        .map(drop)
}
