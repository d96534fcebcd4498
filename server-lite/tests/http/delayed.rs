//! Events that are sent later (MSC4140).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, User, encode, texts};

const BASE: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";

async fn say_later(user: &User, room: &str, text: &str, delay: u64, txn: &str) -> String {
    let path = format!(
        "/rooms/{}/send/m.room.message/{txn}?org.matrix.msc4140.delay={delay}",
        encode(room)
    );
    let sent = user
        .put(&path, json!({ "msgtype": "m.text", "body": text }))
        .await
        .ok();
    assert!(sent.get("event_id").is_none(), "{sent}");
    sent["delay_id"].as_str().unwrap().to_owned()
}

async fn act(user: &User, delay_id: &str, action: &str) -> crate::support::Reply {
    user.post(&format!("{BASE}/{delay_id}"), json!({ "action": action }))
        .await
}

async fn eventually_reads(user: &User, room: &str, expected: &[&str]) {
    let started = Instant::now();
    while user.history(room).await != expected {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            user.history(room).await
        );
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn a_delayed_message_arrives_when_it_is_due_and_not_before() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let versions = ada.get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.msc4140"], true);
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    let started = Instant::now();
    say_later(&ada, &room, "later", 700, "1").await;
    say_later(&ada, &room, "never", 60_000, "2").await;
    // A sync that waits is woken by it.
    let filter = encode(r#"{"presence":{"types":[]},"room":{"ephemeral":{"types":[]}}}"#);
    let seen = bo
        .sync(&format!("since={since}&timeout=10000&filter={filter}"))
        .await;
    assert!(started.elapsed() >= Duration::from_millis(650));
    let timeline = &seen["rooms"]["join"][&room]["timeline"]["events"];
    assert_eq!(texts(timeline), ["later"]);
    assert_eq!(timeline[0]["sender"], ada.id);
}

#[tokio::test]
async fn its_sender_restarts_sends_and_cancels_it() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let sent = say_later(&ada, &room, "sent now", 60_000, "1").await;
    assert_eq!(say_later(&ada, &room, "sent now", 60_000, "1").await, sent);
    let cancelled = say_later(&ada, &room, "cancelled", 60_000, "2").await;
    let restarted = say_later(&ada, &room, "restarted", 6_000, "3").await;
    let listed = ada.get(BASE).await.ok();
    let list = listed["delayed_events"].as_array().unwrap();
    assert_eq!(list.len(), 3, "{listed}");
    assert_eq!(
        (&list[0]["delay_id"], &list[0]["delay"]),
        (&json!(restarted), &json!(6000))
    );
    act(&ada, &sent, "send").await.ok();
    assert_eq!(ada.history(&room).await, ["sent now"]);
    act(&ada, &cancelled, "cancel").await.ok();
    act(&ada, &cancelled, "cancel")
        .await
        .err(404, "M_NOT_FOUND");
    act(&ada, &restarted, "dance")
        .await
        .err(400, "M_INVALID_PARAM");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The later form of the proposal needs no token.
    let path = format!("{BASE}/{restarted}/restart");
    let restarted_at = Instant::now();
    server
        .call(reqwest::Method::POST, &path, None, Some(json!({})))
        .await
        .ok();
    eventually_reads(&ada, &room, &["sent now", "restarted"]).await;
    assert!(restarted_at.elapsed() >= Duration::from_secs(6));
    assert_eq!(ada.get(BASE).await.ok()["delayed_events"], json!([]));
}

#[tokio::test]
async fn a_call_membership_ends_by_itself_unless_it_has_been_replaced() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let kind = "org.matrix.msc3401.call.member";
    let room = ada
        .create_room(json!({ "preset": "public_chat", "power_level_content_override": { "events": { kind: 0 } } }))
        .await;
    bo.join(&room).await;
    let path = |key: &str, delay: u64| {
        format!(
            "/rooms/{}/state/{kind}/{}?org.matrix.msc4140.delay={delay}",
            encode(&room),
            encode(key)
        )
    };
    let call = json!({ "application": "m.call" });
    bo.set_state(&room, kind, "_bo", call.clone()).await.ok();
    bo.put(&path("_bo", 400), json!({})).await.ok();
    let started = Instant::now();
    while ada.state(&room, kind, "_bo").await.ok() != json!({}) {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    // State that somebody else has set meanwhile stays.
    bo.put(&path("_shared", 500), json!({})).await.ok();
    ada.set_state(&room, kind, "_shared", call.clone())
        .await
        .ok();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(ada.state(&room, kind, "_shared").await.ok(), call);
}

#[tokio::test]
async fn only_what_could_be_sent_now_can_be_sent_later() {
    let mut server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let path = |query: &str| format!("/rooms/{}/send/m.room.message/1?{query}", encode(&room));
    let text = json!({ "msgtype": "m.text", "body": "x" });
    let delay = |ms: u64| format!("org.matrix.msc4140.delay={ms}");
    bo.put(&path(&delay(10)), text.clone())
        .await
        .err(403, "M_FORBIDDEN");
    ada.put(&path("org.matrix.msc4140.delay=soon"), text.clone())
        .await
        .err(400, "M_INVALID_PARAM");
    ada.put(&path(&delay(1 << 40)), text)
        .await
        .err(400, "M_MAX_DELAY_EXCEEDED");
    // Whoever has left by then says nothing; and a restart loses nothing.
    bo.join(&room).await;
    say_later(&bo, &room, "I am gone", 5_000, "a").await;
    say_later(&ada, &room, "still there", 5_000, "b").await;
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    server.stop();
    server.spawn();
    let mut ada = ada;
    ada.base.clone_from(&server.base);
    eventually_reads(&ada, &room, &["still there"]).await;
    let left: Value = ada.get(BASE).await.ok();
    assert_eq!(left["delayed_events"], json!([]));
}
