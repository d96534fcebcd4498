//! Push rules and pushers.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{garbage, refused, server_with, sync, text};

async fn counts(client: &Client, room: &str) -> Result<Value> {
    Ok(sync(client, None).await?["rooms"]["join"][room]["unread_notifications"].clone())
}

#[tokio::test]
async fn everybody_has_the_default_rules_and_can_change_them() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let rules = ada.get("v3/pushrules/").await?;
    assert_eq!(rules, ada.get("v3/pushrules").await?);
    assert_eq!(rules["global"], ada.get("v3/pushrules/global/").await?);
    assert_eq!(rules["global"]["override"][0]["rule_id"], ".m.rule.master");
    let master = "v3/pushrules/global/override/.m.rule.master";
    assert_eq!(
        ada.get(&format!("{master}/enabled")).await?,
        json!({ "enabled": false })
    );
    ada.put(&format!("{master}/enabled"), json!({ "enabled": true }))
        .await?;
    assert_eq!(ada.get(master).await?["enabled"], true);
    let message = "v3/pushrules/global/underride/.m.rule.message/actions";
    ada.put(
        message,
        json!({ "actions": ["notify", { "set_tweak": "sound", "value": "bing" }] }),
    )
    .await?;
    assert_eq!(
        ada.get(message).await?["actions"].as_array().unwrap().len(),
        2
    );
    Ok(())
}

#[tokio::test]
async fn rules_of_ones_own_are_added_in_order_changed_and_removed() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let rule = |id: &str| format!("v3/pushrules/global/content/{id}");
    let body = |word: &str| json!({ "pattern": word, "actions": ["notify", { "set_tweak": "highlight" }] });
    let since = text(&sync(&ada, None).await?, "next_batch")?;
    ada.put(&rule("one"), body("one")).await?;
    ada.put(&format!("{}?after=one", rule("three")), body("three"))
        .await?;
    ada.put(&format!("{}?before=three", rule("two")), body("two"))
        .await?;
    let all = ada.get("v3/pushrules/").await?;
    let ids: Vec<&str> = all["global"]["content"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["rule_id"].as_str())
        .collect();
    assert_eq!(ids, ["one", "two", "three"]);
    let told = sync(&ada, Some(&since)).await?;
    assert_eq!(told["account_data"]["events"][0]["type"], "m.push_rules");
    assert_eq!(told["account_data"]["events"][0]["content"], all);
    ada.request(Method::DELETE, &rule("two"), None)
        .await?
        .ok()?;
    refused(
        &ada.request(Method::GET, &rule("two"), None).await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(Method::DELETE, &rule("two"), None).await?,
        404,
        "M_NOT_FOUND",
    );
    Ok(())
}

#[tokio::test]
async fn rules_that_cannot_be_are_refused() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let body = json!({ "pattern": "x", "actions": [] });
    let base = "v3/pushrules/global/content";
    refused(
        &ada.request(Method::PUT, &format!("{base}/.mine"), Some(&body))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    refused(
        &ada.request(Method::PUT, &format!("{base}/a%5Cb"), Some(&body))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    refused(
        &ada.request(
            Method::PUT,
            &format!("{base}/a?before=nothing"),
            Some(&body),
        )
        .await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(
            Method::PUT,
            &format!("{base}/a?after=.m.rule.x"),
            Some(&body),
        )
        .await?,
        400,
        "M_INVALID_PARAM",
    );
    refused(
        &garbage(&ada, &server, Method::PUT, &format!("{base}/a")).await?,
        400,
        "M_NOT_JSON",
    );
    refused(
        &ada.request(
            Method::PUT,
            &format!("{base}/a"),
            Some(&json!({ "actions": [] })),
        )
        .await?,
        400,
        "M_BAD_JSON",
    );
    refused(
        &ada.request(
            Method::DELETE,
            "v3/pushrules/global/override/.m.rule.master",
            None,
        )
        .await?,
        400,
        "M_INVALID_PARAM",
    );
    refused(
        &ada.request(
            Method::PUT,
            &format!("{base}/none/enabled"),
            Some(&json!({ "enabled": true })),
        )
        .await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(Method::GET, &format!("{base}/none/actions"), None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(Method::GET, "v3/pushrules/global/nonsense/x", None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    Ok(())
}

#[tokio::test]
async fn a_changed_rule_counts_from_the_next_message_on() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    bo.join(&room).await?;
    bo.send_text(&room, "plain").await?;
    assert_eq!(
        counts(&ada, &room).await?,
        json!({ "notification_count": 1, "highlight_count": 0 })
    );
    let body = json!({ "pattern": "cake", "actions": ["notify", { "set_tweak": "highlight" }] });
    ada.put("v3/pushrules/global/content/cake", body).await?;
    bo.send_text(&room, "who wants cake?").await?;
    assert_eq!(
        counts(&ada, &room).await?,
        json!({ "notification_count": 2, "highlight_count": 1 })
    );
    let room_rule = format!("v3/pushrules/global/override/{room}");
    let silent = json!({ "conditions": [{ "kind": "event_match", "key": "room_id", "pattern": room }], "actions": [] });
    ada.put(&room_rule, silent).await?;
    bo.send_text(&room, "more cake").await?;
    assert_eq!(
        counts(&ada, &room).await?,
        json!({ "notification_count": 2, "highlight_count": 1 })
    );
    ada.request(Method::DELETE, &room_rule, None).await?.ok()?;
    bo.send(
        &room,
        "m.room.message",
        json!({ "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [ada.user_id] } }),
    )
    .await?;
    assert_eq!(
        counts(&ada, &room).await?,
        json!({ "notification_count": 3, "highlight_count": 2 })
    );
    Ok(())
}

#[tokio::test]
async fn pushers_are_set_listed_and_removed() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let pusher = json!({
        "app_id": "im.hardline", "pushkey": "key", "kind": "http", "app_display_name": "Hardline", "device_display_name": "Phone",
        "lang": "en", "data": { "url": "https://push.example/_matrix/push/v1/notify", "format": "event_id_only" },
    });
    ada.post("v3/pushers/set", pusher.clone()).await?;
    assert_eq!(ada.get("v3/pushers").await?, json!({ "pushers": [pusher] }));
    // The device is Bo's now.
    bo.post("v3/pushers/set", pusher.clone()).await?;
    assert_eq!(ada.get("v3/pushers").await?, json!({ "pushers": [] }));
    let mut shared = pusher.clone();
    shared["append"] = json!(true);
    ada.post("v3/pushers/set", shared).await?;
    assert_eq!(
        bo.get("v3/pushers").await?["pushers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    bo.post(
        "v3/pushers/set",
        json!({ "app_id": "im.hardline", "pushkey": "key", "kind": null }),
    )
    .await?;
    assert_eq!(bo.get("v3/pushers").await?, json!({ "pushers": [] }));
    let mut wrong = pusher.clone();
    wrong["data"]["url"] = json!("https://push.example/elsewhere");
    refused(
        &ada.request(Method::POST, "v3/pushers/set", Some(&wrong))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    wrong["kind"] = json!("email");
    refused(
        &ada.request(Method::POST, "v3/pushers/set", Some(&wrong))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    refused(
        &ada.request(Method::POST, "v3/pushers/set", Some(&json!({})))
            .await?,
        400,
        "M_BAD_JSON",
    );
    ada.post("v3/logout", json!({})).await?;
    let again = Client::login(server.base_url(), "ada", "pass-ada").await?;
    assert_eq!(
        again.get("v3/pushers").await?,
        json!({ "pushers": [] }),
        "a pusher goes with its device"
    );
    Ok(())
}
