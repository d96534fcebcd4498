//! What the operator does not want said here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, User, encode, texts};

fn add(server: &Server, args: &[&str]) -> i64 {
    let all = [&["filter", "add"], args].concat();
    server.operate(&all).unwrap()["id"].as_i64().unwrap()
}

fn rule(server: &Server, id: i64) -> Value {
    let rules = server.operate(&["filter", "list"]).unwrap();
    let rules = rules.as_array().unwrap();
    rules.iter().find(|rule| rule["id"] == id).unwrap().clone()
}

fn reports(server: &Server, id: i64) -> Vec<Value> {
    let reports = server.operate(&["report", "list"]).unwrap();
    let of_rule = |report: &&Value| report["reporter"] == format!("filter rule {id}");
    reports
        .as_array()
        .unwrap()
        .iter()
        .filter(of_rule)
        .cloned()
        .collect()
}

/// What is refused is written down a moment later.
async fn hits(server: &Server, id: i64, n: i64) -> Value {
    let started = Instant::now();
    loop {
        let rule = rule(server, id);
        if rule["n_hits"] == n {
            return rule;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{rule}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

async fn two_in_a_room(server: &Server) -> (User, User, String) {
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    (ada, bo, room)
}

#[tokio::test]
async fn a_rejected_message_is_refused_with_its_category_and_seen_by_the_operator() {
    let server = Server::start().await;
    let (ada, bo, room) = two_in_a_room(&server).await;
    ada.send(&room, "m.room.message", text("Cheap PILLS here"))
        .await
        .ok();
    let id = add(&server, &["*cheap*pills*", "--category", "advertising"]);
    let refused = ada
        .send(&room, "m.room.message", text("Cheap\nPILLS here"))
        .await
        .err(403, "M_FORBIDDEN");
    assert_eq!(
        refused["error"],
        "This server does not allow this message: advertising."
    );
    // However it is dressed up.
    for content in [
        json!({ "msgtype": "m.text", "body": "x", "formatted_body": "<b>cheap pills</b>" }),
        json!({ "msgtype": "m.image", "body": "x.png", "url": "mxc://hs.test/x", "filename": "cheap pills" }),
        json!({ "msgtype": "m.text", "body": "* x", "m.new_content": text("cheap pills") }),
        json!({ "msgtype": "org.odd", "body": "x", "org.odd": { "deep": [["cheap pills"]] } }),
    ] {
        ada.send(&room, "m.room.message", content)
            .await
            .err(403, "M_FORBIDDEN");
    }
    ada.send(&room, "org.example.note", json!({ "a": "cheap pills" }))
        .await
        .err(403, "M_FORBIDDEN");
    ada.send(&room, "m.room.message", text("pills, not cheap"))
        .await
        .ok();
    assert_eq!(
        bo.history(&room).await,
        ["Cheap PILLS here", "pills, not cheap"]
    );
    let rule = hits(&server, id, 6).await;
    assert!(
        rule["last_hit_at"].as_i64().unwrap() > 1_700_000_000_000,
        "{rule}"
    );
    let reports = reports(&server, id);
    assert_eq!(
        reports.len(),
        1,
        "the same again and again is listed once: {reports:?}"
    );
    assert_eq!(
        (
            &reports[0]["user_id"],
            &reports[0]["room_id"],
            &reports[0]["reason"]
        ),
        (
            &json!(ada.id),
            &json!(room),
            &json!("rejected: advertising")
        )
    );
    server
        .operate(&["filter", "delete", &id.to_string()])
        .unwrap();
    ada.send(&room, "m.room.message", text("cheap pills"))
        .await
        .ok();
    assert!(
        server
            .operate(&["filter", "delete", &id.to_string()])
            .unwrap_err()
            .contains("no rule")
    );
}

#[tokio::test]
async fn a_hidden_message_is_seen_by_its_sender_alone() {
    let server = Server::start().await;
    let (ada, bo, room) = two_in_a_room(&server).await;
    let id = add(
        &server,
        &[
            "secret(s)?",
            "--regex",
            "--action",
            "hide",
            "--category",
            "rumours",
        ],
    );
    let before = bo.say(&room, "before").await;
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    let hidden = ada.say(&room, "all the Secrets of bo").await;
    let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": before, "key": "secret" } });
    ada.send(&room, "m.reaction", reaction).await.ok();
    ada.say(&room, "after").await;
    assert_eq!(
        ada.history(&room).await,
        ["before", "all the Secrets of bo", "after"]
    );
    assert_eq!(
        texts(&ada.sync("").await["rooms"]["join"][&room]["timeline"]["events"]).len(),
        3
    );
    assert_eq!(bo.history(&room).await, ["before", "after"]);
    let news = bo.sync(&format!("since={since}")).await;
    let joined = &news["rooms"]["join"][&room];
    assert_eq!(texts(&joined["timeline"]["events"]), ["after"], "{news}");
    assert_eq!(joined["unread_notifications"]["notification_count"], 1);
    let sliding = bo.sliding(None).await;
    assert_eq!(
        texts(&sliding["rooms"][&room]["timeline"]),
        ["before", "after"]
    );
    let path = |what: &str| format!("/rooms/{}/{what}/{}", encode(&room), encode(&hidden));
    ada.get(&path("event")).await.ok();
    bo.get(&path("event")).await.err(404, "M_NOT_FOUND");
    bo.get(&path("context")).await.err(404, "M_NOT_FOUND");
    let relations = format!(
        "/_matrix/client/v1/rooms/{}/relations/{}",
        encode(&room),
        encode(&before)
    );
    assert_eq!(bo.get(&relations).await.ok()["chunk"], json!([]));
    let search = json!({ "search_categories": { "room_events": { "search_term": "secrets" } } });
    let found = bo.post("/search", search).await.ok();
    assert_eq!(
        found["search_categories"]["room_events"]["count"], 0,
        "{found}"
    );
    assert_eq!(hits(&server, id, 2).await["action"], "hide");
    let reports = reports(&server, id);
    assert_eq!(reports[0]["event_id"], hidden, "{reports:?}");
    // The room goes on from there.
    bo.say(&room, "answer").await;
    assert_eq!(ada.history(&room).await.len(), 4);
}

#[tokio::test]
async fn a_reported_message_is_shown_and_listed() {
    let server = Server::start().await;
    let (ada, bo, room) = two_in_a_room(&server).await;
    let id = add(
        &server,
        &["*help*", "--action", "report", "--category", "maybe urgent"],
    );
    let said = ada.say(&room, "please help").await;
    assert_eq!(bo.history(&room).await, ["please help"]);
    assert_eq!(rule(&server, id)["n_hits"], 1);
    let reports = reports(&server, id);
    assert_eq!(
        (
            &reports[0]["event_id"],
            &reports[0]["room_id"],
            &reports[0]["user_id"]
        ),
        (&json!(said), &json!(room), &json!(ada.id))
    );
    assert_eq!(reports[0]["reason"], "reported: maybe urgent");
}

#[tokio::test]
async fn names_topics_and_kinds_of_files_are_looked_at_too() {
    let server = Server::start().await;
    let (ada, bo, room) = two_in_a_room(&server).await;
    let names = add(
        &server,
        &["*bank*", "--in", "name", "--category", "impersonation"],
    );
    add(&server, &["*bank*", "--in", "topic"]);
    add(
        &server,
        &[
            "*support*",
            "--in",
            "display-name",
            "--category",
            "impersonation",
        ],
    );
    add(
        &server,
        &["video/*", "--in", "media-type", "--category", "films"],
    );
    ada.set_state(&room, "m.room.name", "", json!({ "name": "Your BANK" }))
        .await
        .err(403, "M_FORBIDDEN");
    let refused = ada
        .post("/createRoom", json!({ "name": "Your bank" }))
        .await
        .err(403, "M_FORBIDDEN");
    assert_eq!(
        refused["error"],
        "This server does not allow this room name: impersonation."
    );
    ada.post("/createRoom", json!({ "topic": "the bank" }))
        .await
        .err(403, "M_FORBIDDEN");
    hits(&server, names, 2).await;
    let profile = format!("/profile/{}/displayname", encode(&bo.id));
    let refused = bo
        .put(&profile, json!({ "displayname": "Tech Support" }))
        .await
        .err(403, "M_FORBIDDEN");
    assert_eq!(
        refused["error"],
        "This server does not allow this name: impersonation."
    );
    let member = json!({ "membership": "join", "displayname": "Tech Support" });
    bo.set_state(&room, "m.room.member", &bo.id, member)
        .await
        .err(403, "M_FORBIDDEN");
    bo.put(&profile, json!({ "displayname": "Bo" })).await.ok();
    let upload = |kind: &'static str| {
        let url = format!("{}/_matrix/media/v3/upload", server.base);
        let request = server
            .http
            .post(url)
            .bearer_auth(&ada.token)
            .header("content-type", kind)
            .body("x");
        async move {
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    let (status, body) = upload("video/mp4").await;
    assert_eq!(
        (status, &body["errcode"]),
        (403, &json!("M_FORBIDDEN")),
        "{body}"
    );
    assert_eq!(
        body["error"],
        "This server does not allow this kind of file: films."
    );
    assert_eq!(upload("image/png").await.0, 200);
    let film = json!({ "msgtype": "m.video", "body": "x", "url": "mxc://hs.test/x", "info": { "mimetype": "video/mp4" } });
    ada.send(&room, "m.room.message", film)
        .await
        .err(403, "M_FORBIDDEN");
    // Messages are no names.
    ada.say(&room, "I went to the bank for support").await;
    // Nothing of an encrypted message can be looked at.
    add(&server, &["*"]);
    let encrypted =
        json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "x" });
    ada.send(&room, "m.room.encrypted", encrypted).await.ok();
    ada.send(&room, "m.room.message", text("anything"))
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    for (args, why) in [
        (&["("][..], None),
        (&["(", "--regex"], Some("no pattern")),
        (&["a{1000}{1000}{1000}", "--regex"], Some("no pattern")),
        (&[""], Some("1 to 1024")),
        (&["x", "--category", ""], Some("category")),
        (
            &["x", "--in", "name", "--action", "hide"],
            Some("Only messages"),
        ),
    ] {
        let added = server.operate(&[&["filter", "add"], args].concat());
        match why {
            None => assert!(added.is_ok(), "{args:?}: {added:?}"),
            Some(why) => assert!(added.unwrap_err().contains(why), "{args:?}"),
        }
    }
}
