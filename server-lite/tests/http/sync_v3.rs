//! `/sync`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, encode, texts, types};

fn next(sync: &Value) -> String {
    sync["next_batch"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_sync_has_rooms_and_later_ones_what_changed() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Tea" }))
        .await;
    bo.join(&room).await;
    ada.say(&room, "hello").await;
    let sync = bo.sync("").await;
    let joined = &sync["rooms"]["join"][&room];
    assert_eq!(texts(&joined["timeline"]["events"]), ["hello"]);
    assert_eq!(joined["summary"]["m.joined_member_count"], 2);
    assert_eq!(sync["device_one_time_keys_count"]["signed_curve25519"], 0);
    let mut all = types(&joined["state"]["events"]);
    all.extend(types(&joined["timeline"]["events"]));
    for kind in [
        "m.room.create",
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.name",
    ] {
        assert_eq!(
            all.iter().filter(|found| *found == kind).count(),
            1,
            "{kind}: {all:?}"
        );
    }
    let empty = bo.sync(&format!("since={}", next(&sync))).await;
    assert!(empty["rooms"].is_null(), "{empty}");
    ada.say(&room, "again").await;
    let sync = bo.sync(&format!("since={}", next(&empty))).await;
    let joined = &sync["rooms"]["join"][&room];
    assert_eq!(texts(&joined["timeline"]["events"]), ["again"]);
    assert_eq!(
        (&joined["timeline"]["limited"], &joined["state"]["events"]),
        (&json!(false), &json!([]))
    );
    bo.get("/sync?since=nonsense")
        .await
        .err(400, "M_INVALID_PARAM");
    bo.get("/sync?filter=99").await.err(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_waiting_sync_answers_within_milliseconds() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let since = next(&bo.sync("").await);
    let waiter = bo.clone();
    let wait = tokio::spawn(async move {
        let sync = waiter.sync(&format!("since={since}&timeout=20000")).await;
        (sync, Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    ada.say(&room, "wake").await;
    let sent = Instant::now();
    let (sync, woken) = wait.await.unwrap();
    assert_eq!(
        texts(&sync["rooms"]["join"][&room]["timeline"]["events"]),
        ["wake"]
    );
    assert!(woken.saturating_duration_since(sent) < Duration::from_millis(500));
    let started = Instant::now();
    bo.sync(&format!("since={}&timeout=300", next(&sync))).await;
    assert!(started.elapsed() >= Duration::from_millis(290));
}

#[tokio::test]
async fn a_long_absence_gives_a_gap_with_the_state_that_changed_in_it() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let since = next(&bo.sync("").await);
    ada.set_state(&room, "m.room.topic", "", json!({ "topic": "1" }))
        .await
        .ok();
    ada.set_state(&room, "m.room.topic", "", json!({ "topic": "2" }))
        .await
        .ok();
    for idx in 0..15 {
        ada.say(&room, &idx.to_string()).await;
    }
    ada.set_state(&room, "m.room.name", "", json!({ "name": "n" }))
        .await
        .ok();
    let sync = bo.sync(&format!("since={since}")).await;
    let joined = &sync["rooms"]["join"][&room];
    assert_eq!(joined["timeline"]["limited"], true);
    assert_eq!(joined["timeline"]["events"].as_array().unwrap().len(), 10);
    let state = joined["state"]["events"].as_array().unwrap();
    assert_eq!(state.len(), 1, "{state:?}");
    assert_eq!(state[0]["content"]["topic"], "2");
    assert_eq!(state[0]["unsigned"]["prev_content"]["topic"], "1");
    let from = joined["timeline"]["prev_batch"].as_str().unwrap();
    let page = bo
        .get(&format!(
            "/rooms/{}/messages?dir=b&from={from}&limit=100",
            encode(&room)
        ))
        .await
        .ok();
    assert_eq!(texts(&page["chunk"]).first().unwrap(), "5");
    let after = bo
        .sync(&format!("since={since}&use_state_after=true"))
        .await;
    let after = types(&after["rooms"]["join"][&room]["state_after"]["events"]);
    assert_eq!(after, ["m.room.topic", "m.room.name"]);
}

#[tokio::test]
async fn filters_and_lazy_loading_leave_things_out() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    for idx in 0..5 {
        let user = server.register(&format!("u{idx}")).await;
        user.join(&room).await;
    }
    ada.say(&room, "hello").await;
    let filter = json!({ "room": {
        "timeline": { "limit": 1, "types": ["m.room.message"] }, "state": { "lazy_load_members": true },
    } });
    let id = ada
        .post(&format!("/user/{}/filter", encode(&ada.id)), filter)
        .await
        .ok();
    let sync = ada
        .sync(&format!("filter={}", id["filter_id"].as_str().unwrap()))
        .await;
    let joined = &sync["rooms"]["join"][&room];
    assert_eq!(texts(&joined["timeline"]["events"]), ["hello"]);
    let state = joined["state"]["events"].as_array().unwrap();
    let members: Vec<_> = state
        .iter()
        .filter(|event| event["type"] == "m.room.member")
        .collect();
    assert_eq!(members.len(), 1, "{members:?}");
    assert_eq!(joined["summary"]["m.heroes"].as_array().unwrap().len(), 5);
    let other = encode(&json!({ "room": { "not_rooms": [room] } }).to_string());
    assert!(ada.sync(&format!("filter={other}")).await["rooms"].is_null());
}

#[tokio::test]
async fn leaving_and_being_banned_are_told_once_up_to_that_moment() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let since = next(&bo.sync("").await);
    ada.say(&room, "seen").await;
    ada.post(
        &format!("/rooms/{}/ban", encode(&room)),
        json!({ "user_id": bo.id }),
    )
    .await
    .ok();
    ada.say(&room, "unseen").await;
    let sync = bo.sync(&format!("since={since}")).await;
    assert!(sync["rooms"]["join"].is_null());
    let left = &sync["rooms"]["leave"][&room]["timeline"]["events"];
    assert_eq!(types(left), ["m.room.message", "m.room.member"]);
    assert_eq!(texts(left), ["seen"]);
    let later = bo.sync(&format!("since={}", next(&sync))).await;
    assert!(later["rooms"].is_null(), "{later}");
    assert!(bo.sync("").await["rooms"]["leave"].is_null());
    let filter = encode(&json!({ "room": { "include_leave": true } }).to_string());
    assert!(bo.sync(&format!("filter={filter}")).await["rooms"]["leave"][&room].is_object());
}

#[tokio::test]
async fn device_lists_name_those_who_came_and_went() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let since = next(&ada.sync("").await);
    bo.join(&room).await;
    let sync = ada.sync(&format!("since={since}")).await;
    assert_eq!(sync["device_lists"]["changed"], json!([bo.id]));
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    let sync = ada.sync(&format!("since={}", next(&sync))).await;
    assert_eq!(sync["device_lists"], json!({ "left": [bo.id] }));
}

#[tokio::test]
async fn to_device_messages_come_until_acknowledged() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let since = next(&bo.sync("").await);
    for idx in 0..130 {
        let body = json!({ "messages": { &bo.id: { "*": { "n": idx } } } });
        ada.put(&format!("/sendToDevice/im.example/t{idx}"), body)
            .await
            .ok();
    }
    let query = format!("since={since}");
    let first = bo.sync(&query).await;
    assert_eq!(first["to_device"]["events"].as_array().unwrap().len(), 100);
    assert_eq!(bo.sync(&query).await["to_device"], first["to_device"]);
    let second = bo.sync(&format!("since={}", next(&first))).await;
    let rest = second["to_device"]["events"].as_array().unwrap();
    assert_eq!((rest.len(), &rest[0]["content"]["n"]), (30, &json!(100)));
    let third = bo.sync(&format!("since={}", next(&second))).await;
    assert!(third["to_device"].is_null());
}

#[tokio::test]
async fn profile_changes_reach_the_rooms() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let since = next(&bo.sync("").await);
    let path = format!("/profile/{}/displayname", encode(&ada.id));
    ada.put(&path, json!({ "displayname": "Ada L." }))
        .await
        .ok();
    let sync = bo.sync(&format!("since={since}")).await;
    let event = &sync["rooms"]["join"][&room]["timeline"]["events"][0];
    assert_eq!(event["content"]["displayname"], "Ada L.", "{sync}");
    bo.put(&path, json!({ "displayname": "x" }))
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn ignored_users_are_not_heard() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let list = json!({ "ignored_users": { &ada.id: {} } });
    let path = format!("/user/{}/account_data/m.ignored_user_list", encode(&bo.id));
    bo.put(&path, list).await.ok();
    ada.say(&room, "noise").await;
    let sync = bo.sync("").await;
    assert!(texts(&sync["rooms"]["join"][&room]["timeline"]["events"]).is_empty());
}
