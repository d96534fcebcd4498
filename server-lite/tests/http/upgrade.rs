//! Replacing a room by a newer one.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

async fn upgrade(user: &User, room: &str, body: Value) -> crate::support::Reply {
    user.post(&format!("/rooms/{}/upgrade", encode(room)), body)
        .await
}

#[tokio::test]
async fn an_upgraded_room_keeps_its_face_its_address_and_its_bans() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let old = ada
        .create_room(json!({
            "name": "Tea", "topic": "Leaves", "preset": "public_chat", "visibility": "public",
            "room_version": "10", "room_alias_name": "tea",
            "creation_content": { "type": "org.example.kind" },
            "power_level_content_override": { "users": { &ada.id: 100, &bo.id: 40 } },
        }))
        .await;
    bo.join(&old).await;
    let ban = json!({ "user_id": cy.id });
    ada.post(&format!("/rooms/{}/ban", encode(&old)), ban)
        .await
        .ok();
    bo.put(
        &format!(
            "/user/{}/rooms/{}/tags/u.mine",
            encode(&bo.id),
            encode(&old)
        ),
        json!({ "order": 0.5 }),
    )
    .await
    .ok();

    upgrade(&bo, &old, json!({ "new_version": "12" }))
        .await
        .err(403, "M_FORBIDDEN");
    upgrade(&ada, &old, json!({ "new_version": "99" }))
        .await
        .err(400, "M_UNSUPPORTED_ROOM_VERSION");
    let made = upgrade(&ada, &old, json!({ "new_version": "12" }))
        .await
        .ok();
    let new = made["replacement_room"].as_str().unwrap();

    let tombstone = bo.state(&old, "m.room.tombstone", "").await.ok();
    assert_eq!(tombstone["replacement_room"], new);
    let found = bo
        .get(&format!("/directory/room/{}", encode("#tea:hs.test")))
        .await
        .ok();
    assert_eq!(found["room_id"], new);
    bo.join(new).await;
    let create = bo.state(new, "m.room.create", "").await.ok();
    assert_eq!(create["room_version"], "12");
    assert_eq!(create["type"], "org.example.kind");
    assert_eq!(create["predecessor"]["room_id"], old);
    assert_eq!(bo.state(new, "m.room.name", "").await.ok()["name"], "Tea");
    assert_eq!(
        bo.state(new, "m.room.topic", "").await.ok()["topic"],
        "Leaves"
    );
    let levels = bo.state(new, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"], json!({ &bo.id: 40 }));
    let directory = bo.get("/publicRooms").await.ok();
    let listed: Vec<_> = directory["chunk"].as_array().unwrap().iter().collect();
    assert!(
        listed.len() == 1 && listed[0]["room_id"] == new,
        "{directory}"
    );
    cy.post(&format!("/join/{}", encode(new)), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
    // What belongs to a person moved with them.
    let tags = bo
        .get(&format!(
            "/user/{}/rooms/{}/tags",
            encode(&bo.id),
            encode(new)
        ))
        .await
        .ok();
    assert_eq!(tags["tags"]["u.mine"]["order"], 0.5);
    // The old room is closed to all but moderators.
    bo.send(
        &old,
        "m.room.message",
        json!({ "msgtype": "m.text", "body": "?" }),
    )
    .await
    .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_moderator_of_little_power_upgrades_without_gaining_any() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let levels = json!({
        "users": { &ada.id: 100, &bo.id: 50 },
        "events": { "m.room.tombstone": 50, "m.room.encryption": 100, "m.room.power_levels": 100 },
    });
    let old = ada
        .create_room(json!({
            "preset": "public_chat", "room_version": "10", "power_level_content_override": levels,
            "initial_state": [{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }],
        }))
        .await;
    bo.join(&old).await;
    let made = upgrade(&bo, &old, json!({ "new_version": "11" }))
        .await
        .ok();
    let new = made["replacement_room"].as_str().unwrap();
    ada.join(new).await;
    let levels = ada.state(new, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"], json!({ &ada.id: 100, &bo.id: 50 }));
    ada.state(new, "m.room.encryption", "").await.ok();
    let create = ada.state(new, "m.room.create", "").await.ok();
    assert!(create["predecessor"]["event_id"].is_string(), "{create}");
}

#[tokio::test]
async fn a_newest_room_is_upgraded_to_itself_with_other_creators() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let old = ada.create_room(json!({ "invite": [bo.id] })).await;
    bo.join(&old).await;
    let body = json!({ "new_version": "12", "additional_creators": [bo.id] });
    let made = upgrade(&ada, &old, body).await.ok();
    let new = made["replacement_room"].as_str().unwrap();
    let create = ada.state(new, "m.room.create", "").await.ok();
    assert_eq!(create["additional_creators"], json!([bo.id]));
    assert!(create["predecessor"].get("event_id").is_none(), "{create}");
    server
        .register("cy")
        .await
        .post(
            &format!("/rooms/{}/upgrade", encode(new)),
            json!({ "new_version": "12" }),
        )
        .await
        .err(403, "M_FORBIDDEN");
}
