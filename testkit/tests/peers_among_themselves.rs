//! The peers work with each other before our own programs are judged by them.

use anyhow::Result;
use hardline_testkit::{
    Browser, Bus, Fault, Homeserver, Keyring, Nio, Page, Proxy, Synapse, Weston, Xvfb,
    keyring::KeyringStore,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn js_sdk_accounts_talk_encrypted_and_verify_over_synapse() -> Result<()> {
    let synapse = Synapse::start().await?;
    let browser = Browser::start().await?;
    let ada = browser
        .register("ada", synapse.base_url(), "ada", "pass-ada")
        .await?;
    let bo = browser
        .register("bo", synapse.base_url(), "bo", "pass-bo")
        .await?;
    ada.call("bootstrap", json!({})).await?;
    bo.call("bootstrap", json!({})).await?;
    let room = ada
        .call(
            "createRoom",
            json!({ "name": "talk", "invite": [bo.user_id] }),
        )
        .await?["room_id"]
        .clone();
    bo.call("acceptInvite", json!({ "room": room })).await?;
    ada.call("waitMember", json!({ "room": room, "user": bo.user_id }))
        .await?;
    ada.call("send", json!({ "room": room, "body": "hello bo" }))
        .await?;
    let read = bo
        .call("waitMessage", json!({ "room": room, "body": "hello bo" }))
        .await?;
    assert_eq!(read["encrypted"], true);
    compare_emoji(&ada, &bo, &room).await
}

async fn compare_emoji(asks: &Page<'_>, answers: &Page<'_>, room: &Value) -> Result<()> {
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
    assert_eq!(seen["flow"], flow);
    answers.call("verification", step("accept", &flow)).await?;
    asks.call("verification", step("start", &flow)).await?;
    let one = asks.call("verification", step("emoji", &flow)).await?;
    let other = answers.call("verification", step("emoji", &flow)).await?;
    assert_eq!(one["emoji"], other["emoji"]);
    assert_eq!(one["emoji"].as_array().map(Vec::len), Some(7));
    asks.call("verification", step("confirm", &flow)).await?;
    answers.call("verification", step("confirm", &flow)).await?;
    for page in [asks, answers] {
        assert_eq!(
            page.call("verification", step("finished", &flow)).await?["phase"],
            "done"
        );
    }
    let trust = asks
        .call(
            "trust",
            json!({ "user": answers.user_id, "device": answers.device_id }),
        )
        .await?;
    assert_eq!(trust["user_verified"], true);
    assert_eq!(trust["device_verified"], true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nio_accounts_talk_encrypted_over_synapse() -> Result<()> {
    let synapse = Synapse::start().await?;
    let nio = Nio::start().await?;
    nio.open("ada", synapse.base_url(), "ada", "pass-ada", true)
        .await?;
    nio.open("bo", synapse.base_url(), "bo", "pass-bo", true)
        .await?;
    let bo = synapse.user_id("bo");
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
    nio.call("ada", "send", json!({ "room": room, "body": "hello bo" }))
        .await?;
    let read = nio
        .call(
            "bo",
            "wait_message",
            json!({ "room": room, "body": "hello bo" }),
        )
        .await?;
    assert_eq!(read["encrypted"], true);
    Ok(())
}

#[tokio::test]
async fn the_proxy_delays_loses_and_refuses() -> Result<()> {
    let synapse = Synapse::start().await?;
    let proxy = Proxy::before(&synapse).await?;
    let ada = proxy.register("ada").await?;
    let room = ada.create_room(json!({ "preset": "private_chat" })).await?;
    proxy.fault("PUT", "/send/", 1, Fault::LoseAnswer);
    assert!(ada.send_text(&room, "arrives unanswered").await.is_err());
    proxy.fault("PUT", "/send/", 1, Fault::LoseRequest);
    assert!(ada.send_text(&room, "never arrives").await.is_err());
    proxy.fault(
        "PUT",
        "/send/",
        1,
        Fault::Answer(
            429,
            json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slow", "retry_after_ms": 100 }),
        ),
    );
    assert!(ada.send_text(&room, "refused").await.is_err());
    ada.send_text(&room, "passes").await?;
    let bodies: Vec<Value> = ada
        .latest(&room, 3)
        .await?
        .iter()
        .map(|e| e["content"]["body"].clone())
        .collect();
    assert_eq!(&bodies[..2], [json!("passes"), json!("arrives unanswered")]);
    assert_eq!(proxy.seen("PUT", "/send/").len(), 4);
    Ok(())
}

#[tokio::test]
async fn bus_keyring_and_displays_start_and_end() -> Result<()> {
    let bus = Bus::start().await?;
    let store = KeyringStore::new()?;
    let keyring = Keyring::unlocked(&bus, &store).await?;
    keyring.stop().await?;
    let keyring = Keyring::locked(&bus, &store).await?;
    keyring.stop().await?;
    let x = Xvfb::start(800, 600).await?;
    assert!(x.frame_buffer().is_file());
    let weston = Weston::start(800, 600).await?;
    assert!(weston.display().exists());
    Ok(())
}
