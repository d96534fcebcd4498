//! An encrypted room shared with matrix-js-sdk: each reads the other's messages, emoji are compared both ways.

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Browser, HardlineServer, Homeserver, Page, Synapse, homeserver::password,
    scenarios::js_sdk::PIXEL_PNG,
};
use serde_json::{Value, json};

use crate::{
    person::{Desk, Person},
    verification::Comparison,
};

#[tokio::test]
async fn js_sdk_and_hardline_talk_and_verify_on_our_server() -> Result<()> {
    talk_and_verify(&HardlineServer::start().await?).await
}

#[tokio::test]
async fn js_sdk_and_hardline_talk_and_verify_on_synapse() -> Result<()> {
    talk_and_verify(&Synapse::start().await?).await
}

async fn talk_and_verify(server: &impl Homeserver) -> Result<()> {
    let (desk, browser) = (Desk::new().await?, Browser::start().await?);
    let mut ada = desk.signed_in(server, "ada").await?;
    ada.start().await?;
    for name in ["bo", "cy"] {
        let page = browser
            .register(name, server.base_url(), name, &password(name))
            .await?;
        page.call("bootstrap", json!({})).await?;
        let room = shared_room(&ada, &page).await?;
        each_reads_the_other(&ada, &page, &room).await?;
        match name {
            "bo" => hardline_asks(&ada, &page).await?,
            _ => js_asks(&ada, &page, &room).await?,
        }
    }
    Ok(())
}

async fn shared_room(ada: &Person, page: &Page<'_>) -> Result<String> {
    let room = ada.create_room("Shared").await?;
    ada.invite(&room, &page.user_id).await?;
    page.call("acceptInvite", json!({ "room": room })).await?;
    Ok(room)
}

async fn each_reads_the_other(ada: &Person, page: &Page<'_>, room: &str) -> Result<()> {
    // js-sdk must know that Ada is there before it encrypts for her.
    page.call("waitMember", json!({ "room": room, "user": ada.user_id }))
        .await?;
    let sent = ada.send(room, "hello from hardline").await?;
    let read = page
        .call(
            "waitMessage",
            json!({ "room": room, "body": "hello from hardline" }),
        )
        .await?;
    ensure!(
        read["encrypted"] == true && read["event_id"] == sent.as_str(),
        "{read}"
    );
    let sent = page
        .call("send", json!({ "room": room, "body": "hello from js-sdk" }))
        .await?;
    let read = ada.reads(room, "hello from js-sdk").await?;
    ensure!(read["event_id"] == sent["event_id"], "{read}");

    let reply = ada
        .reply(
            room,
            sent["event_id"].as_str().context("no id")?,
            "an answer",
        )
        .await?;
    let read = page
        .call("waitMessage", json!({ "room": room, "event_id": reply }))
        .await?;
    ensure!(
        read["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == sent["event_id"],
        "no reply: {read}"
    );

    let picture = ada.hardline.home().join("a.png");
    image::RgbImage::from_pixel(8, 8, image::Rgb([200, 30, 30])).save(&picture)?;
    let sent = ada.send_file(room, &picture.display().to_string()).await?;
    page.call("waitMessage", json!({ "room": room, "event_id": sent }))
        .await?;
    let got = page
        .call("attachment", json!({ "room": room, "event_id": sent }))
        .await?;
    ensure!(
        got["base64"]
            .as_str()
            .is_some_and(|text| text.starts_with("iVBOR")),
        "no PNG came out: {got}"
    );

    let image = json!({ "room": room, "name": "pixel.png", "mimetype": "image/png", "base64": PIXEL_PNG, "w": 1, "h": 1 });
    let sent = page.call("sendImage", image).await?;
    let read = ada
        .reads_where(room, "the page's picture", |row| {
            row["event_id"] == sent["event_id"]
        })
        .await?;
    ensure!(read["attachment"]["kind"] == "image", "{read}");
    Ok(())
}

async fn hardline_asks(ada: &Person, page: &Page<'_>) -> Result<()> {
    let mut comparison = Comparison::ask(ada, &page.user_id)?;
    // Ada's program asks in a direct room that it makes for the two.
    page.call("acceptInvite", json!({})).await?;
    let asked = page
        .call(
            "verification",
            json!({ "step": "asked", "user": ada.user_id }),
        )
        .await?;
    let flow = asked["flow"].clone();
    page.call("verification", json!({ "step": "accept", "flow": flow }))
        .await?;
    finish(ada, page, &mut comparison, &flow).await
}

async fn js_asks(ada: &Person, page: &Page<'_>, room: &str) -> Result<()> {
    let mut comparison = Comparison::await_request(ada)?;
    let asked = page
        .call(
            "verification",
            json!({ "step": "request", "user": ada.user_id, "room": room }),
        )
        .await?;
    let flow = asked["flow"].clone();
    comparison.accept().await?;
    page.call("verification", json!({ "step": "start", "flow": flow }))
        .await?;
    finish(ada, page, &mut comparison, &flow).await
}

async fn finish(
    ada: &Person,
    page: &Page<'_>,
    comparison: &mut Comparison,
    flow: &Value,
) -> Result<()> {
    let ours = comparison.emoji().await?;
    let theirs = page
        .call("verification", json!({ "step": "emoji", "flow": flow }))
        .await?;
    let symbols = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|e| {
            e["symbol"]
                .as_str()
                .unwrap_or_default()
                .replace('\u{fe0f}', "")
        })
        .collect()
    };
    ensure!(
        symbols(&ours).len() == 7 && symbols(&ours) == symbols(&theirs["emoji"]),
        "{ours} and {theirs}"
    );
    page.call("verification", json!({ "step": "confirm", "flow": flow }))
        .await?;
    comparison.say_they_match().await?;
    let end = page
        .call("verification", json!({ "step": "finished", "flow": flow }))
        .await?;
    ensure!(end["phase"] == "done", "{end}");
    let whoami = ada.hardline.ok(&["whoami"]).await?;
    let trust = json!({ "user": ada.user_id, "device": whoami["device_id"] });
    page.call("waitVerified", trust).await.map(drop)
}
