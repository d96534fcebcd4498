//! Typing, receipts, read markers, unread counts.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

fn counts(sync: &Value, room: &str) -> (u64, u64) {
    let counts = &sync["rooms"]["join"][room]["unread_notifications"];
    (
        counts["notification_count"].as_u64().unwrap_or(99),
        counts["highlight_count"].as_u64().unwrap_or(99),
    )
}

async fn pair(server: &Server) -> (User, User, String) {
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    (ada, bo, room)
}

#[tokio::test]
async fn typing_is_seen_by_others_and_runs_out() {
    let server = Server::start().await;
    let (ada, bo, room) = pair(&server).await;
    let path = |user: &User| format!("/rooms/{}/typing/{}", encode(&room), encode(&user.id));
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    ada.put(&path(&ada), json!({ "typing": true, "timeout": 700 }))
        .await
        .ok();
    let sync = bo.sync(&format!("since={since}&timeout=5000")).await;
    let event = &sync["rooms"]["join"][&room]["ephemeral"]["events"][0];
    assert_eq!(
        *event,
        json!({ "type": "m.typing", "content": { "user_ids": [ada.id] } })
    );
    let since = sync["next_batch"].as_str().unwrap();
    let sync = bo.sync(&format!("since={since}&timeout=5000")).await;
    let event = &sync["rooms"]["join"][&room]["ephemeral"]["events"][0];
    assert_eq!(event["content"]["user_ids"], json!([]), "{sync}");
    ada.put(&path(&bo), json!({ "typing": true, "timeout": 1000 }))
        .await
        .err(403, "M_FORBIDDEN");
    let cy = server.register("cy").await;
    cy.put(&path(&cy), json!({ "typing": true, "timeout": 1000 }))
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn public_receipts_are_seen_by_all_and_private_ones_by_oneself() {
    let server = Server::start().await;
    let (ada, bo, room) = pair(&server).await;
    let event = ada.say(&room, "hello").await;
    let since = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = |kind: &str, event: &str| {
        format!("/rooms/{}/receipt/{kind}/{}", encode(&room), encode(event))
    };
    bo.post(&path("m.read.private", &event), json!({}))
        .await
        .ok();
    let sync = ada.sync(&format!("since={since}")).await;
    assert!(
        sync["rooms"]["join"][&room]["ephemeral"]["events"][0].is_null(),
        "{sync}"
    );
    bo.post(&path("m.read", &event), json!({})).await.ok();
    let sync = ada.sync(&format!("since={since}")).await;
    let content = &sync["rooms"]["join"][&room]["ephemeral"]["events"][0]["content"];
    assert!(content[&event]["m.read"][&bo.id]["ts"].is_u64(), "{sync}");
    assert!(content[&event]["m.read.private"].is_null());
    bo.post(&path("m.read", "$nothing"), json!({}))
        .await
        .err(404, "M_NOT_FOUND");
    server
        .register("cy")
        .await
        .post(&path("m.read", &event), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn unread_counts_rise_with_messages_and_fall_with_receipts() {
    let server = Server::start().await;
    let (ada, bo, room) = pair(&server).await;
    let first = ada.say(&room, "one").await;
    let mention =
        json!({ "msgtype": "m.text", "body": "bo!", "m.mentions": { "user_ids": [bo.id] } });
    ada.send(&room, "m.room.message", mention).await.ok();
    let sync = bo.sync("").await;
    assert_eq!(counts(&sync, &room), (2, 1));
    assert_eq!(counts(&ada.sync("").await, &room), (0, 0));
    let since = sync["next_batch"].as_str().unwrap();
    let path = format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&first));
    bo.post(&path, json!({})).await.ok();
    let sync = bo.sync(&format!("since={since}")).await;
    assert_eq!(counts(&sync, &room), (1, 1));
    let last = ada.say(&room, "three").await;
    let markers = json!({ "m.fully_read": last, "m.read": last });
    bo.post(&format!("/rooms/{}/read_markers", encode(&room)), markers)
        .await
        .ok();
    let sync = bo.sync("").await;
    assert_eq!(counts(&sync, &room), (0, 0));
    let data = &sync["rooms"]["join"][&room]["account_data"]["events"];
    assert_eq!(data[0]["content"]["event_id"], json!(last), "{data}");
}

#[tokio::test]
async fn threads_are_counted_apart_where_the_client_wants_it() {
    let server = Server::start().await;
    let (ada, bo, room) = pair(&server).await;
    let root = ada.say(&room, "root").await;
    let reply = json!({
        "msgtype": "m.text", "body": "reply",
        "m.relates_to": { "rel_type": "m.thread", "event_id": root },
    });
    ada.send(&room, "m.room.message", reply).await.ok();
    assert_eq!(counts(&bo.sync("").await, &room), (2, 0));
    let filter = json!({ "room": { "timeline": { "unread_thread_notifications": true } } });
    let query = format!("filter={}", encode(&filter.to_string()));
    let sync = bo.sync(&query).await;
    assert_eq!(counts(&sync, &room), (1, 0));
    let threads = &sync["rooms"]["join"][&room]["unread_thread_notifications"];
    assert_eq!(threads[&root]["notification_count"], 1);
    let path = format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&root));
    bo.post(&path, json!({ "thread_id": "main" })).await.ok();
    let sync = bo.sync(&query).await;
    assert_eq!(counts(&sync, &room), (0, 0));
    let threads = &sync["rooms"]["join"][&room]["unread_thread_notifications"];
    assert_eq!(threads[&root]["notification_count"], 1);
}

#[tokio::test]
async fn who_answers_has_read_what_was_said() {
    let server = Server::start().await;
    let (ada, bo, room) = pair(&server).await;
    let say = |n: u32| format!("/rooms/{}/send/m.room.message/answer{n}", encode(&room));
    let text = json!({ "msgtype": "m.text", "body": "hello" });
    for n in 0..2 {
        ada.put(&say(n), text.clone()).await.ok();
    }
    let sync = bo.sync("").await;
    assert_eq!(counts(&sync, &room).0, 2, "{sync}");
    let since = sync["next_batch"].as_str().unwrap().to_owned();
    bo.put(&say(2), text.clone()).await.ok();
    let sync = bo.sync(&format!("since={since}")).await;
    assert_eq!(counts(&sync, &room).0, 0, "{sync}");
    let sync = ada.sync("").await;
    assert_eq!(
        counts(&sync, &room).0,
        1,
        "only the answer is new to the other: {sync}"
    );
}
