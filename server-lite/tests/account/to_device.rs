//! Messages to single devices.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{garbage, refused, server_with, sync, text};

fn events(body: &Value) -> Vec<Value> {
    body["to_device"]["events"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_message_reaches_its_device_once_however_often_it_is_sent() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let other = Client::login(server.base_url(), "bo", "pass-bo").await?;
    let body = json!({ "messages": { &bo.user_id: { &bo.device_id: { "n": 1, "text": "ü\n" } } } });
    for _ in 0..2 {
        ada.put("v3/sendToDevice/org.example.ping/txn1", body.clone())
            .await?;
    }
    let first = sync(&bo, None).await?;
    let expected = json!({ "type": "org.example.ping", "sender": ada.user_id, "content": { "n": 1, "text": "ü\n" } });
    assert_eq!(events(&first), std::slice::from_ref(&expected));
    assert_eq!(
        events(&sync(&other, None).await?),
        Vec::<Value>::new(),
        "the other device gets nothing"
    );
    // As long as it is not acknowledged it stays.
    assert_eq!(events(&sync(&bo, None).await?), [expected]);
    let since = text(&first, "next_batch")?;
    assert_eq!(events(&sync(&bo, Some(&since)).await?), Vec::<Value>::new());
    assert_eq!(
        events(&sync(&bo, None).await?),
        Vec::<Value>::new(),
        "acknowledged is gone for good"
    );
    ada.put("v3/sendToDevice/org.example.ping/txn2", body)
        .await?;
    assert_eq!(events(&sync(&bo, Some(&since)).await?).len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_star_means_all_devices_and_order_is_kept() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let other = Client::login(server.base_url(), "bo", "pass-bo").await?;
    for n in 0..20 {
        let body = json!({ "messages": { &bo.user_id: { "*": { "n": n } } } });
        ada.put(&format!("v3/sendToDevice/org.example.ping/txn{n}"), body)
            .await?;
    }
    for device in [&bo, &other] {
        let numbers: Vec<Value> = events(&sync(device, None).await?)
            .iter()
            .map(|event| event["content"]["n"].clone())
            .collect();
        assert_eq!(numbers, (0..20).map(|n| json!(n)).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn messages_survive_a_kill_and_go_with_their_device() -> Result<()> {
    let (mut server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let body = json!({ "messages": { &bo.user_id: { &bo.device_id: { "n": 1 } }, "@nobody:server.hardline.test": { "*": {} } } });
    ada.put("v3/sendToDevice/org.example.ping/txn1", body)
        .await?;
    server.kill().await?;
    server.resume().await?;
    assert_eq!(events(&sync(&bo, None).await?).len(), 1);
    bo.post("v3/logout", json!({})).await?;
    let body = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "bo" },
        "password": "pass-bo", "device_id": bo.device_id,
    });
    let again = bo.post("v3/login", body).await?;
    let answer = crate::support::with_token(
        &server,
        Method::GET,
        "v3/sync?timeout=0",
        again["access_token"].as_str(),
        None,
    )
    .await?
    .ok()?;
    assert_eq!(events(&answer), Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn malformed_and_anonymous_messages_are_refused() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let path = "v3/sendToDevice/org.example.ping/txn1";
    refused(
        &ada.request(Method::PUT, path, Some(&json!({}))).await?,
        400,
        "M_BAD_JSON",
    );
    refused(
        &ada.request(
            Method::PUT,
            path,
            Some(&json!({ "messages": { "no-user": {} } })),
        )
        .await?,
        400,
        "M_BAD_JSON",
    );
    refused(
        &garbage(&ada, &server, Method::PUT, path).await?,
        400,
        "M_NOT_JSON",
    );
    let answer =
        crate::support::anonymous(&server, Method::PUT, path, Some(json!({ "messages": {} })))
            .await?;
    refused(&answer, 401, "M_MISSING_TOKEN");
    Ok(())
}
