//! Finding users.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use serde_json::{Value, json};

use crate::support::{refused, server_with};

async fn search(client: &Client, term: &str) -> Result<Vec<Value>> {
    let found = client
        .post("v3/user_directory/search", json!({ "search_term": term }))
        .await?;
    Ok(found["results"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn one_finds_members_of_ones_rooms_and_of_public_rooms_by_name_or_id() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let cy = server.register("cy").await?;
    bo.put(
        &format!("v3/profile/{}/displayname", bo.user_id),
        json!({ "displayname": "Bo Diddley" }),
    )
    .await?;
    assert_eq!(
        search(&ada, "diddley").await?,
        Vec::<Value>::new(),
        "no room is shared"
    );
    let room = ada.create_room(json!({ "invite": [bo.user_id] })).await?;
    assert_eq!(
        search(&ada, "diddley").await?,
        Vec::<Value>::new(),
        "an invitation is not a membership"
    );
    bo.join(&room).await?;
    assert_eq!(
        search(&ada, "DIDD").await?,
        [json!({ "user_id": bo.user_id, "display_name": "Bo Diddley" })]
    );
    assert_eq!(search(&cy, "diddley").await?, Vec::<Value>::new());
    assert_eq!(
        search(&cy, &bo.user_id).await?.len(),
        1,
        "who knows the whole id finds its user"
    );
    bo.create_room(json!({ "visibility": "public", "preset": "public_chat" }))
        .await?;
    assert_eq!(search(&cy, "diddley").await?.len(), 1);
    let limited = ada
        .post(
            "v3/user_directory/search",
            json!({ "search_term": "server.hardline.test", "limit": 1 }),
        )
        .await?;
    assert_eq!(
        (
            limited["limited"].as_bool(),
            limited["results"].as_array().map(Vec::len)
        ),
        (Some(true), Some(1))
    );
    let answer = ada
        .request(
            reqwest::Method::POST,
            "v3/user_directory/search",
            Some(&json!({})),
        )
        .await?;
    refused(&answer, 400, "M_BAD_JSON");
    Ok(())
}
