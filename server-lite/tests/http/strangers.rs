//! Nothing of one user is visible to another: every way to read is tried by a stranger.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Server, User, encode};

const TABLE: &str = include_str!("../endpoints.txt");

/// Only ada's own; none of it may ever reach a stranger.
const SECRET: &str = "tangerine";

/// A private room with something of everything in it, and the rest of what one person has.
struct Private {
    owner: User,
    room: String,
    event: String,
    device: String,
    filter: String,
}

async fn private(server: &Server) -> Private {
    let owner = server.register("ada").await;
    let room = owner
        .create_room(
            json!({ "name": format!("{SECRET} room"), "topic": format!("{SECRET} topic") }),
        )
        .await;
    let event = owner.say(&room, &format!("{SECRET} words")).await;
    let reply = json!({ "msgtype": "m.text", "body": format!("{SECRET} reply"),
        "m.relates_to": { "rel_type": "m.thread", "event_id": event } });
    owner.send(&room, "m.room.message", reply).await.ok();
    owner
        .set_state(&room, "org.example.state", "key", json!({ "is": SECRET }))
        .await
        .ok();
    owner
        .set_account_data("org.example.data", json!({ "is": SECRET }))
        .await;
    let path = format!(
        "/user/{}/rooms/{}/account_data/org.example.data",
        encode(&owner.id),
        encode(&room)
    );
    owner.put(&path, json!({ "is": SECRET })).await.ok();
    let tag = format!(
        "/user/{}/rooms/{}/tags/u.{SECRET}",
        encode(&owner.id),
        encode(&room)
    );
    owner.put(&tag, json!({})).await.ok();
    let receipt = format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&event));
    owner.post(&receipt, json!({})).await.ok();
    let device = owner.get("/account/whoami").await.ok()["device_id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner
        .put(
            &format!("/devices/{device}"),
            json!({ "display_name": format!("{SECRET} phone") }),
        )
        .await
        .ok();
    let filter = json!({ "event_fields": [SECRET] });
    let filter = owner
        .post(&format!("/user/{}/filter", encode(&owner.id)), filter)
        .await
        .ok();
    let filter = filter["filter_id"].as_str().unwrap().to_owned();
    let status = format!("/presence/{}/status", encode(&owner.id));
    owner
        .put(
            &status,
            json!({ "presence": "online", "status_msg": format!("{SECRET} status") }),
        )
        .await
        .ok();
    Private {
        owner,
        room,
        event,
        device,
        filter,
    }
}

impl Private {
    /// A path with what ada has in its places.
    fn fill(&self, path: &str) -> String {
        let mut filled = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap();
            let value = match name {
                "roomId" | "roomIdOrAlias" => &self.room,
                "userId" => &self.owner.id,
                "eventId" => &self.event,
                "eventType" => "org.example.state",
                "stateKey" => "key",
                "type" => "org.example.data",
                "relType" => "m.thread",
                "deviceId" => &self.device,
                "filterId" => &self.filter,
                "keyName" => "displayname",
                "kind" => "override",
                _ => "some",
            };
            filled += before;
            filled += &encode(value);
            rest = after;
        }
        filled + rest
    }
}

fn readable() -> impl Iterator<Item = (u8, &'static str)> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut words = line.split(' ');
        let tier = words.next()?.parse().ok()?;
        (words.next()? == "GET").then_some((tier, words.next()?))
    })
}

/// What a query has to say so that the request is about what is asked for.
fn with_query(path: &str) -> String {
    let query = match path {
        _ if path.contains("timestamp_to_event") => "?ts=0&dir=f",
        _ if path.contains("/messages") => "?dir=b",
        _ if path.contains("mutual_rooms") => "?user_id=%40ada%3Ahs.test",
        _ if path.ends_with("/sync") => "?timeout=0",
        _ if path.ends_with("/keys/changes") => "?from=s0&to=s999",
        _ => "",
    };
    format!("{path}{query}")
}

#[tokio::test]
async fn a_stranger_reads_nothing_of_a_private_room_or_of_its_owner() {
    let server = Server::start().await;
    let private = private(&server).await;
    let stranger = server.register("mallory").await;
    let once = server.register("once").await;
    private.owner.invite(&private.room, &once).await.ok();
    once.post(
        &format!("/rooms/{}/leave", encode(&private.room)),
        json!({}),
    )
    .await
    .ok();
    let (mut of_room, mut wrong) = (BTreeSet::new(), Vec::new());
    for (tier, path) in readable() {
        let filled = with_query(&private.fill(path));
        let own = private.owner.get(&filled).await;
        for reader in [&stranger, &once] {
            let reply: Reply = reader.get(&filled).await;
            let leaks = reply.body.to_string().contains(SECRET);
            // Whoever knows the room's address learns from no endpoint that it exists.
            let is_of_room = path.contains("{roomId");
            let is_open =
                matches!(reply.status, 200) && is_of_room && !path.contains("directory/list");
            if leaks || (is_open && !about_oneself(path)) {
                wrong.push(format!("{path}: {} {}", reply.status, reply.body));
            }
        }
        if path.contains("{roomId") && tier < 3 && own.status == 200 {
            of_room.insert(path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        of_room.len() >= 12,
        "the owner reads too little for this to tell anything: {of_room:?}"
    );
}

/// What somebody may ask of themselves, whatever the room.
fn about_oneself(path: &str) -> bool {
    path.contains("/user/{userId}/")
}

#[tokio::test]
async fn a_stranger_finds_nothing_by_searching_and_changes_nothing() {
    let server = Server::start().await;
    let private = private(&server).await;
    let mallory = server.register("mallory").await;
    let search = json!({ "search_categories": { "room_events": { "search_term": SECRET } } });
    let found = mallory.post("/search", search.clone()).await.ok();
    assert_eq!(
        found["search_categories"]["room_events"]["count"], 0,
        "{found}"
    );
    let found = private.owner.post("/search", search).await.ok();
    assert_ne!(found["search_categories"]["room_events"]["count"], 0);
    let rooms = mallory
        .post(
            "/publicRooms",
            json!({ "filter": { "generic_search_term": SECRET } }),
        )
        .await
        .ok();
    assert_eq!(rooms["chunk"], json!([]));
    for answer in [
        mallory.sync("full_state=true").await,
        mallory.sliding(None).await,
    ] {
        assert!(!answer.to_string().contains(&private.room), "{answer}");
    }
    let subscribed = json!({ "room_subscriptions": { &private.room: { "timeline_limit": 9, "required_state": [["*", "*"]] } } });
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
    let answer = mallory.post(path, subscribed).await.ok();
    assert!(answer["rooms"].get(&private.room).is_none(), "{answer}");
    let room = encode(&private.room);
    let event = encode(&private.event);
    let owner = encode(&private.owner.id);
    let attempts: Vec<(Method, String, Value)> = vec![
        (
            Method::PUT,
            format!("/rooms/{room}/send/m.room.message/1"),
            json!({ "msgtype": "m.text", "body": "x" }),
        ),
        (
            Method::PUT,
            format!("/rooms/{room}/state/m.room.name/"),
            json!({ "name": "x" }),
        ),
        (
            Method::PUT,
            format!("/rooms/{room}/redact/{event}/1"),
            json!({}),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/receipt/m.read/{event}"),
            json!({}),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/read_markers"),
            json!({ "m.fully_read": private.event }),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/invite"),
            json!({ "user_id": mallory.id }),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/kick"),
            json!({ "user_id": private.owner.id }),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/ban"),
            json!({ "user_id": private.owner.id }),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/upgrade"),
            json!({ "new_version": "11" }),
        ),
        (
            Method::POST,
            format!("/rooms/{room}/report/{event}"),
            json!({ "reason": "x" }),
        ),
        (Method::POST, format!("/join/{room}"), json!({})),
        (Method::POST, format!("/knock/{room}"), json!({})),
        (
            Method::PUT,
            format!("/rooms/{room}/typing/{}", encode(&mallory.id)),
            json!({ "typing": true, "timeout": 1000 }),
        ),
        (
            Method::PUT,
            format!("/user/{owner}/account_data/org.example.data"),
            json!({}),
        ),
        (
            Method::PUT,
            format!("/user/{owner}/rooms/{room}/tags/u.x"),
            json!({}),
        ),
        (
            Method::PUT,
            format!("/profile/{owner}/displayname"),
            json!({ "displayname": "x" }),
        ),
        (
            Method::PUT,
            format!("/presence/{owner}/status"),
            json!({ "presence": "offline" }),
        ),
        (Method::POST, format!("/user/{owner}/filter"), json!({})),
        (
            Method::PUT,
            format!("/devices/{}", private.device),
            json!({ "display_name": "x" }),
        ),
        (
            Method::PUT,
            format!("/directory/list/room/{room}"),
            json!({ "visibility": "public" }),
        ),
        (
            Method::PUT,
            "/directory/room/%23x%3Ahs.test".to_owned(),
            json!({ "room_id": private.room }),
        ),
    ];
    for (method, path, body) in attempts {
        let full = format!("{}{path}", crate::support::V3);
        let reply = server
            .call(method, &full, Some(&mallory.token), Some(body))
            .await;
        assert!(matches!(reply.status, 403 | 404), "{reply:?}");
        assert!(!reply.body.to_string().contains(SECRET), "{reply:?}");
    }
    assert_eq!(private.owner.history(&private.room).await.len(), 2);
}
