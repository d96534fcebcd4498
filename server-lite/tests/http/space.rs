//! Spaces: what is in them, and what of it whom.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

async fn add(user: &User, space: &str, child: &str, content: Value) {
    let mut content = content;
    content["via"] = json!(["hs.test"]);
    user.set_state(space, "m.space.child", child, content)
        .await
        .ok();
}

fn ids(page: &Value) -> Vec<&str> {
    let rooms = page["rooms"].as_array().unwrap().iter();
    rooms
        .map(|room| room["room_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_space_is_walked_in_order_as_far_as_one_may_see() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let space =
        |preset: &str| json!({ "preset": preset, "creation_content": { "type": "m.space" } });
    let top = ada.create_room(space("public_chat")).await;
    let inner = ada.create_room(space("public_chat")).await;
    let first = ada
        .create_room(json!({ "preset": "public_chat", "name": "First" }))
        .await;
    let last = ada.create_room(json!({ "preset": "public_chat" })).await;
    let secret = ada.create_room(json!({ "preset": "private_chat" })).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": top }]);
    let members_only = ada
        .create_room(json!({ "initial_state": [{
            "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow },
        }] }))
        .await;
    add(&ada, &top, &last, json!({ "suggested": true })).await;
    add(&ada, &top, &inner, json!({ "order": "b" })).await;
    add(&ada, &top, &first, json!({ "order": "a" })).await;
    add(&ada, &top, &secret, json!({ "order": "c" })).await;
    add(&ada, &inner, &members_only, json!({})).await;
    add(&ada, &inner, &top, json!({})).await;
    ada.set_state(&inner, "m.space.child", &last, json!({}))
        .await
        .ok();

    let path = format!("/_matrix/client/v1/rooms/{}/hierarchy", encode(&top));
    let all = ada.get(&path).await.ok();
    assert_eq!(
        ids(&all),
        [&*top, &first, &inner, &members_only, &secret, &last]
    );
    assert_eq!(all["rooms"][1]["name"], "First");
    let children = all["rooms"][0]["children_state"].as_array().unwrap();
    assert_eq!(children.len(), 4);
    assert_eq!(children[0]["state_key"], first);
    assert_eq!(all["rooms"][3]["allowed_room_ids"], json!([top]));

    // bo is in none of them, and learns of the restricted room only as a member of the space.
    assert_eq!(
        ids(&bo.get(&path).await.ok()),
        [&*top, &first, &inner, &last]
    );
    bo.join(&top).await;
    assert_eq!(
        ids(&bo.get(&path).await.ok()),
        [&*top, &first, &inner, &members_only, &last]
    );
    let summary = format!("/_matrix/client/v1/room_summary/{}", encode(&members_only));
    assert_eq!(bo.get(&summary).await.ok()["join_rule"], "restricted");

    let shallow = ada.get(&format!("{path}?max_depth=1")).await.ok();
    assert_eq!(ids(&shallow), [&*top, &first, &inner, &secret, &last]);
    let suggested = ada.get(&format!("{path}?suggested_only=true")).await.ok();
    assert_eq!(ids(&suggested), [&*top, &last]);

    let page = ada.get(&format!("{path}?limit=4")).await.ok();
    assert_eq!(ids(&page), [&*top, &first, &inner, &members_only]);
    let from = page["next_batch"].as_str().unwrap();
    let rest = ada.get(&format!("{path}?limit=4&from={from}")).await.ok();
    assert_eq!(ids(&rest), [&*secret, &last]);
    assert!(rest.get("next_batch").is_none(), "{rest}");
    ada.get(&format!("{path}?from={from}&max_depth=1"))
        .await
        .err(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_private_space_is_nobody_elses_business() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let top = ada
        .create_room(json!({ "creation_content": { "type": "m.space" } }))
        .await;
    let path = |room: &str| format!("/_matrix/client/v1/rooms/{}/hierarchy", encode(room));
    bo.get(&path(&top)).await.err(403, "M_FORBIDDEN");
    bo.get(&path("!nowhere:hs.test"))
        .await
        .err(403, "M_FORBIDDEN");
    ada.get(&format!("{}?limit=0", path(&top)))
        .await
        .err(400, "M_INVALID_PARAM");
    ada.invite(&top, &bo).await.ok();
    assert_eq!(ids(&bo.get(&path(&top)).await.ok()), [&*top]);
}

#[tokio::test]
async fn rooms_in_common_are_told_to_both_and_to_nobody_else() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let shared = ada.create_room(json!({ "preset": "public_chat" })).await;
    ada.create_room(json!({})).await;
    bo.join(&shared).await;
    let path = |user: &str| format!("/_matrix/client/v1/mutual_rooms?user_id={}", encode(user));
    assert_eq!(
        ada.get(&path(&bo.id)).await.ok(),
        json!({ "joined": [shared], "count": 1 })
    );
    assert_eq!(bo.get(&path(&ada.id)).await.ok()["joined"], json!([shared]));
    assert_eq!(cy.get(&path(&ada.id)).await.ok()["count"], 0);
    assert_eq!(cy.get(&path("@nobody:hs.test")).await.ok()["count"], 0);
    ada.get(&path(&ada.id)).await.err(400, "M_INVALID_PARAM");
    ada.get("/_matrix/client/v1/mutual_rooms")
        .await
        .err(400, "M_INVALID_PARAM");
}
