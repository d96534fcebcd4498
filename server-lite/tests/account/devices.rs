//! Device lists.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use serde_json::json;

use crate::support::{confirmed, password_auth, refused, server_with};

#[tokio::test]
async fn devices_are_listed_renamed_and_deleted() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let other = Client::login(server.base_url(), "ada", "pass-ada").await?;
    let path = format!("v3/devices/{}", other.device_id);
    ada.put(&path, json!({ "display_name": "Old phone" }))
        .await?;
    let device = ada.get(&path).await?;
    assert_eq!(device["display_name"], "Old phone");
    other.get("v3/account/whoami").await?;
    let device = ada.get(&path).await?;
    assert_eq!(device["last_seen_ip"], "127.0.0.1");
    assert!(
        device["last_seen_ts"]
            .as_u64()
            .is_some_and(|ts| ts > 1_700_000_000_000),
        "{device}"
    );
    assert_eq!(
        ada.get("v3/devices").await?["devices"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    confirmed(&ada, Method::DELETE, &path, json!({}), "pass-ada")
        .await?
        .ok()?;
    refused(
        &other
            .request(Method::GET, "v3/account/whoami", None)
            .await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    refused(
        &ada.request(Method::GET, &path, None).await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(Method::PUT, &path, Some(&json!({ "display_name": "x" })))
            .await?,
        404,
        "M_NOT_FOUND",
    );
    Ok(())
}

#[tokio::test]
async fn several_devices_go_at_once_and_a_confirmation_holds_for_them_only() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let second = Client::login(server.base_url(), "ada", "pass-ada").await?;
    let third = Client::login(server.base_url(), "ada", "pass-ada").await?;
    let body = json!({ "devices": [second.device_id] });
    let challenge = ada
        .request(Method::POST, "v3/delete_devices", Some(&body))
        .await?;
    let auth = password_auth(&challenge.body, "ada", "pass-ada");
    let body = json!({ "devices": [second.device_id, third.device_id], "auth": auth });
    refused(
        &ada.request(Method::POST, "v3/delete_devices", Some(&body))
            .await?,
        403,
        "M_FORBIDDEN",
    );
    let body = json!({ "devices": [third.device_id, second.device_id, "UNKNOWN"] });
    confirmed(&ada, Method::POST, "v3/delete_devices", body, "pass-ada")
        .await?
        .ok()?;
    let left = ada.get("v3/devices").await?;
    assert_eq!(left["devices"].as_array().unwrap().len(), 1);
    assert_eq!(left["devices"][0]["device_id"], ada.device_id.as_str());
    Ok(())
}

#[tokio::test]
async fn nobody_sees_or_deletes_devices_of_others() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let path = format!("v3/devices/{}", ada.device_id);
    refused(
        &bo.request(Method::GET, &path, None).await?,
        404,
        "M_NOT_FOUND",
    );
    confirmed(&bo, Method::DELETE, &path, json!({}), "pass-bo")
        .await?
        .ok()?;
    ada.get("v3/account/whoami").await?;
    let long = json!({ "display_name": "x".repeat(600) });
    refused(
        &ada.request(Method::PUT, &path, Some(&long)).await?,
        400,
        "M_INVALID_PARAM",
    );
    Ok(())
}
