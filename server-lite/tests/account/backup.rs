//! Backups of room keys.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{garbage, refused, server_with, text};

const ROOM: &str = "!room:server.hardline.test";

fn description(key: &str) -> Value {
    json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": key, "signatures": {}, "org.example.more": 1 } })
}

fn key(first_message_index: u32, forwarded_count: u32, is_verified: bool) -> Value {
    json!({
        "first_message_index": first_message_index, "forwarded_count": forwarded_count, "is_verified": is_verified,
        "session_data": { "ephemeral": "ZXBo", "ciphertext": "Y2lw", "mac": "bWFj" },
    })
}

async fn new_version(client: &Client) -> Result<String> {
    text(
        &client
            .post("v3/room_keys/version", description("a2V5"))
            .await?,
        "version",
    )
}

#[tokio::test]
async fn versions_are_made_described_updated_and_deleted() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    refused(
        &ada.request(Method::GET, "v3/room_keys/version", None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    let first = new_version(&ada).await?;
    let second = new_version(&ada).await?;
    assert_ne!(first, second);
    let latest = ada.get("v3/room_keys/version").await?;
    let mut expected = description("a2V5");
    for (key, value) in [
        ("version", json!(second)),
        ("count", json!(0)),
        ("etag", latest["etag"].clone()),
    ] {
        expected[key] = value;
    }
    assert_eq!(latest, expected);
    ada.put(
        &format!("v3/room_keys/version/{second}"),
        description("bmV3"),
    )
    .await?;
    assert_eq!(
        ada.get(&format!("v3/room_keys/version/{second}")).await?["auth_data"]["public_key"],
        "bmV3"
    );
    let mut other = description("bmV3");
    other["algorithm"] = json!("org.example.other");
    let answer = ada
        .request(
            Method::PUT,
            &format!("v3/room_keys/version/{second}"),
            Some(&other),
        )
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    let mut named = description("bmV3");
    named["version"] = json!(first);
    let answer = ada
        .request(
            Method::PUT,
            &format!("v3/room_keys/version/{second}"),
            Some(&named),
        )
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    ada.request(
        Method::DELETE,
        &format!("v3/room_keys/version/{second}"),
        None,
    )
    .await?
    .ok()?;
    refused(
        &ada.request(Method::GET, &format!("v3/room_keys/version/{second}"), None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    refused(
        &ada.request(
            Method::DELETE,
            &format!("v3/room_keys/version/{second}"),
            None,
        )
        .await?,
        404,
        "M_NOT_FOUND",
    );
    assert_eq!(
        ada.get("v3/room_keys/version").await?["version"],
        json!(first)
    );
    assert_ne!(
        new_version(&ada).await?,
        second,
        "a version is never used twice"
    );
    refused(
        &ada.request(Method::GET, "v3/room_keys/version/x", None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    Ok(())
}

#[tokio::test]
async fn keys_are_added_read_and_deleted_in_all_three_scopes() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let version = new_version(&ada).await?;
    let path = |rest: &str| format!("v3/room_keys/keys{rest}?version={version}");
    let session = |id: &str| path(&format!("/{ROOM}/{id}"));
    let one = ada.put(&session("s1"), key(1, 0, false)).await?;
    assert_eq!(one["count"], 1);
    let two = ada
        .put(
            &path(&format!("/{ROOM}")),
            json!({ "sessions": { "s2": key(2, 0, false) } }),
        )
        .await?;
    assert_eq!(two["count"], 2);
    assert_ne!(one["etag"], two["etag"]);
    let more = json!({ "rooms": { ROOM: { "sessions": { "s3": key(3, 0, true) } }, "!b:x.y": { "sessions": { "s1": key(4, 0, true) } } } });
    assert_eq!(ada.put(&path(""), more).await?["count"], 4);
    assert_eq!(ada.get(&session("s2")).await?, key(2, 0, false));
    assert_eq!(
        ada.get(&path(&format!("/{ROOM}"))).await?["sessions"],
        json!({ "s1": key(1, 0, false), "s2": key(2, 0, false), "s3": key(3, 0, true) })
    );
    assert_eq!(
        ada.get(&path("")).await?["rooms"]
            .as_object()
            .unwrap()
            .len(),
        2
    );
    let info = ada.get("v3/room_keys/version").await?;
    assert_eq!(info["count"], 4);
    // Nobody else sees any of it.
    refused(
        &bo.request(Method::GET, &path(""), None).await?,
        404,
        "M_NOT_FOUND",
    );
    let gone = ada
        .request(Method::DELETE, &session("s1"), None)
        .await?
        .ok()?;
    assert_eq!(gone["count"], 3);
    assert_ne!(gone["etag"], info["etag"]);
    refused(
        &ada.request(Method::GET, &session("s1"), None).await?,
        404,
        "M_NOT_FOUND",
    );
    ada.request(Method::DELETE, &path(&format!("/{ROOM}")), None)
        .await?
        .ok()?;
    assert_eq!(
        ada.get(&path(&format!("/{ROOM}"))).await?,
        json!({ "sessions": {} })
    );
    let all = ada.request(Method::DELETE, &path(""), None).await?.ok()?;
    assert_eq!(all["count"], 0);
    assert_eq!(ada.get(&path("")).await?, json!({ "rooms": {} }));
    Ok(())
}

#[tokio::test]
async fn the_better_key_of_a_session_stays() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let version = new_version(&ada).await?;
    let path = format!("v3/room_keys/keys/{ROOM}/s1?version={version}");
    for (sent, kept) in [
        (key(5, 5, false), key(5, 5, false)),
        (key(9, 0, false), key(5, 5, false)), // reads less
        (key(5, 6, false), key(5, 5, false)), // was forwarded more often
        (key(5, 4, false), key(5, 4, false)),
        (key(3, 9, false), key(3, 9, false)), // reads more
        (key(8, 9, true), key(8, 9, true)),   // verified
        (key(0, 0, false), key(8, 9, true)),  // not verified
        (key(7, 9, true), key(7, 9, true)),
    ] {
        let before = ada.get("v3/room_keys/version").await?["etag"].clone();
        let answer = ada.put(&path, sent.clone()).await?;
        assert_eq!(ada.get(&path).await?, kept, "after {sent}");
        assert_eq!(
            answer["etag"] != before,
            sent == kept,
            "the etag changes with the keys and only then"
        );
    }
    Ok(())
}

#[tokio::test]
async fn keys_go_into_the_newest_version_only() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let path = |version: &str| format!("v3/room_keys/keys/{ROOM}/s1?version={version}");
    refused(
        &ada.request(Method::PUT, &path("1"), Some(&key(0, 0, true)))
            .await?,
        404,
        "M_NOT_FOUND",
    );
    let first = new_version(&ada).await?;
    let second = new_version(&ada).await?;
    let answer = ada
        .request(Method::PUT, &path(&first), Some(&key(0, 0, true)))
        .await?;
    refused(&answer, 403, "M_WRONG_ROOM_KEYS_VERSION");
    assert_eq!(answer.body["current_version"], json!(second));
    let malformed = json!({ "first_message_index": -1 });
    refused(
        &ada.request(Method::PUT, &path(&second), Some(&malformed))
            .await?,
        400,
        "M_BAD_JSON",
    );
    refused(
        &garbage(&ada, &server, Method::PUT, &path(&second)).await?,
        400,
        "M_NOT_JSON",
    );
    refused(
        &ada.request(
            Method::PUT,
            &format!("v3/room_keys/keys/{ROOM}/s1"),
            Some(&key(0, 0, true)),
        )
        .await?,
        400,
        "M_INVALID_PARAM",
    );
    Ok(())
}
