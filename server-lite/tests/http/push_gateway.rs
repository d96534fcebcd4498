//! Telling push gateways.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};

use crate::support::{Server, User, encode};

const ALLOWED: &str = "[testing]\nprivate_addresses = true\n";

#[derive(Default)]
struct Told {
    bodies: Vec<Value>,
    /// What to answer; 200 without rejections once this is empty.
    answers: VecDeque<(u16, Value)>,
}

/// A gateway that remembers what it was told.
#[derive(Clone, Default)]
struct Gateway {
    told: Arc<Mutex<Told>>,
    url: String,
}

impl Gateway {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/_matrix/push/v1/notify",
            listener.local_addr().unwrap()
        );
        let gateway = Self {
            url,
            ..Self::default()
        };
        let app = Router::new()
            .route("/_matrix/push/v1/notify", post(Self::take))
            .with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        gateway
    }

    async fn take(
        State(gateway): State<Self>,
        Json(body): Json<Value>,
    ) -> (StatusCode, Json<Value>) {
        let mut told = gateway.told.lock().unwrap();
        told.bodies.push(body);
        let (status, answer) = told
            .answers
            .pop_front()
            .unwrap_or((200, json!({ "rejected": [] })));
        (StatusCode::from_u16(status).unwrap(), Json(answer))
    }

    fn answer(&self, status: u16, body: Value) {
        self.told.lock().unwrap().answers.push_back((status, body));
    }

    fn bodies(&self) -> Vec<Value> {
        let bodies = self.told.lock().unwrap().bodies.clone();
        bodies
            .into_iter()
            .map(|mut body| body["notification"].take())
            .collect()
    }

    /// Waits until it was told so many times, and a little longer to see that it stays at that.
    async fn told(&self, n: usize) -> Vec<Value> {
        let started = Instant::now();
        while self.bodies().len() < n {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{:?}",
                self.bodies()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let bodies = self.bodies();
        assert_eq!(bodies.len(), n, "{bodies:?}");
        bodies
    }

    async fn push_to(&self, user: &User, format: Option<&str>) {
        let mut data = json!({ "url": self.url, "extra": 7 });
        if let Some(format) = format {
            data["format"] = json!(format);
        }
        let pusher = json!({
            "app_id": "im.hardline", "pushkey": format!("key of {}", user.id), "kind": "http",
            "app_display_name": "Hardline", "device_display_name": "Phone", "lang": "en", "data": data,
        });
        user.post("/pushers/set", pusher).await.ok();
    }
}

async fn room_of_two(ada: &User, bo: &User) -> String {
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Tea" }))
        .await;
    bo.join(&room).await;
    room
}

#[tokio::test]
async fn a_gateway_is_told_what_notifies_and_nothing_else() {
    let (server, gateway) = (Server::start_with(ALLOWED).await, Gateway::start().await);
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = room_of_two(&ada, &bo).await;
    ada.say(&room, "before there was a pusher").await;
    gateway.push_to(&bo, None).await;
    gateway.push_to(&cy, Some("event_id_only")).await;
    bo.say(&room, "what one says oneself notifies nobody").await;
    let mention =
        json!({ "msgtype": "m.text", "body": "hey", "m.mentions": { "user_ids": [bo.id] } });
    let sent = ada.send(&room, "m.room.message", mention).await.ok();
    let told = gateway.told(1).await;
    let told = &told[0];
    assert_eq!(
        (&told["event_id"], &told["room_id"]),
        (&sent["event_id"], &json!(room))
    );
    assert_eq!(
        (
            &told["type"],
            &told["sender"],
            &told["room_name"],
            &told["content"]["body"]
        ),
        (
            &json!("m.room.message"),
            &json!(ada.id),
            &json!("Tea"),
            &json!("hey")
        )
    );
    assert_eq!(told["counts"]["unread"], 1);
    let device = &told["devices"][0];
    assert_eq!(
        (
            &device["pushkey"],
            &device["app_id"],
            &device["tweaks"]["highlight"]
        ),
        (
            &json!(format!("key of {}", bo.id)),
            &json!("im.hardline"),
            &json!(true)
        )
    );
    assert_eq!(
        device["data"],
        json!({ "extra": 7 }),
        "the address itself is not told"
    );

    // cy wants identifiers alone, and hears of an invitation.
    ada.invite(&room, &cy).await.ok();
    let told = gateway.told(2).await;
    assert!(
        told[1]["event_id"].is_string() && told[1].get("sender").is_none(),
        "{}",
        told[1]
    );
    assert_eq!(
        told[1]["devices"][0]["pushkey"],
        format!("key of {}", cy.id)
    );
    assert_eq!(told[1]["devices"][0]["data"]["format"], "event_id_only");
}

#[tokio::test]
async fn a_gateway_that_fails_is_told_again_and_a_restart_loses_nothing() {
    let (mut server, gateway) = (Server::start_with(ALLOWED).await, Gateway::start().await);
    let (mut ada, mut bo) = (server.register("ada").await, server.register("bo").await);
    let room = room_of_two(&ada, &bo).await;
    gateway.push_to(&bo, Some("event_id_only")).await;
    gateway.answer(500, json!({}));
    gateway.answer(502, json!({}));
    let sent = ada.say(&room, "are you there?").await;
    let started = Instant::now();
    let told = gateway.told(3).await;
    assert!(told.iter().all(|body| body["event_id"] == sent), "{told:?}");
    assert!(
        started.elapsed() >= Duration::from_millis(2_500),
        "it waits, longer each time"
    );

    for _ in 0..2 {
        gateway.answer(503, json!({}));
    }
    let sent = ada.say(&room, "and now?").await;
    gateway.told(4).await;
    server.kill();
    server.spawn();
    ada.base.clone_from(&server.base);
    bo.base.clone_from(&server.base);
    let told = gateway.told(6).await;
    assert_eq!(told[5]["event_id"], sent);

    // What has been read need not be told any more.
    gateway.answer(500, json!({}));
    let read = ada.say(&room, "read elsewhere").await;
    gateway.told(7).await;
    let receipt = format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&read));
    bo.post(&receipt, json!({})).await.ok();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    gateway.told(7).await;
}

#[tokio::test]
async fn a_pusher_that_its_gateway_refuses_is_gone() {
    let (server, gateway) = (Server::start_with(ALLOWED).await, Gateway::start().await);
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = room_of_two(&ada, &bo).await;
    gateway.push_to(&bo, None).await;
    gateway.answer(200, json!({ "rejected": [format!("key of {}", bo.id)] }));
    ada.say(&room, "one").await;
    gateway.told(1).await;
    ada.say(&room, "two").await;
    gateway.told(1).await;
    assert_eq!(bo.get("/pushers").await.ok()["pushers"], json!([]));
}

#[tokio::test]
async fn nobody_makes_the_server_speak_to_its_own_network() {
    let (server, gateway) = (Server::start().await, Gateway::start().await);
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = room_of_two(&ada, &bo).await;
    gateway.push_to(&bo, None).await;
    ada.say(&room, "hello").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.told(0).await;
}

#[tokio::test]
async fn a_gateway_hears_nothing_of_whom_its_user_does_not_want_to_hear() {
    let (server, gateway) = (Server::start_with(ALLOWED).await, Gateway::start().await);
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = room_of_two(&ada, &bo).await;
    cy.join(&room).await;
    gateway.push_to(&bo, None).await;
    let ignored = json!({ "ignored_users": { &ada.id: {} } });
    bo.set_account_data("m.ignored_user_list", ignored).await;
    ada.say(&room, "bo, hear me").await;
    ada.create_room(json!({ "invite": [bo.id] })).await;
    let unseen = json!({ "ignored_users": [cy.id] });
    bo.set_account_data("org.matrix.msc4155.invite_permission_config", unseen)
        .await;
    cy.create_room(json!({ "invite": [bo.id] })).await;
    let said = cy.say(&room, "hello").await;
    let told = gateway.told(1).await;
    assert_eq!(told[0]["event_id"], said);
    assert_eq!(told[0]["counts"]["unread"], 1);
}
