//! A bridge made with a framework that others use, mautrix, on `hardline-server`.

use std::time::Duration;

use anyhow::{Result, ensure};
use hardline_testkit::{
    Bridge, Client, HardlineServer, Homeserver, ServerOptions, client::escape, wait::until,
};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);

async fn start() -> Result<(HardlineServer, Bridge)> {
    let bridge = Bridge::register(HardlineServer::NAME)?;
    let extra = format!(
        "[appservices]\nfiles = [{:?}]\nconsole = [{{ appservice = \"{}\", users = [\"@ada:{}\"] }}]\n",
        bridge.registration(),
        Bridge::ID,
        HardlineServer::NAME
    );
    let options = ServerOptions {
        extra,
        ..ServerOptions::default()
    };
    Ok((HardlineServer::start_with(options).await?, bridge))
}

/// Waits until the newest texts of a room, oldest first, end with these.
async fn wait_texts(client: &Client, room: &str, wanted: &[(&str, &str)]) -> Result<()> {
    until(LIMIT, &format!("{wanted:?} in the room"), || async {
        let newest = client.latest(room, 50).await?;
        let mut texts: Vec<(String, String)> = newest
            .iter()
            .filter_map(|event| {
                let text = event["content"]["body"].as_str()?;
                Some((event["sender"].as_str()?.to_owned(), text.to_owned()))
            })
            .take(wanted.len())
            .collect();
        texts.reverse();
        let is_there = texts
            .iter()
            .map(|(sender, text)| (sender.as_str(), text.as_str()))
            .eq(wanted.iter().copied());
        Ok(is_there.then_some(()))
    })
    .await
}

/// The room with the bridge's bot that the server made for somebody.
async fn console(client: &Client) -> Result<String> {
    until(LIMIT, "an invitation of the bot", || async {
        let synced = client.get("v3/sync?timeout=0").await?;
        let invited = synced["rooms"]["invite"].as_object();
        Ok(invited.and_then(|rooms| rooms.keys().next().cloned()))
    })
    .await
}

#[tokio::test]
async fn a_mautrix_bridge_answers_as_ghosts_and_a_restart_loses_and_repeats_nothing() -> Result<()>
{
    let (mut server, mut bridge) = start().await?;
    bridge.start(&server).await?;
    let bot = server.user_id("echobot");
    ensure!(bridge.call("whoami", json!({})).await? == json!(bot));
    let milliseconds = bridge.call("ping", json!({})).await?;
    ensure!(milliseconds.is_u64(), "{milliseconds}");

    let ada = server.register("ada").await?;
    let ghost = server.user_id("_mx_ada");
    let room = console(&ada).await?;
    ada.join(&room).await?;
    ada.send_text(&room, "one").await?;
    wait_texts(&ada, &room, &[(&ada.user_id, "one"), (&ghost, "echo: one")]).await?;

    // The server ends without warning while the bridge runs …
    server.kill().await?;
    server.resume().await?;
    ada.send_text(&room, "two").await?;
    wait_texts(&ada, &room, &[(&ada.user_id, "two"), (&ghost, "echo: two")]).await?;
    // … and, with the bridge away, more is said and the server restarted again.
    bridge.kill().await?;
    let mut expected = vec!["one".to_owned(), "two".to_owned()];
    for n in 0..20 {
        let text = format!("while it was away, {n}");
        ada.send_text(&room, &text).await?;
        expected.push(text);
    }
    server.stop().await?;
    server.resume().await?;
    bridge.start(&server).await?;
    ada.send_text(&room, "three").await?;
    let heard = bridge.heard("three").await?;
    expected.push("three".to_owned());
    ensure!(heard == expected[2..], "{heard:?}");
    let echo_of_last = format!("echo: {}", expected[22]);
    let count = until(LIMIT, "all echoes", || async {
        let newest = ada.latest(&room, 100).await?;
        let echoes = newest
            .iter()
            .filter_map(|event| event["content"]["body"].as_str())
            .filter(|body| body.starts_with("echo: "));
        let echoes: Vec<&str> = echoes.collect();
        Ok((echoes.len() >= 23 && echoes.contains(&&*echo_of_last)).then_some(echoes.len()))
    })
    .await?;
    ensure!(count == 23, "{count} echoes of 23 messages");
    Ok(())
}

#[tokio::test]
async fn a_mautrix_bridge_makes_rooms_and_users_and_is_asked_for_them() -> Result<()> {
    let (server, mut bridge) = start().await?;
    bridge.start(&server).await?;
    let (ada, ghost) = (server.register("ada").await?, server.user_id("_mx_cy"));
    // Nobody has registered the ghost: the bridge is asked, and makes it.
    let room = ada.create_room(json!({ "preset": "private_chat" })).await?;
    ada.invite(&room, &ghost).await?;
    until(LIMIT, "the ghost in the room", || async {
        let members = ada
            .get(&format!("v3/rooms/{}/joined_members", escape(&room)))
            .await?;
        Ok(members["joined"].get(&ghost).map(|_| ()))
    })
    .await?;
    let named = json!({ "user": ghost, "name": "Cy" });
    bridge.call("profile", named).await?;
    let said = json!({ "user": ghost, "room": room, "body": "long ago", "timestamp": 1_000_000_000_000_u64 });
    bridge.call("say_as", said).await?;
    let newest = ada.latest(&room, 1).await?;
    ensure!(
        newest[0]["origin_server_ts"] == 1_000_000_000_000_u64,
        "{}",
        newest[0]
    );
    ensure!(newest[0]["sender"] == json!(ghost), "{}", newest[0]);

    let wanted = json!({ "name": "Portal", "alias": null, "invite": [ada.user_id] });
    let portal = bridge.call("create_room", wanted).await?;
    let portal = portal.as_str().unwrap_or_default();
    ada.join(portal).await?;
    bridge
        .call("rename", json!({ "room": portal, "name": "Gate" }))
        .await?;
    let state: Value = ada
        .get(&format!("v3/rooms/{}/state/m.room.name", escape(portal)))
        .await?;
    ensure!(state["name"] == "Gate", "{state}");
    let typing = format!(
        "v3/rooms/{}/typing/{}",
        escape(portal),
        escape(&ada.user_id)
    );
    ada.put(&typing, json!({ "typing": true, "timeout": 30_000 }))
        .await?;
    let typed = bridge.call("typed", json!({})).await?;
    ensure!(typed == json!([ada.user_id]), "{typed}");
    Ok(())
}
