//! Creating rooms, their state, addresses and the directory.

use serde_json::{Value, json};

use crate::support::{Server, encode};

#[tokio::test]
async fn rooms_of_every_supported_version_work() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    for version in ["6", "7", "8", "9", "10", "11", "12"] {
        let body = json!({ "room_version": version, "preset": "public_chat", "name": "N" });
        let room = ada.create_room(body).await;
        bo.join(&room).await;
        ada.say(&room, "hello").await;
        assert_eq!(bo.history(&room).await, ["hello"], "version {version}");
        let create = bo.state(&room, "m.room.create", "").await.ok();
        assert_eq!(create["room_version"], version);
        assert_eq!(room.contains(':'), version != "12", "{room}");
        bo.set_state(&room, "m.room.name", "", json!({ "name": "B" }))
            .await
            .err(403, "M_FORBIDDEN");
        ada.set_state(&room, "m.room.name", "", json!({ "name": "A" }))
            .await
            .ok();
        assert_eq!(bo.state(&room, "m.room.name", "").await.ok()["name"], "A");
    }
    let body = json!({ "room_version": "1" });
    ada.post("/createRoom", body)
        .await
        .err(400, "M_UNSUPPORTED_ROOM_VERSION");
}

#[tokio::test]
async fn the_default_version_is_configured() {
    let server = Server::start_with("[rooms]\ndefault_version = \"10\"\n").await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    assert_eq!(
        ada.state(&room, "m.room.create", "").await.ok()["room_version"],
        "10"
    );
    let capabilities = ada.get("/capabilities").await.ok();
    assert_eq!(
        capabilities["capabilities"]["m.room_versions"]["default"],
        "10"
    );
}

#[tokio::test]
async fn presets_set_who_can_join_and_what_they_may() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "private_chat" })).await;
    bo.post(&format!("/join/{}", encode(&room)), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
    let body = json!({ "preset": "trusted_private_chat", "invite": [bo.id], "is_direct": true });
    let trusted = ada.create_room(body).await;
    bo.join(&trusted).await;
    bo.set_state(
        &trusted,
        "m.room.power_levels",
        "",
        json!({ "users_default": 1 }),
    )
    .await
    .ok();
    let member = ada.state(&trusted, "m.room.member", &bo.id).await.ok();
    assert_eq!(member["membership"], "join");
    let old = json!({ "preset": "trusted_private_chat", "invite": [bo.id], "room_version": "10" });
    let old = ada.create_room(old).await;
    let levels = ada.state(&old, "m.room.power_levels", "").await.ok();
    assert_eq!(levels["users"][&bo.id], 100);
}

#[tokio::test]
async fn a_room_starts_with_what_was_asked_for() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada
        .create_room(json!({
            "name": "Tea", "topic": "Green", "room_alias_name": "tea", "visibility": "public",
            "creation_content": { "type": "m.space", "m.federate": false },
            "initial_state": [{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }],
            "power_level_content_override": { "events_default": 7 },
        }))
        .await;
    let state = ada
        .get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .ok();
    let content = |kind: &str| -> Value {
        let events = state.as_array().unwrap();
        events.iter().find(|event| event["type"] == kind).unwrap()["content"].clone()
    };
    assert_eq!(content("m.room.name")["name"], "Tea");
    assert_eq!(content("m.room.topic")["topic"], "Green");
    assert_eq!(content("m.room.create")["type"], "m.space");
    assert_eq!(content("m.room.create")["m.federate"], false);
    assert_eq!(content("m.room.canonical_alias")["alias"], "#tea:hs.test");
    assert_eq!(
        content("m.room.encryption")["algorithm"],
        "m.megolm.v1.aes-sha2"
    );
    assert_eq!(content("m.room.power_levels")["events_default"], 7);
    let taken = json!({ "room_alias_name": "tea" });
    ada.post("/createRoom", taken)
        .await
        .err(400, "M_ROOM_IN_USE");
    let bad = json!({ "initial_state": [{ "type": "m.room.create", "content": {} }] });
    ada.post("/createRoom", bad)
        .await
        .err(400, "M_INVALID_ROOM_STATE");
}

#[tokio::test]
async fn power_levels_decide_and_cannot_be_raised_from_below() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "room_version": "11" }))
        .await;
    bo.join(&room).await;
    let mut levels = ada.state(&room, "m.room.power_levels", "").await.ok();
    levels["users"][&bo.id] = json!(50);
    bo.set_state(&room, "m.room.power_levels", "", levels.clone())
        .await
        .err(403, "M_FORBIDDEN");
    bo.set_state(&room, "m.room.topic", "", json!({ "topic": "x" }))
        .await
        .err(403, "M_FORBIDDEN");
    ada.set_state(&room, "m.room.power_levels", "", levels)
        .await
        .ok();
    bo.set_state(&room, "m.room.topic", "", json!({ "topic": "x" }))
        .await
        .ok();
    assert_eq!(
        ada.state(&room, "m.room.topic", "").await.ok()["topic"],
        "x"
    );
}

#[tokio::test]
async fn addresses_lead_to_rooms_until_they_are_removed() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let path = format!("/directory/room/{}", encode("#tea:hs.test"));
    bo.put(&path, json!({ "room_id": room }))
        .await
        .err(403, "M_FORBIDDEN");
    ada.put(&path, json!({ "room_id": room })).await.ok();
    ada.put(&path, json!({ "room_id": room }))
        .await
        .err(409, "M_UNKNOWN");
    assert_eq!(bo.get(&path).await.ok()["room_id"], room);
    bo.join("#tea:hs.test").await;
    let aliases = bo
        .get(&format!("/rooms/{}/aliases", encode(&room)))
        .await
        .ok();
    assert_eq!(aliases["aliases"], json!(["#tea:hs.test"]));
    let wrong = json!({ "alias": "#other:hs.test" });
    ada.set_state(&room, "m.room.canonical_alias", "", wrong)
        .await
        .err(400, "M_BAD_ALIAS");
    ada.set_state(
        &room,
        "m.room.canonical_alias",
        "",
        json!({ "alias": "#tea:hs.test" }),
    )
    .await
    .ok();
    bo.delete(&path).await.err(403, "M_FORBIDDEN");
    ada.delete(&path).await.ok();
    bo.get(&path).await.err(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_directory_lists_published_rooms_only() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let tea = json!({ "preset": "public_chat", "visibility": "public", "name": "Tea" });
    let tea = ada.create_room(tea).await;
    let hidden = ada
        .create_room(json!({ "preset": "public_chat", "name": "Hidden" }))
        .await;
    let found = bo.get("/publicRooms").await.ok();
    assert_eq!(found["chunk"].as_array().unwrap().len(), 1);
    assert_eq!(found["chunk"][0]["room_id"], tea);
    let path = format!("/directory/list/room/{}", encode(&hidden));
    bo.put(&path, json!({ "visibility": "public" }))
        .await
        .err(403, "M_FORBIDDEN");
    ada.put(&path, json!({ "visibility": "public" })).await.ok();
    assert_eq!(bo.get(&path).await.ok()["visibility"], "public");
    let search = json!({ "filter": { "generic_search_term": "hid" }, "limit": 10 });
    let found = bo.post("/publicRooms", search).await.ok();
    assert_eq!(found["chunk"][0]["room_id"], hidden);
    assert_eq!(found["total_room_count_estimate"], 1);
}

#[tokio::test]
async fn state_can_be_read_as_content_or_as_event_by_members_only() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "name": "Tea" })).await;
    let path = format!("/rooms/{}/state/m.room.name", encode(&room));
    assert_eq!(ada.get(&path).await.ok(), json!({ "name": "Tea" }));
    assert_eq!(
        ada.get(&format!("{path}?format=event")).await.ok()["sender"],
        ada.id
    );
    ada.get(&format!("/rooms/{}/state/m.room.topic", encode(&room)))
        .await
        .err(404, "M_NOT_FOUND");
    bo.get(&path).await.err(403, "M_FORBIDDEN");
    bo.get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .err(403, "M_FORBIDDEN");
    ada.set_state(&room, "im.example", "key", json!({ "a": 1.5 }))
        .await
        .err(400, "M_BAD_JSON");
    let first = ada
        .set_state(&room, "im.example", "key", json!({ "a": 1 }))
        .await
        .ok();
    let again = ada
        .set_state(&room, "im.example", "key", json!({ "a": 1 }))
        .await
        .ok();
    assert_eq!(first, again);
}

#[tokio::test]
async fn a_summary_shows_open_rooms_to_all_and_closed_ones_to_the_invited() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let path = |room: &str| format!("/_matrix/client/v1/room_summary/{}", encode(room));
    let open = json!({ "preset": "public_chat", "name": "Tea", "room_alias_name": "tea" });
    let open = ada.create_room(open).await;
    let summary = bo.get(&path("#tea:hs.test")).await.ok();
    assert_eq!(
        (&summary["room_id"], &summary["name"]),
        (&json!(open), &json!("Tea"))
    );
    assert_eq!(summary["num_joined_members"], 1);
    let closed = ada.create_room(json!({ "name": "Secret" })).await;
    bo.get(&path(&closed)).await.err(404, "M_NOT_FOUND");
    ada.invite(&closed, &bo).await.ok();
    let summary = bo.get(&path(&closed)).await.ok();
    assert_eq!(
        (&summary["name"], &summary["membership"]),
        (&json!("Secret"), &json!("invite"))
    );
}
