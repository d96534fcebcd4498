//! Stories of matrix-nio.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    homeserver::{Homeserver, password},
    nio::Nio,
};

/// Two people talk in an encrypted room, with what else nio can do: profile, media, typing, receipts, redaction, devices.
pub async fn two_people_talk(server: &impl Homeserver, nio: &Nio) -> Result<()> {
    for name in ["ada", "bo"] {
        nio.open(name, server.base_url(), name, &password(name), true)
            .await?;
    }
    let bo = server.user_id("bo");
    let profile = nio
        .call("bo", "profile", json!({ "name": "Bo Weaver" }))
        .await?;
    ensure!(profile["name"] == "Bo Weaver", "{profile}");
    let room = nio
        .call(
            "ada",
            "create_room",
            json!({ "name": "talk", "invite": [bo] }),
        )
        .await?["room_id"]
        .clone();
    nio.call("bo", "accept_invite", json!({ "room": room }))
        .await?;
    nio.call("ada", "wait_member", json!({ "room": room, "user": bo }))
        .await?;
    let sent = nio
        .call("ada", "send", json!({ "room": room, "body": "hello bo" }))
        .await?;
    let read = nio
        .call(
            "bo",
            "wait_message",
            json!({ "room": room, "body": "hello bo" }),
        )
        .await?;
    ensure!(read["encrypted"] == true, "sent in the clear: {read}");
    nio.call("bo", "send", json!({ "room": room, "body": "hello ada" }))
        .await?;
    nio.call(
        "ada",
        "wait_message",
        json!({ "room": room, "body": "hello ada" }),
    )
    .await?;
    nio.call(
        "bo",
        "typing_and_receipt",
        json!({ "room": room, "event_id": sent["event_id"] }),
    )
    .await?;
    let uri = nio
        .call(
            "ada",
            "upload",
            json!({ "text": "a small file", "name": "small.txt" }),
        )
        .await?["uri"]
        .clone();
    let file = nio.call("bo", "download", json!({ "uri": uri })).await?;
    ensure!(file["text"] == "a small file", "{file}");
    nio.call(
        "ada",
        "redact",
        json!({ "room": room, "event_id": sent["event_id"] }),
    )
    .await?;
    let history = nio
        .call("bo", "history", json!({ "room": room, "limit": 10 }))
        .await?;
    ensure!(
        history.as_array().is_some_and(|events| events.len() >= 5),
        "{history}"
    );
    let devices = nio.call("ada", "devices", json!({})).await?;
    ensure!(devices.as_array().map(Vec::len) == Some(1), "{devices}");
    nio.call("bo", "leave", json!({ "room": room }))
        .await
        .map(drop)
}

/// An account made by registering signs in again later, as another device, and reads what is unencrypted.
pub async fn a_later_sign_in_reads_history(server: &impl Homeserver, nio: &Nio) -> Result<()> {
    let ada = server.register("cy").await?;
    let room = ada.create_room(json!({ "name": "notes" })).await?;
    for i in 0..30 {
        ada.send_text(&room, &format!("note {i}")).await?;
    }
    nio.open("cy", server.base_url(), "cy", &password("cy"), false)
        .await?;
    let history = nio
        .call("cy", "history", json!({ "room": room, "limit": 100 }))
        .await?;
    let notes = history.as_array().map(|events| {
        events
            .iter()
            .filter(|e| e["body"].as_str().is_some_and(|b| b.starts_with("note ")))
            .count()
    });
    ensure!(notes == Some(30), "{notes:?} of 30 notes");
    Ok(())
}
