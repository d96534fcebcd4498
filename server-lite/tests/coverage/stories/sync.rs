//! Syncing, and what passes by: typing, receipts, notifications.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    person::Person,
    world::{NOTHING, Telling},
};

pub async fn syncing_with_a_filter(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let sync = t.row("GET sync")?;
    sync.refused(&t.world.nobody(&ada), &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let upload = t.row("POST user/{userId}/filter")?;
    let get = t.row("GET user/{userId}/filter/{filterId}")?;
    let filter = json!({
        "event_fields": ["type", "content", "sender"], "event_format": "client",
        "presence": { "types": [] }, "account_data": { "not_types": ["*"] },
        "room": {
            "rooms": [room], "not_rooms": [], "include_leave": true, "ephemeral": { "types": [] },
            "state": { "lazy_load_members": true }, "account_data": { "limit": 3 },
            "timeline": { "limit": 2, "types": ["m.room.message"], "not_senders": [bo.user_id], "contains_url": false },
        },
    });
    let args = [&*ada.user_id];
    upload
        .refused(&bo, &args, filter.clone(), 403, "M_FORBIDDEN")
        .await?;
    let stored = upload.works(&ada, &args, filter).await?;
    let id = stored["filter_id"].as_str().context("no filter_id")?;
    let args = [&*ada.user_id, id];
    get.refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    let read = get.works(&ada, &args, NOTHING).await?;
    get.effect(&read["room"]["timeline"]["limit"], &json!(2))?;

    let first = ada.get(&format!("v3/sync?filter={id}")).await?;
    bo.send_text(&room, "mine").await?;
    ada.send_text(&room, "yours").await?;
    let since = format!(
        "&since={}",
        first["next_batch"].as_str().unwrap_or_default()
    );
    let filter = format!("?filter={id}");
    let args = [&*filter, &*since, "&timeout=100", "&set_presence=online"];
    let seen = sync.works(&ada, &args, NOTHING).await?;
    let events = &seen["rooms"]["join"][&room]["timeline"]["events"];
    let bodies = events.as_array().context("no events")?.iter();
    let bodies: Vec<_> = bodies.map(|e| e["content"]["body"].clone()).collect();
    sync.effect(&bodies, &vec![json!("yours")])?;
    upload.effect(&bodies, &vec![json!("yours")])
}

pub async fn sliding_sync(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Tea" }))
        .await?;
    bo.join(&room).await?;
    let sync = t.row("POST unstable/org.matrix.simplified_msc3575/sync")?;
    let body = json!({
        "conn_id": "main", "txn_id": "t",
        "lists": { "all": {
            "ranges": [[0, 9]], "timeline_limit": 2, "filters": { "is_dm": false, "is_invite": false },
            "required_state": [["m.room.name", ""], ["m.room.member", "$LAZY"]],
        } },
        "room_subscriptions": { &room: { "timeline_limit": 3, "required_state": [["*", "*"]] } },
        "extensions": {
            "to_device": { "enabled": true, "limit": 10 }, "e2ee": { "enabled": true },
            "account_data": { "enabled": true }, "receipts": { "enabled": true }, "typing": { "enabled": true },
        },
    });
    sync.refused(
        &t.world.nobody(&bo),
        &[],
        body.clone(),
        401,
        "M_MISSING_TOKEN",
    )
    .await?;
    let first = sync.works(&bo, &["?timeout=0"], body.clone()).await?;
    ensure!(first["rooms"][&room]["name"] == "Tea");
    ada.send_text(&room, "hello").await?;
    let pos = format!("&pos={}", first["pos"].as_str().context("no pos")?);
    let second = sync.works(&bo, &["?timeout=5000", &pos], body).await?;
    let timeline = second["rooms"][&room]["timeline"].as_array();
    let last = timeline.and_then(|events| events.last()).cloned();
    sync.effect(
        last.map(|event| event["content"]["body"].clone()),
        Some(json!("hello")),
    )
}

pub async fn typing_and_reading(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let said = ada.send_text(&room, "hello").await?;

    let typing = t.row("PUT rooms/{roomId}/typing/{userId}")?;
    let body = json!({ "typing": true, "timeout": 30000 });
    let before = ada.sync().await?;
    let args = [&*room, &*bo.user_id];
    typing
        .refused(&ada, &args, body.clone(), 403, "M_FORBIDDEN")
        .await?;
    typing.works(&bo, &args, body).await?;
    let seen = ada.sync_since(&before).await?;
    let who = Person::ephemeral(&seen, &room, "m.typing");
    typing.effect(&who["user_ids"], &json!([bo.user_id]))?;

    let receipt = t.row("POST rooms/{roomId}/receipt/{receiptType}/{eventId}")?;
    let args = [&*room, "m.read", &*said];
    let body = json!({ "thread_id": "main" });
    receipt
        .refused(&eve, &args, body.clone(), 403, "M_FORBIDDEN")
        .await?;
    receipt.works(&bo, &args, body).await?;
    let seen = ada.sync_since(&before).await?;
    let read = Person::ephemeral(&seen, &room, "m.receipt");
    receipt.effect(read[&said]["m.read"][&bo.user_id].is_object(), true)?;

    let markers = t.row("POST rooms/{roomId}/read_markers")?;
    let body = json!({ "m.fully_read": said, "m.read": said, "m.read.private": said });
    markers
        .refused(&eve, &[&room], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    markers.works(&bo, &[&room], body).await?;
    let phone = t.world.again(&bo).await?;
    let seen = phone.sync().await?;
    let account_data = &seen["rooms"]["join"][&room]["account_data"];
    let marker = Person::account_data(account_data, "m.fully_read");
    markers.effect(&marker["event_id"], said.as_str())
}

pub async fn being_notified(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let said = ada.send_text(&room, "hello").await?;
    let list = t.row("GET notifications")?;
    list.refused(&t.world.nobody(&bo), &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = list.works(&bo, &["?limit=5"], NOTHING).await?;
    let first: &Value = &seen["notifications"][0];
    list.effect(&first["event"]["event_id"], said.as_str())
}
