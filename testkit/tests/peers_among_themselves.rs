//! The peers work with each other before our own programs are judged by them.

use anyhow::Result;
use hardline_testkit::{
    Browser, Bus, Fault, Homeserver, Keyring, Nio, Proxy, Synapse, Weston, Xvfb,
    keyring::KeyringStore,
    scenarios::{js_sdk, nio},
};
use serde_json::{Value, json};

#[tokio::test]
async fn js_sdk_accounts_talk_and_verify_over_synapse() -> Result<()> {
    let (synapse, browser) = (Synapse::start().await?, Browser::start().await?);
    js_sdk::two_people_talk_and_verify(&synapse, &browser).await
}

#[tokio::test]
async fn a_second_js_sdk_device_recovers_history_over_synapse() -> Result<()> {
    let (synapse, browser) = (Synapse::start().await?, Browser::start().await?);
    js_sdk::a_second_device_recovers_history(&synapse, &browser).await
}

#[tokio::test]
async fn nio_accounts_talk_over_synapse() -> Result<()> {
    let (synapse, peer) = (Synapse::start().await?, Nio::start().await?);
    nio::two_people_talk(&synapse, &peer).await?;
    nio::a_later_sign_in_reads_history(&synapse, &peer).await
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
