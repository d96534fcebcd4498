//! What an application service is told.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::service::{BOT, Service, wait_for};
use crate::support::{Server, User, encode};

async fn public_room(user: &User) -> String {
    user.create_room(json!({ "preset": "public_chat", "name": "Tea" }))
        .await
}

#[tokio::test]
async fn it_hears_the_rooms_of_its_users_and_no_others() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let (room, other) = (public_room(&ada).await, public_room(&ada).await);
    ada.say(&room, "before it came").await;
    let ghost = bot.ghost_in("_br_cy", &room).await;
    let sent = ada.say(&room, "hello").await;
    ada.say(&other, "nobody is here").await;
    let reply = format!("/rooms/{}/send/m.room.message/1", encode(&room));
    let body = json!({ "msgtype": "m.text", "body": "good day" });
    bot.put_as(&ghost, &reply, body.clone()).await.ok();
    // A request that is sent again is carried out once, also without a device.
    bot.put_as(&ghost, &reply, body).await.ok();
    assert_eq!(service.heard_upto("good day").await, ["hello", "good day"]);
    let event = service
        .wait("events", |event| event["content"]["body"] == "hello")
        .await;
    assert_eq!(
        (
            &event["event_id"],
            &event["room_id"],
            &event["sender"],
            &event["type"]
        ),
        (
            &json!(sent),
            &json!(room),
            &json!(ada.id),
            &json!("m.room.message")
        )
    );
    assert!(event["unsigned"]["age"].is_number() && event["origin_server_ts"].is_number());

    // An invitation of one of its users says where to; after it left, it hears no more.
    bot.register("_br_di").await.ok();
    let invited = json!({ "user_id": "@_br_di:hs.test" });
    let invite = format!("/rooms/{}/invite", encode(&other));
    ada.post(&invite, invited).await.ok();
    let event = service
        .wait("events", |event| event["content"]["membership"] == "invite")
        .await;
    let face = event["unsigned"]["invite_room_state"].as_array().unwrap();
    let named = |state: &Value| state["type"] == "m.room.name" && state["content"]["name"] == "Tea";
    assert!(face.iter().any(named), "{event}");
    let leave = format!("/rooms/{}/leave", encode(&room));
    bot.post_as(&ghost, &leave, json!({})).await.ok();
    ada.say(&room, "it has left").await;
    bot.user.join(&room).await;
    ada.say(&room, "it is back").await;
    assert_eq!(
        service.heard_upto("it is back").await,
        ["hello", "good day", "it is back"]
    );
}

#[tokio::test]
async fn it_hears_rooms_by_their_address_and_id() {
    let service = Service::start().await;
    let more = "namespaces:\n  aliases: [{exclusive: false, regex: '#tea'}]\n";
    let server = Server::start_with(&service.registered_as("a", more)).await;
    let ada = server.register("ada").await;
    let body = json!({ "room_alias_name": "tea" });
    let room = ada.create_room(body).await;
    let other = ada.create_room(json!({})).await;
    ada.say(&room, "by address").await;
    ada.say(&other, "not at all").await;
    service.heard_upto("by address").await;
    let path = format!("/directory/room/{}", encode("#tea:hs.test"));
    ada.delete(&path).await.ok();
    ada.say(&room, "no longer").await;
    ada.post(
        "/createRoom",
        json!({ "room_alias_name": "tea2", "topic": "x" }),
    )
    .await
    .ok();
    service
        .wait("events", |event| event["content"]["topic"] == "x")
        .await;
    assert_eq!(service.heard(), ["by address"]);
}

#[tokio::test]
async fn what_it_does_not_take_comes_again_in_order_and_a_crash_loses_nothing() {
    let service = Service::start().await;
    let mut server = Server::start_with(&service.registered("")).await;
    let (mut ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = public_room(&ada).await;
    bot.user.join(&room).await;
    ada.say(&room, "0").await;
    service.heard_upto("0").await;
    service.fail(&[500, 502]);
    let started = Instant::now();
    ada.say(&room, "1").await;
    wait_for(
        || {
            let transactions = service.transactions();
            let (last, _) = transactions.last().unwrap();
            transactions.iter().filter(|(id, _)| id == last).count() == 3
        },
        &|| format!("{:?}", service.transactions()),
    )
    .await;
    assert!(
        started.elapsed() > Duration::from_millis(2_500),
        "it waits, longer each time"
    );

    // While it refuses, the server ends without warning, twice.
    let mut expected: Vec<String> = vec!["0".into(), "1".into()];
    service.fail(&[503; 200]);
    for round in 0..2 {
        for n in 0..130 {
            let text = format!("round {round}, {n}");
            ada.say(&room, &text).await;
            expected.push(text);
        }
        server.kill();
        server.spawn();
        ada.base.clone_from(&server.base);
    }
    // Its own call shows that it is there again.
    service.knows("/_matrix/app/v1/ping", json!({}));
    service.clear_failures();
    let path = "/_matrix/client/v1/appservice/bridge/ping";
    service.bot(&server).user.post(path, json!({})).await.ok();
    assert_eq!(service.heard_upto("round 1, 129").await, expected);
    let sizes: Vec<usize> = service
        .transactions()
        .iter()
        .map(|(_, body)| body["events"].as_array().unwrap().len())
        .collect();
    assert!(
        sizes.iter().all(|size| (1..=100).contains(size)),
        "{sizes:?}"
    );
    let ids: HashSet<_> = service
        .list("events")
        .iter()
        .map(|e| e["event_id"].to_string())
        .collect();
    assert_eq!(
        ids.len(),
        service.list("events").len(),
        "nothing came in two transactions"
    );
}

#[tokio::test]
async fn an_old_one_is_told_at_the_old_path() {
    let service = Service::start().await;
    service.grow_old();
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = public_room(&ada).await;
    bot.user.join(&room).await;
    ada.say(&room, "hello").await;
    let is_there = || {
        let asked = service.asked();
        let at = |asked: &super::service::Asked| asked.path.starts_with("/transactions/");
        asked.iter().any(at)
    };
    wait_for(is_there, &|| format!("{:?}", service.asked())).await;
}

#[tokio::test]
async fn it_sees_who_types_and_reads_and_is_online() {
    let service = Service::start().await;
    let section = service.registered("receive_ephemeral: true\n");
    let server = Server::start_with(&section).await;
    let (ada, bo, bot) = (
        server.register("ada").await,
        server.register("bo").await,
        service.bot(&server),
    );
    let (room, other) = (public_room(&ada).await, public_room(&bo).await);
    bot.user.join(&room).await;
    for (user, room) in [(&bo, &other), (&ada, &room)] {
        let path = format!("/rooms/{}/typing/{}", encode(room), encode(&user.id));
        user.put(&path, json!({ "typing": true, "timeout": 20_000 }))
            .await
            .ok();
    }
    let typing = service
        .wait("ephemeral", |event| event["type"] == "m.typing")
        .await;
    assert_eq!(
        (&typing["room_id"], &typing["content"]["user_ids"]),
        (&json!(room), &json!([ada.id]))
    );
    let said = ada.say(&room, "hello").await;
    for kind in ["m.read.private", "m.read"] {
        let path = format!("/rooms/{}/receipt/{kind}/{}", encode(&room), encode(&said));
        ada.post(&path, json!({})).await.ok();
    }
    let receipt = service
        .wait("ephemeral", |event| event["type"] == "m.receipt")
        .await;
    assert_eq!(receipt["room_id"], json!(room));
    let of_event = &receipt["content"][&said];
    assert!(of_event["m.read"][&ada.id]["ts"].is_number(), "{receipt}");
    let private = |event: &Value| event.to_string().contains("m.read.private");
    let status = json!({ "presence": "unavailable", "status_msg": "tea" });
    ada.put(&format!("/presence/{}/status", encode(&ada.id)), status)
        .await
        .ok();
    let presence = service
        .wait("ephemeral", |event| event["content"]["status_msg"] == "tea")
        .await;
    assert_eq!(
        (&presence["type"], &presence["sender"]),
        (&json!("m.presence"), &json!(ada.id))
    );
    let all = service.list("ephemeral");
    assert!(!all.iter().any(private), "{all:?}");
    let elsewhere = |event: &Value| event["room_id"] == json!(other);
    assert!(!all.iter().any(elsewhere), "{all:?}");
}

#[tokio::test]
async fn who_did_not_ask_for_ephemeral_events_gets_none() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = public_room(&ada).await;
    bot.user.join(&room).await;
    let path = format!("/rooms/{}/typing/{}", encode(&room), encode(&ada.id));
    ada.put(&path, json!({ "typing": true, "timeout": 20_000 }))
        .await
        .ok();
    ada.say(&room, "hello").await;
    service.heard_upto("hello").await;
    for (_, body) in service.transactions() {
        assert_eq!(
            body.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["events"]
        );
    }
    assert_eq!(bot.user.get("/account/whoami").await.ok()["user_id"], BOT);
}
