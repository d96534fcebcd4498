//! Account data, tags and filters.

use anyhow::Result;
use hardline_testkit::Homeserver;
use reqwest::Method;
use serde_json::json;

use crate::support::{garbage, refused, server_with, sync, text};

#[tokio::test]
async fn account_data_is_kept_and_reaches_the_sync_of_other_devices() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let other = hardline_testkit::Client::login(server.base_url(), "ada", "pass-ada").await?;
    let room = ada.create_room(json!({})).await?;
    let since = text(&sync(&other, None).await?, "next_batch")?;
    let base = format!("v3/user/{}", ada.user_id);
    let content = json!({ "event": "spaced  out", "n": 1.0 });
    ada.put(
        &format!("{base}/account_data/org.example.settings"),
        content.clone(),
    )
    .await?;
    ada.put(
        &format!("{base}/rooms/{room}/account_data/org.example.room"),
        json!({ "a": 1 }),
    )
    .await?;
    assert_eq!(
        other
            .get(&format!("{base}/account_data/org.example.settings"))
            .await?,
        content
    );
    assert_eq!(
        other
            .get(&format!(
                "{base}/rooms/{room}/account_data/org.example.room"
            ))
            .await?,
        json!({ "a": 1 })
    );
    let seen = sync(&other, Some(&since)).await?;
    assert_eq!(
        seen["account_data"]["events"],
        json!([{ "type": "org.example.settings", "content": content }])
    );
    assert_eq!(
        seen["rooms"]["join"][&room]["account_data"]["events"],
        json!([{ "type": "org.example.room", "content": { "a": 1 } }])
    );
    Ok(())
}

#[tokio::test]
async fn account_data_of_others_and_reserved_types_are_out_of_reach() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = ada.create_room(json!({})).await?;
    let base = format!("v3/user/{}", ada.user_id);
    for path in [
        format!("{base}/account_data/org.example.x"),
        format!("{base}/rooms/{room}/account_data/org.example.x"),
    ] {
        refused(
            &bo.request(Method::GET, &path, None).await?,
            403,
            "M_FORBIDDEN",
        );
        refused(
            &bo.request(Method::PUT, &path, Some(&json!({}))).await?,
            403,
            "M_FORBIDDEN",
        );
        refused(
            &ada.request(Method::GET, &path, None).await?,
            404,
            "M_NOT_FOUND",
        );
        refused(
            &garbage(&ada, &server, Method::PUT, &path).await?,
            400,
            "M_NOT_JSON",
        );
        refused(
            &ada.request(Method::PUT, &path, Some(&json!([1]))).await?,
            400,
            "M_BAD_JSON",
        );
    }
    for path in [
        format!("{base}/account_data/m.push_rules"),
        format!("{base}/rooms/{room}/account_data/m.fully_read"),
    ] {
        let answer = ada.request(Method::PUT, &path, Some(&json!({}))).await?;
        assert_eq!(answer.status, 405, "{}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn tags_are_set_listed_and_removed() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = ada.create_room(json!({})).await?;
    let tags = format!("v3/user/{}/rooms/{room}/tags", ada.user_id);
    assert_eq!(ada.get(&tags).await?, json!({ "tags": {} }));
    ada.put(&format!("{tags}/m.favourite"), json!({ "order": 0.25 }))
        .await?;
    ada.put(&format!("{tags}/u.work"), json!({})).await?;
    assert_eq!(
        ada.get(&tags).await?,
        json!({ "tags": { "m.favourite": { "order": 0.25 }, "u.work": {} } })
    );
    ada.request(Method::DELETE, &format!("{tags}/u.work"), None)
        .await?
        .ok()?;
    assert_eq!(
        ada.get(&tags).await?,
        json!({ "tags": { "m.favourite": { "order": 0.25 } } })
    );
    let data = ada
        .get(&format!(
            "v3/user/{}/rooms/{room}/account_data/m.tag",
            ada.user_id
        ))
        .await?;
    assert_eq!(
        data,
        json!({ "tags": { "m.favourite": { "order": 0.25 } } })
    );
    refused(
        &bo.request(Method::GET, &tags, None).await?,
        403,
        "M_FORBIDDEN",
    );
    refused(
        &bo.request(Method::PUT, &format!("{tags}/x"), Some(&json!({})))
            .await?,
        403,
        "M_FORBIDDEN",
    );
    let long = "x".repeat(300);
    refused(
        &ada.request(Method::PUT, &format!("{tags}/{long}"), Some(&json!({})))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    Ok(())
}

#[tokio::test]
async fn the_same_filter_gets_the_same_id() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let base = format!("v3/user/{}/filter", ada.user_id);
    let filter = json!({ "room": { "timeline": { "limit": 5, "types": ["m.room.message"] } } });
    let id = text(&ada.post(&base, filter.clone()).await?, "filter_id")?;
    assert_eq!(
        text(&ada.post(&base, filter.clone()).await?, "filter_id")?,
        id
    );
    assert_ne!(text(&ada.post(&base, json!({})).await?, "filter_id")?, id);
    assert_eq!(ada.get(&format!("{base}/{id}")).await?, filter);
    refused(
        &ada.request(Method::GET, &format!("{base}/99"), None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(Method::GET, &format!("{base}/x"), None).await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &bo.request(Method::GET, &format!("{base}/{id}"), None)
            .await?,
        403,
        "M_FORBIDDEN",
    );
    refused(
        &ada.request(Method::POST, &base, Some(&json!({ "room": 5 })))
            .await?,
        400,
        "M_BAD_JSON",
    );
    Ok(())
}
