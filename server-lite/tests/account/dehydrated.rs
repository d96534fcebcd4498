//! A device that sleeps on the server and collects keys (MSC3814).

use anyhow::Result;
use hardline_testkit::Homeserver;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{refused, server_with, text};

const PATH: &str = "unstable/org.matrix.msc3814.v1/dehydrated_device";

fn asleep(user: &str, device: &str) -> Value {
    json!({
        "device_id": device,
        "initial_device_display_name": "asleep",
        "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": "cGlja2xl", "nonce": "bm9uY2U" },
        "device_keys": {
            "user_id": user, "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": { format!("curve25519:{device}"): "a2V5" }, "signatures": {}, "dehydrated": true,
        },
        "one_time_keys": { "signed_curve25519:AAAAAQ": { "key": "b25l", "signatures": {} } },
    })
}

#[tokio::test]
async fn a_sleeping_device_collects_what_others_send_it() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    refused(
        &ada.request(Method::GET, PATH, None).await?,
        404,
        "M_NOT_FOUND",
    );
    ada.put(PATH, asleep(&ada.user_id, "SLEEPER1")).await?;
    let made = ada.put(PATH, asleep(&ada.user_id, "SLEEPER2")).await?;
    assert_eq!(made, json!({ "device_id": "SLEEPER2" }));
    let found = ada.get(PATH).await?;
    assert_eq!(found["device_data"]["device_pickle"], "cGlja2xl");

    // Others see one of them, take its keys, and write to it.
    let asked = json!({ "device_keys": { &ada.user_id: [] } });
    let devices = bo.post("v3/keys/query", asked).await?;
    let devices = devices["device_keys"][&ada.user_id]
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(devices.keys().collect::<Vec<_>>(), ["SLEEPER2"]);
    assert_eq!(devices["SLEEPER2"]["dehydrated"], true);
    let claim = json!({ "one_time_keys": { &ada.user_id: { "SLEEPER2": "signed_curve25519" } } });
    let claimed = bo.post("v3/keys/claim", claim).await?;
    assert!(claimed["one_time_keys"][&ada.user_id]["SLEEPER2"].is_object());
    for n in 0..3 {
        let body = json!({ "messages": { &ada.user_id: { "SLEEPER2": { "n": n } } } });
        bo.put(&format!("v3/sendToDevice/org.example.key/{n}"), body)
            .await?;
    }
    let path = format!("{PATH}/SLEEPER2/events");
    let page = ada.post(&path, json!({})).await?;
    assert_eq!(page["events"].as_array().unwrap().len(), 3);
    assert_eq!(page["events"][2]["content"]["n"], 2);
    let next = text(&page, "next_batch")?;
    let rest = ada.post(&path, json!({ "next_batch": next })).await?;
    assert_eq!(rest["events"], json!([]));
    refused(
        &bo.request(Method::POST, &path, Some(&json!({}))).await?,
        404,
        "M_NOT_FOUND",
    );

    let gone = ada.request(Method::DELETE, PATH, None).await?.ok()?;
    assert_eq!(gone["device_id"], "SLEEPER2");
    refused(
        &ada.request(Method::DELETE, PATH, None).await?,
        404,
        "M_NOT_FOUND",
    );
    Ok(())
}

#[tokio::test]
async fn nobody_who_is_awake_is_put_to_sleep() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let body = asleep(&ada.user_id, &ada.device_id);
    let answer = ada.request(Method::PUT, PATH, Some(&body)).await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    let body = asleep("@somebody:else", "SLEEPER");
    let answer = ada.request(Method::PUT, PATH, Some(&body)).await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    refused(
        &ada.request(Method::GET, PATH, None).await?,
        404,
        "M_NOT_FOUND",
    );
    ada.get("v3/account/whoami").await?;
    Ok(())
}
