//! Simplified sliding sync.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Reply, Server, User, texts, types};

const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

async fn ask(user: &User, pos: Option<&Value>, timeout: u32, body: Value) -> Reply {
    let pos = pos.map(|body| format!("&pos={}", body["pos"].as_str().unwrap()));
    user.post(
        &format!("{PATH}?timeout={timeout}{}", pos.unwrap_or_default()),
        body,
    )
    .await
}

fn list(first: usize, last: usize, timeline_limit: usize) -> Value {
    json!({ "lists": { "all": {
        "ranges": [[first, last]], "timeline_limit": timeline_limit,
        "required_state": [["m.room.name", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"]],
    } } })
}

#[tokio::test]
async fn a_window_shows_the_most_recent_rooms_and_then_what_changes() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let mut rooms = Vec::new();
    for idx in 0..5 {
        let body = json!({ "preset": "public_chat", "name": format!("Room {idx}") });
        rooms.push(ada.create_room(body).await);
    }
    bo.join(&rooms[0]).await;
    let first = ask(&ada, None, 0, list(0, 1, 1)).await.ok();
    assert_eq!(first["lists"]["all"]["count"], 5);
    let shown = first["rooms"].as_object().unwrap();
    assert_eq!(shown.len(), 2);
    let room = &shown[&rooms[0]];
    assert_eq!(
        (&room["initial"], &room["name"], &room["membership"]),
        (&json!(true), &json!("Room 0"), &json!("join"))
    );
    assert_eq!(
        (&room["joined_count"], &room["num_live"], &room["limited"]),
        (&json!(2), &json!(0), &json!(true))
    );
    assert_eq!(types(&room["timeline"]), ["m.room.member"]);
    let mut state: Vec<_> = room["required_state"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["state_key"].as_str().unwrap())
        .collect();
    state.sort_unstable();
    assert_eq!(state, ["", &ada.id, &bo.id]);

    let none = ask(&ada, Some(&first), 0, list(0, 1, 1)).await.ok();
    assert_eq!(none["rooms"], json!({}));
    bo.say(&rooms[0], "hello").await;
    let second = ask(&ada, Some(&none), 0, list(0, 1, 1)).await.ok();
    let room = &second["rooms"][&rooms[0]];
    assert_eq!(texts(&room["timeline"]), ["hello"]);
    assert!(
        room["initial"].is_null() && room["name"].is_null(),
        "{room}"
    );
    assert_eq!(
        (&room["num_live"], &room["limited"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(room["notification_count"], 1);

    let wider = ask(&ada, Some(&second), 0, list(0, 4, 1)).await.ok();
    assert_eq!(
        wider["rooms"].as_object().unwrap().len(),
        3,
        "only those not shown before"
    );
}

#[tokio::test]
async fn a_waiting_request_answers_within_milliseconds() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let first = ask(&bo, None, 0, list(0, 9, 1)).await.ok();
    let (waiter, asked) = (bo.clone(), first.clone());
    let wait = tokio::spawn(async move {
        let reply = ask(&waiter, Some(&asked), 20_000, list(0, 9, 1)).await.ok();
        (reply, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    ada.say(&room, "wake").await;
    let sent = Instant::now();
    let (reply, woken) = wait.await.unwrap();
    assert_eq!(texts(&reply["rooms"][&room]["timeline"]), ["wake"]);
    assert!(woken.saturating_duration_since(sent) < Duration::from_millis(500));
    let started = Instant::now();
    ask(&bo, Some(&reply), 300, list(0, 9, 1)).await.ok();
    assert!(started.elapsed() >= Duration::from_millis(290));
}

#[tokio::test]
async fn positions_can_be_repeated_but_not_invented() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let first = ask(&ada, None, 0, list(0, 9, 1)).await.ok();
    ada.say(&room, "one").await;
    let second = ask(&ada, Some(&first), 0, list(0, 9, 1)).await.ok();
    let again = ask(&ada, Some(&first), 0, list(0, 9, 1)).await.ok();
    assert_eq!(
        texts(&again["rooms"][&room]["timeline"]),
        texts(&second["rooms"][&room]["timeline"])
    );
    let third = ask(&ada, Some(&again), 0, list(0, 9, 1)).await.ok();
    assert_eq!(third["rooms"], json!({}));
    ask(&ada, Some(&first), 0, list(0, 9, 1))
        .await
        .err(400, "M_UNKNOWN_POS");
    ask(&bo, Some(&third), 0, list(0, 9, 1))
        .await
        .err(400, "M_UNKNOWN_POS");
    ask(&ada, Some(&json!({ "pos": "x" })), 0, list(0, 9, 1))
        .await
        .err(400, "M_UNKNOWN_POS");
    let page = format!(
        "/rooms/{}/messages?dir=b&limit=1&from={}",
        crate::support::encode(&room),
        third["pos"].as_str().unwrap()
    );
    assert_eq!(texts(&ada.get(&page).await.ok()["chunk"]), ["one"]);
}

#[tokio::test]
async fn a_subscription_gives_more_history_at_once() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "N", "topic": "T" }))
        .await;
    let secret = bo.create_room(json!({})).await;
    for idx in 0..10 {
        ada.say(&room, &idx.to_string()).await;
    }
    let first = ask(&ada, None, 0, list(0, 9, 1)).await.ok();
    assert_eq!(texts(&first["rooms"][&room]["timeline"]), ["9"]);
    let mut body = list(0, 9, 1);
    let wanted = json!({ "timeline_limit": 5, "required_state": [["m.room.topic", ""]] });
    body["room_subscriptions"] = json!({ &room: wanted, &secret: wanted });
    let second = ask(&ada, Some(&first), 5000, body.clone()).await.ok();
    let shown = &second["rooms"][&room];
    assert_eq!(texts(&shown["timeline"]), ["5", "6", "7", "8", "9"]);
    assert_eq!(shown["unstable_expanded_timeline"], true);
    assert!(types(&shown["required_state"]).contains(&"m.room.topic".to_owned()));
    assert!(
        second["rooms"][&secret].is_null(),
        "a stranger's room is not shown"
    );
    let third = ask(&ada, Some(&second), 0, body).await.ok();
    assert_eq!(third["rooms"], json!({}));
}

#[tokio::test]
async fn invitations_show_stripped_state_and_become_rooms() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let first = ask(&bo, None, 0, list(0, 9, 1)).await.ok();
    let room = ada
        .create_room(json!({ "name": "Tea", "invite": [bo.id] }))
        .await;
    let second = ask(&bo, Some(&first), 5000, list(0, 9, 1)).await.ok();
    let shown = &second["rooms"][&room];
    assert_eq!(shown["membership"], "invite");
    assert!(
        types(&shown["invite_state"]).contains(&"m.room.name".to_owned()),
        "{shown}"
    );
    assert!(shown["timeline"].is_null());
    bo.join(&room).await;
    let third = ask(&bo, Some(&second), 5000, list(0, 9, 5)).await.ok();
    let shown = &third["rooms"][&room];
    assert_eq!(
        (&shown["membership"], &shown["initial"], &shown["name"]),
        (&json!("join"), &json!(true), &json!("Tea"))
    );
    ada.post(
        &format!("/rooms/{}/kick", crate::support::encode(&room)),
        json!({ "user_id": bo.id }),
    )
    .await
    .ok();
    ada.say(&room, "secret").await;
    let fourth = ask(&bo, Some(&third), 5000, list(0, 9, 5)).await.ok();
    let shown = &fourth["rooms"][&room];
    assert_eq!(shown["membership"], "leave");
    assert_eq!(types(&shown["timeline"]), ["m.room.member"]);
}

#[tokio::test]
async fn filters_choose_rooms() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let encryption = json!([{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }]);
    let direct = ada
        .create_room(json!({ "invite": [bo.id], "initial_state": encryption }))
        .await;
    let space = ada
        .create_room(json!({ "creation_content": { "type": "m.space" } }))
        .await;
    let child = ada.create_room(json!({})).await;
    let invite = bo.create_room(json!({ "invite": [ada.id] })).await;
    ada.set_state(
        &space,
        "m.space.child",
        &child,
        json!({ "via": ["hs.test"] }),
    )
    .await
    .ok();
    let user = crate::support::encode(&ada.id);
    ada.put(
        &format!("/user/{user}/account_data/m.direct"),
        json!({ &bo.id: [direct] }),
    )
    .await
    .ok();
    let cases = [
        (json!({ "is_dm": true }), vec![&direct]),
        (json!({ "is_encrypted": true }), vec![&direct]),
        (json!({ "is_invite": true }), vec![&invite]),
        (json!({ "room_types": ["m.space"] }), vec![&space]),
        (
            json!({ "not_room_types": ["m.space"], "is_dm": false, "is_invite": false }),
            vec![&child],
        ),
        (json!({ "spaces": [space] }), vec![&child]),
        (json!({}), vec![&direct, &space, &child, &invite]),
    ];
    for (filters, expected) in cases {
        let mut body = list(0, 9, 1);
        body["lists"]["all"]["filters"] = filters.clone();
        let reply = ask(&ada, None, 0, body).await.ok();
        let mut shown: Vec<_> = reply["rooms"].as_object().unwrap().keys().collect();
        let mut expected = expected;
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected, "{filters}");
        assert_eq!(reply["lists"]["all"]["count"], expected.len());
    }
}

#[tokio::test]
async fn extensions_bring_the_rest() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let mut body = list(0, 9, 1);
    body["extensions"] = json!({
        "to_device": { "enabled": true }, "e2ee": { "enabled": true }, "account_data": { "enabled": true },
        "receipts": { "enabled": true }, "typing": { "enabled": true },
    });
    let first = ask(&bo, None, 0, body.clone()).await.ok();
    let extensions = &first["extensions"];
    assert_eq!(
        extensions["e2ee"]["device_one_time_keys_count"]["signed_curve25519"],
        0
    );
    assert!(types(&extensions["account_data"]["global"]).contains(&"m.push_rules".to_owned()));
    body["extensions"]["to_device"]["since"] = extensions["to_device"]["next_batch"].clone();

    let message = json!({ "messages": { &bo.id: { "*": { "n": 1 } } } });
    ada.put("/sendToDevice/im.example/1", message).await.ok();
    let second = ask(&bo, Some(&first), 5000, body.clone()).await.ok();
    let to_device = &second["extensions"]["to_device"];
    assert_eq!(to_device["events"][0]["content"]["n"], 1);
    body["extensions"]["to_device"]["since"] = to_device["next_batch"].clone();

    let encoded = crate::support::encode(&room);
    let typing = format!(
        "/rooms/{encoded}/typing/{}",
        crate::support::encode(&ada.id)
    );
    ada.put(&typing, json!({ "typing": true, "timeout": 30_000 }))
        .await
        .ok();
    let third = ask(&bo, Some(&second), 5000, body.clone()).await.ok();
    let content = &third["extensions"]["typing"]["rooms"][&room]["content"];
    assert_eq!(content["user_ids"], json!([ada.id]), "{third}");
    assert!(third["extensions"]["to_device"].is_null());

    let event = ada.say(&room, "read me").await;
    let receipt = format!(
        "/rooms/{encoded}/receipt/m.read/{}",
        crate::support::encode(&event)
    );
    let fourth = ask(&bo, Some(&third), 5000, body.clone()).await.ok();
    ada.post(&receipt, json!({})).await.ok();
    let fifth = ask(&bo, Some(&fourth), 5000, body.clone()).await.ok();
    let content = &fifth["extensions"]["receipts"]["rooms"][&room]["content"];
    assert!(content[&event]["m.read"][&ada.id].is_object(), "{fifth}");

    let tags = format!(
        "/user/{}/rooms/{encoded}/tags/m.favourite",
        crate::support::encode(&bo.id)
    );
    bo.put(&tags, json!({ "order": 0.5 })).await.ok();
    let sixth = ask(&bo, Some(&fifth), 5000, body).await.ok();
    assert_eq!(
        types(&sixth["extensions"]["account_data"]["rooms"][&room]),
        ["m.tag"]
    );
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let server = Server::start_with("[sync]\nsliding_sync = false\n").await;
    let ada = server.register("ada").await;
    ask(&ada, None, 0, list(0, 9, 1))
        .await
        .err(404, "M_UNRECOGNIZED");
    let versions = ada.get("/_matrix/client/versions").await.ok();
    assert_ne!(
        versions["unstable_features"]["org.matrix.simplified_msc3575"],
        true
    );
    ada.sync("").await;
}
