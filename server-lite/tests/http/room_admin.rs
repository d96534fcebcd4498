//! The operator's commands about rooms, beside a running server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, encode, texts};

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_and_shown() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let talk = ada
        .create_room(json!({ "name": "Talk", "room_alias_name": "talk", "preset": "public_chat", "visibility": "public" }))
        .await;
    let quiet = ada.create_room(json!({ "topic": "Nothing much" })).await;
    bo.join(&talk).await;
    bo.say(&talk, "hello").await;
    let listed = server.operated(&["rooms", "list"]);
    let short: Vec<Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|room| {
            json!([
                room["room_id"],
                room["name"],
                room["alias"],
                room["members"],
                room["published"]
            ])
        })
        .collect();
    assert_eq!(
        short,
        [
            json!([talk, "Talk", "#talk:hs.test", 2, true]),
            json!([quiet, null, null, 1, false])
        ]
    );
    assert_eq!(
        server.operated(&["rooms", "list", "--search", "NOTHING"])[0]["room_id"],
        quiet
    );
    let shown = server.operated(&["rooms", "show", "#talk:hs.test"]);
    assert_eq!(
        (&shown["room_id"], &shown["creator"]),
        (&json!(talk), &json!(ada.id))
    );
    assert_eq!(
        (&shown["joined"], &shown["join_rule"]),
        (&json!(2), &json!("public"))
    );
    let text = String::from_utf8(server.operate_raw(&["room", "show", &talk]).stdout).unwrap();
    assert!(
        text.contains("room version: 12") && text.contains("created at: 20"),
        "{text}"
    );
    assert!(
        server
            .refused(&["rooms", "show", "!none:hs.test"])
            .contains("there is no room")
    );
    assert!(
        server
            .refused(&["rooms", "show", "#none:hs.test"])
            .contains("There is no room")
    );
    assert!(
        server
            .refused(&["rooms", "show", "none"])
            .contains("neither a room's identifier")
    );
}

/// What an operator's `database check` says after all that.
fn check(server: &Server) {
    let checked = server.operated(&["database", "check"]);
    assert_eq!(checked["ok"], true, "{checked}");
    assert!(checked["checks"].as_array().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_is_left_by_all_while_they_wait_and_then_gone() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada
        .create_room(
            json!({ "preset": "public_chat", "room_alias_name": "bad", "visibility": "public" }),
        )
        .await;
    let other = ada.create_room(json!({})).await;
    bo.join(&room).await;
    ada.invite(&room, &cy).await.ok();
    ada.say(&room, "what the operator will not have").await;
    let sliding = json!({ "lists": { "all": { "ranges": [[0, 9]], "required_state": [], "timeline_limit": 3 } } });
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    let first = ada.post(path, sliding.clone()).await.ok();
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    let waiting = bo.clone();
    let started = Instant::now();
    let wait =
        tokio::spawn(async move { waiting.sync(&format!("since={since}&timeout=30000")).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let args = [
        "rooms",
        "delete",
        "#bad:hs.test",
        "--message",
        "against the rules",
    ];
    let deleted = tokio::task::block_in_place(|| server.operated(&args));
    assert_eq!(
        (&deleted["left"], &deleted["blocked"]),
        (&json!(3), &json!(true))
    );
    assert!(deleted["events"].as_u64().unwrap() > 8, "{deleted}");
    // The client that was waiting has heard at once, and why.
    let heard = wait.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(heard["rooms"]["leave"].is_object(), "{heard}");
    let left = &heard["rooms"]["leave"][&room]["timeline"]["events"];
    assert_eq!(
        left.as_array().unwrap().last().unwrap()["content"]["reason"],
        "against the rules",
        "{heard}"
    );
    let id = encode(&room);
    for user in [&ada, &bo, &cy] {
        user.get(&format!("/rooms/{id}/messages?dir=b"))
            .await
            .err(403, "M_FORBIDDEN");
        user.post(&format!("/join/{id}"), json!({}))
            .await
            .err(403, "M_FORBIDDEN");
    }
    ada.get("/directory/room/%23bad:hs.test")
        .await
        .err(404, "M_NOT_FOUND");
    assert_eq!(ada.get("/publicRooms").await.ok()["chunk"], json!([]));
    assert!(
        server
            .refused(&["rooms", "show", &room])
            .contains("there is no room")
    );
    // Nothing of it is left in the database, and what there is is whole.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let n_left: i64 = database
        .query_row(
            "SELECT count(*) FROM events WHERE json LIKE '%will not have%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(n_left, 0);
    tokio::task::block_in_place(|| check(&server));
    // A new room may get the old one's number: clients must not take it for the old one.
    let new = ada.create_room(json!({ "name": "new" })).await;
    ada.say(&new, "one").await;
    let again = ada
        .post(
            &format!("{path}?pos={}", first["pos"].as_str().unwrap()),
            sliding,
        )
        .await
        .ok();
    assert_eq!(again["rooms"][&new]["initial"], true, "{again}");
    assert_eq!(again["rooms"][&new]["name"], "new");
    ada.say(&other, "life goes on").await;
    server.operated(&["rooms", "unblock", &room]);
    ada.post(&format!("/join/{id}"), json!({}))
        .await
        .err(404, "M_NOT_FOUND");
    assert!(
        server
            .refused(&["rooms", "unblock", &room])
            .contains("is not blocked")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_room_whose_contents_stay_lets_nobody_in() {
    let mut server = Server::start().await;
    let mut ada = server.register("ada").await;
    let bo = server.register("bo").await;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    ada.say(&room, "evidence").await;
    server.stop();
    // Also while nothing runs.
    let closed = server.operated(&["rooms", "delete", &room, "--no-purge"]);
    assert_eq!(
        (&closed["left"], &closed["purged"]),
        (&json!(1), &json!(false))
    );
    server.spawn();
    ada.base.clone_from(&server.base);
    let id = encode(&room);
    for user in [&ada, &bo] {
        let mut user = user.clone();
        user.base.clone_from(&server.base);
        let refused = user
            .post(&format!("/join/{id}"), json!({}))
            .await
            .err(403, "M_FORBIDDEN");
        assert!(
            refused["error"]
                .as_str()
                .unwrap()
                .contains("closed by the administrator"),
            "{refused}"
        );
    }
    // Whoever was offline learns of it at the next sync, and sees what was said as long as they were in.
    assert!(
        ada.sync("filter={\"room\":{\"include_leave\":true}}").await["rooms"]["leave"][&room]
            .is_object()
    );
    let shown = server.operated(&["rooms", "show", &room]);
    assert_eq!(
        (&shown["blocked"], &shown["joined"]),
        (&json!(true), &json!(0))
    );
    server.operated(&["rooms", "unblock", &room]);
    ada.join(&room).await;
    assert_eq!(ada.history(&room).await, ["evidence"]);
    check(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_go_and_the_room_stays_what_it_is() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Archive" }))
        .await;
    bo.join(&room).await;
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(ada.say(&room, &format!("word{n}")).await);
        if n == 5 {
            let levels = ada.state(&room, "m.room.power_levels", "").await.ok();
            ada.set_state(&room, "m.room.power_levels", "", levels)
                .await
                .ok();
            ada.set_state(&room, "m.room.topic", "", json!({ "topic": "kept" }))
                .await
                .ok();
        }
    }
    let id = encode(&room);
    let reaction =
        json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": sent[1], "key": "+" } });
    bo.send(&room, "m.reaction", reaction).await.ok();
    let purge = |args: &[&str]| {
        let args = [&["purge-history", &*room], args].concat();
        server.operated(&args)
    };
    assert_eq!(purge(&["--before", &sent[3], "--dry-run"])["events"], 3);
    assert_eq!(ada.history(&room).await.len(), 20);
    assert_eq!(purge(&["--before", &sent[3]])["events"], 3);
    assert_eq!(ada.history(&room).await[0], "word3");
    ada.get(&format!("/rooms/{id}/event/{}", encode(&sent[0])))
        .await
        .err(404, "M_NOT_FOUND");
    assert_eq!(purge(&["--before", "1d"])["events"], 0);
    assert_eq!(purge(&["--keep", "5"])["events"], 13);
    // The reaction is the newest of the five.
    assert_eq!(
        ada.history(&room).await,
        ["word16", "word17", "word18", "word19"]
    );
    let found = ada
        .post(
            "/search",
            json!({ "search_categories": { "room_events": { "search_term": "word10" } } }),
        )
        .await
        .ok();
    assert_eq!(
        found["search_categories"]["room_events"]["count"], 0,
        "{found}"
    );
    assert_eq!(
        ada.state(&room, "m.room.topic", "").await.ok()["topic"],
        "kept"
    );
    // With everything old gone, the newest event stays, and the next one follows it.
    assert_eq!(purge(&["--before", "2100-01-01"])["events"], 4);
    ada.say(&room, "after").await;
    assert_eq!(ada.history(&room).await, ["after"]);
    let joined = bo.sync("").await;
    let timeline = &joined["rooms"]["join"][&room]["timeline"]["events"];
    assert_eq!(texts(timeline), ["after"]);
    check(&server);
    for (args, expected) in [
        (&["--before", "$nothing"][..], "There is no event $nothing"),
        (&["--before", "yesterday"], "write 2026-01-31"),
    ] {
        let said = server.refused(&[&["purge-history", &*room], args].concat());
        assert!(said.contains(expected), "{said}");
    }
    let output = server.operate_raw(&["purge-history", &room]);
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redaction_stays_as_long_as_what_it_redacts() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({ "name": "Name" })).await;
    let topic = ada
        .set_state(&room, "m.room.topic", "", json!({ "topic": "bad" }))
        .await
        .ok();
    let said = ada.say(&room, "bad").await;
    let id = encode(&room);
    for target in [topic["event_id"].as_str().unwrap(), &said] {
        let path = format!(
            "/rooms/{id}/redact/{}/t{}",
            encode(target),
            rand::random::<u32>()
        );
        ada.put(&path, json!({})).await.ok();
    }
    ada.say(&room, "last").await;
    // The message and its redaction go, the redaction of the topic stays.
    let purged = server.operated(&["purge-history", &room, "--before", "2100-01-01"]);
    assert_eq!(purged["events"], 2);
    let state = ada.get(&format!("/rooms/{id}/state")).await.ok();
    let topic = state
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["type"] == "m.room.topic")
        .unwrap();
    assert_eq!(
        topic["unsigned"]["redacted_because"]["type"], "m.room.redaction",
        "{topic}"
    );
    check(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_purged_under_load_and_nothing_else_is_lost() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    for n in 0..300 {
        ada.say(&room, &format!("old{n}")).await;
    }
    let writer = {
        let (ada, room) = (ada.clone(), room.clone());
        tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            for n in 0..100 {
                let started = Instant::now();
                ada.say(&room, &format!("new{n}")).await;
                slowest = slowest.max(started.elapsed());
            }
            slowest
        })
    };
    let cut = ada.say(&room, "cut").await;
    let purged = tokio::task::block_in_place(|| {
        server.operated(&["purge-history", &room, "--before", &cut])
    });
    assert!(purged["events"].as_u64().unwrap() >= 300, "{purged}");
    let slowest = writer.await.unwrap();
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    let left = ada.history(&room).await;
    assert!(left.iter().all(|text| !text.starts_with("old")) && left.contains(&"new99".to_owned()));
    let before = server.operated(&["database", "vacuum"]);
    assert!(
        before["bytes_after"].as_i64() <= before["bytes_before"].as_i64(),
        "{before}"
    );
    ada.say(&room, "after").await;
    check(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_what_is_wrong_and_fails() {
    let mut server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({ "name": "Name" })).await;
    ada.say(&room, "hello").await;
    check(&server);
    server.stop();
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             UPDATE rooms SET n_joined = 7;
             DELETE FROM current_state WHERE type = 'm.room.name';
             DELETE FROM extremities;
             UPDATE stream SET position = 1;
             INSERT INTO aliases (alias, room, creator) VALUES ('#lost:hs.test', 99, '@ada:hs.test');
             INSERT INTO media (media_id, user_id, sha256, size, created_at) VALUES ('m', '@ada:hs.test', zeroblob(32), 5, 0);
             INSERT INTO openid_tokens (token_hash, user_id, expires_at) VALUES (x'00', '@nobody:hs.test', 0);",
        )
        .unwrap();
    drop(database);
    let output = server.operate_raw(&["database", "check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&str> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["check"].as_str().unwrap())
        .collect();
    for expected in [
        "references hold",
        "rooms know how many are in them",
        "every room has ends to go on from",
        "positions were handed out",
        "addresses lead to rooms",
        "the current state is that of the room's group",
        "uploaded files are there",
    ] {
        assert!(failed.contains(&expected), "{expected}: {failed:?}");
    }
    let text = String::from_utf8(server.operate_raw(&["database", "check"]).stdout).unwrap();
    assert!(
        text.contains("NOT ok  rooms know how many") && text.contains("counts 7 joined"),
        "{text}"
    );
    // A damaged file is told as such.
    let mut bytes = std::fs::read(server.database()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xAA);
    std::fs::write(server.database(), bytes).unwrap();
    let output = server.operate_raw(&["database", "check"]);
    assert_eq!(output.status.code(), Some(1));
}
