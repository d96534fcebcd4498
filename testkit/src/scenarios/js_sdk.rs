//! Stories of matrix-js-sdk in a browser.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Page},
    homeserver::{Homeserver, password},
};

/// A one-pixel PNG, base64.
pub const PIXEL_PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

/// Two people talk in an encrypted room, send an image, react, redact, and compare emoji.
pub async fn two_people_talk_and_verify(server: &impl Homeserver, browser: &Browser) -> Result<()> {
    let ada = browser
        .register("ada", server.base_url(), "ada", &password("ada"))
        .await?;
    let bo = browser
        .register("bo", server.base_url(), "bo", &password("bo"))
        .await?;
    ada.call("bootstrap", json!({})).await?;
    bo.call("bootstrap", json!({})).await?;
    let room = encrypted_room(&ada, &bo).await?;
    let first = ada
        .call("send", json!({ "room": room, "body": "hello bo" }))
        .await?;
    let read = bo
        .call("waitMessage", json!({ "room": room, "body": "hello bo" }))
        .await?;
    ensure!(read["encrypted"] == true, "sent in the clear: {read}");
    bo.call(
        "send",
        json!({ "room": room, "body": "hello ada", "reply_to": first["event_id"] }),
    )
    .await?;
    let reply = ada
        .call("waitMessage", json!({ "room": room, "body": "hello ada" }))
        .await?;
    ensure!(
        reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == first["event_id"],
        "no reply: {reply}"
    );
    image(&ada, &bo, &room).await?;
    bo.call(
        "react",
        json!({ "room": room, "event_id": first["event_id"], "key": "👍" }),
    )
    .await?;
    ada.call(
        "redact",
        json!({ "room": room, "event_id": first["event_id"] }),
    )
    .await?;
    people_compare_emoji(&ada, &bo, &room).await
}

/// A person's second device gets the history with the recovery key, and is verified by the first.
pub async fn a_second_device_recovers_history(
    server: &impl Homeserver,
    browser: &Browser,
) -> Result<()> {
    let ada = browser
        .register("ada", server.base_url(), "ada", &password("ada"))
        .await?;
    let bo = browser
        .register("bo", server.base_url(), "bo", &password("bo"))
        .await?;
    let recovery_key = ada.call("bootstrap", json!({})).await?["recovery_key"].clone();
    let room = encrypted_room(&ada, &bo).await?;
    ada.call(
        "send",
        json!({ "room": room, "body": "written before the second device" }),
    )
    .await?;
    bo.call(
        "waitMessage",
        json!({ "room": room, "body": "written before the second device" }),
    )
    .await?;
    // A key that arrives sets js-sdk's upload going.
    bo.call(
        "send",
        json!({ "room": room, "body": "an answer from before, too" }),
    )
    .await?;
    ada.call(
        "waitMessage",
        json!({ "room": room, "body": "an answer from before, too" }),
    )
    .await?;
    wait_backed_up(&ada).await?;
    let second = browser
        .login("ada-2", server.base_url(), "ada", &password("ada"))
        .await?;
    let recovered = second
        .call("recover", json!({ "recovery_key": recovery_key }))
        .await?;
    ensure!(
        recovered["imported"].as_u64() >= Some(1),
        "no room key came back: {recovered}"
    );
    for body in [
        "written before the second device",
        "an answer from before, too",
    ] {
        second
            .call("waitMessage", json!({ "room": room, "body": body }))
            .await?;
    }
    ada.call(
        "waitSigned",
        json!({ "user": second.user_id, "device": second.device_id }),
    )
    .await
    .map(drop)
}

/// `asks` and `answers` compare emoji in a room, both ways agree, and each holds the other for verified.
pub async fn people_compare_emoji(asks: &Page<'_>, answers: &Page<'_>, room: &str) -> Result<()> {
    let step = |step: &str, flow: &Value| json!({ "step": step, "flow": flow });
    let asked = asks
        .call(
            "verification",
            json!({ "step": "request", "user": answers.user_id, "room": room }),
        )
        .await?;
    let flow = asked["flow"].clone();
    let seen = answers
        .call(
            "verification",
            json!({ "step": "asked", "user": asks.user_id }),
        )
        .await?;
    ensure!(seen["flow"] == flow, "another flow: {seen}");
    answers.call("verification", step("accept", &flow)).await?;
    asks.call("verification", step("start", &flow)).await?;
    let one = asks.call("verification", step("emoji", &flow)).await?;
    let other = answers.call("verification", step("emoji", &flow)).await?;
    ensure!(
        one["emoji"] == other["emoji"] && one["emoji"].as_array().map(Vec::len) == Some(7),
        "{one} {other}"
    );
    asks.call("verification", step("confirm", &flow)).await?;
    answers.call("verification", step("confirm", &flow)).await?;
    for page in [asks, answers] {
        let end = page.call("verification", step("finished", &flow)).await?;
        ensure!(end["phase"] == "done", "{end}");
    }
    for (one, other) in [(asks, answers), (answers, asks)] {
        one.call(
            "waitVerified",
            json!({ "user": other.user_id, "device": other.device_id }),
        )
        .await?;
    }
    Ok(())
}

/// `ada` makes an encrypted room, `bo` joins it; both know of each other.
pub async fn encrypted_room(ada: &Page<'_>, bo: &Page<'_>) -> Result<String> {
    let room = ada
        .call(
            "createRoom",
            json!({ "name": "talk", "invite": [bo.user_id] }),
        )
        .await?;
    let room = room["room_id"].as_str().context("no room_id")?.to_owned();
    bo.call("acceptInvite", json!({ "room": room })).await?;
    ada.call("waitMember", json!({ "room": room, "user": bo.user_id }))
        .await?;
    Ok(room)
}

async fn image(from: &Page<'_>, to: &Page<'_>, room: &str) -> Result<()> {
    let image = json!({ "room": room, "name": "pixel.png", "mimetype": "image/png", "base64": PIXEL_PNG, "w": 1, "h": 1 });
    from.call("sendImage", image).await?;
    let got = to
        .call("waitMessage", json!({ "room": room, "body": "pixel.png" }))
        .await?;
    let bytes = to
        .call(
            "attachment",
            json!({ "room": room, "event_id": got["event_id"] }),
        )
        .await?;
    ensure!(bytes["base64"] == PIXEL_PNG, "another image came out");
    Ok(())
}

/// Waits until every room key of an account is in the backup.
pub async fn wait_backed_up(page: &Page<'_>) -> Result<()> {
    page.call("waitBackedUp", json!({})).await.map(drop)
}
