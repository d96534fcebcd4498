//! Sending, reading, paging, redacting, relating.

use serde_json::json;

use crate::support::{Server, encode, texts};

#[tokio::test]
async fn a_message_sent_again_with_the_same_id_is_one_message() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let path = format!("/rooms/{}/send/m.room.message/t1", encode(&room));
    let content = json!({ "msgtype": "m.text", "body": "once" });
    let first = ada.put(&path, content.clone()).await.ok();
    assert_eq!(ada.put(&path, content.clone()).await.ok(), first);
    assert_ne!(bo.put(&path, content).await.ok(), first);
    assert_eq!(ada.history(&room).await, ["once", "once"]);
    let event = format!(
        "/rooms/{}/event/{}",
        encode(&room),
        encode(first["event_id"].as_str().unwrap())
    );
    assert_eq!(
        ada.get(&event).await.ok()["unsigned"]["transaction_id"],
        "t1"
    );
    assert!(bo.get(&event).await.ok()["unsigned"]["transaction_id"].is_null());
}

#[tokio::test]
async fn history_can_be_paged_both_ways_without_gap_or_repetition() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    for idx in 0..25 {
        ada.say(&room, &idx.to_string()).await;
    }
    let path = format!("/rooms/{}/messages?limit=7", encode(&room));
    let (mut back, mut from) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("{path}&dir=b{from}")).await.ok();
        back.extend(texts(&page["chunk"]));
        match page["end"].as_str() {
            Some(end) => from = format!("&from={end}"),
            None => break,
        }
    }
    back.reverse();
    let expected: Vec<_> = (0..25).map(|idx| idx.to_string()).collect();
    assert_eq!(back, expected);
    let (mut forth, mut from) = (Vec::new(), "&from=s0".to_owned());
    loop {
        let page = ada.get(&format!("{path}&dir=f{from}")).await.ok();
        forth.extend(texts(&page["chunk"]));
        match page["end"].as_str() {
            Some(end) => from = format!("&from={end}"),
            None => break,
        }
    }
    assert_eq!(forth, expected);
    let filter = encode(&json!({ "types": ["m.room.create"] }).to_string());
    let page = ada.get(&format!("{path}&dir=b&filter={filter}")).await.ok();
    assert_eq!(page["chunk"].as_array().unwrap().len(), 1);
    bo.get(&format!("{path}&dir=b"))
        .await
        .err(403, "M_FORBIDDEN");
    // Some clients send an empty token for none.
    let page = ada.get(&format!("{path}&dir=b&from=&to=")).await.ok();
    assert_eq!(texts(&page["chunk"])[0], "24");
    ada.get(&format!("{path}&dir=b&from=nonsense"))
        .await
        .err(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn history_visibility_decides_what_newcomers_see() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    for (setting, seen) in [
        ("shared", 2),
        ("invited", 1),
        ("joined", 1),
        ("world_readable", 2),
    ] {
        let bo = server
            .register(&format!("bo-{setting}").replace('_', "-"))
            .await;
        let initial = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": setting } }]);
        let room = ada
            .create_room(json!({ "preset": "public_chat", "initial_state": initial }))
            .await;
        ada.say(&room, "before").await;
        bo.join(&room).await;
        ada.say(&room, "after").await;
        assert_eq!(bo.history(&room).await.len(), seen, "{setting}");
    }
}

#[tokio::test]
async fn context_shows_both_sides_of_an_event() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let mut ids = Vec::new();
    for text in ["a", "b", "c", "d", "e"] {
        ids.push(ada.say(&room, text).await);
    }
    let path = format!(
        "/rooms/{}/context/{}?limit=4",
        encode(&room),
        encode(&ids[2])
    );
    let context = ada.get(&path).await.ok();
    assert_eq!(context["event"]["content"]["body"], "c");
    assert_eq!(texts(&context["events_before"]), ["b", "a"]);
    assert_eq!(texts(&context["events_after"]), ["d", "e"]);
    let start = context["start"].as_str().unwrap();
    let page = format!(
        "/rooms/{}/messages?dir=b&limit=1&from={start}",
        encode(&room)
    );
    assert!(texts(&ada.get(&page).await.ok()["chunk"]).is_empty());
    bo.get(&path).await.err(403, "M_FORBIDDEN");
    let unknown = format!("/rooms/{}/context/{}", encode(&room), encode("$nothing"));
    ada.get(&unknown).await.err(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_redaction_takes_the_content_away_from_everybody() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    for version in ["10", "12"] {
        let room = ada
            .create_room(json!({ "preset": "public_chat", "room_version": version }))
            .await;
        bo.join(&room).await;
        cy.join(&room).await;
        let own = bo.say(&room, "oops").await;
        let path = |event: &str, txn: &str| {
            format!("/rooms/{}/redact/{}/{txn}", encode(&room), encode(event))
        };
        cy.put(&path(&own, "1"), json!({}))
            .await
            .err(403, "M_FORBIDDEN");
        let redaction = bo
            .put(&path(&own, "2"), json!({ "reason": "typo" }))
            .await
            .ok();
        assert_eq!(
            bo.put(&path(&own, "2"), json!({ "reason": "typo" }))
                .await
                .ok(),
            redaction
        );
        let event = cy
            .get(&format!("/rooms/{}/event/{}", encode(&room), encode(&own)))
            .await
            .ok();
        assert_eq!(event["content"], json!({}));
        let because = &event["unsigned"]["redacted_because"];
        assert_eq!(
            (&because["content"]["reason"], &because["redacts"]),
            (&json!("typo"), &json!(own))
        );
        let others = cy.say(&room, "rude").await;
        ada.put(&path(&others, "3"), json!({})).await.ok();
        assert!(bo.history(&room).await.is_empty());
    }
}

#[tokio::test]
async fn edits_reactions_and_threads_are_bundled_and_listed() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let root = ada.say(&room, "root").await;
    let relate = |kind: &str, extra: serde_json::Value| {
        let mut relation = json!({ "rel_type": kind, "event_id": root });
        for (key, value) in extra.as_object().unwrap() {
            relation[key] = value.clone();
        }
        relation
    };
    let edit = json!({
        "msgtype": "m.text", "body": "* root!", "m.new_content": { "msgtype": "m.text", "body": "root!" },
        "m.relates_to": relate("m.replace", json!({})),
    });
    ada.send(&room, "m.room.message", edit).await.ok();
    let reaction = json!({ "m.relates_to": relate("m.annotation", json!({ "key": "+" })) });
    bo.send(&room, "m.reaction", reaction.clone()).await.ok();
    bo.send(&room, "m.reaction", reaction)
        .await
        .err(400, "M_DUPLICATE_ANNOTATION");
    let reply = json!({ "msgtype": "m.text", "body": "in thread", "m.relates_to": relate("m.thread", json!({})) });
    bo.send(&room, "m.room.message", reply).await.ok();
    let event = bo
        .get(&format!("/rooms/{}/event/{}", encode(&room), encode(&root)))
        .await
        .ok();
    let bundle = &event["unsigned"]["m.relations"];
    assert_eq!(
        bundle["m.replace"]["content"]["m.new_content"]["body"],
        "root!"
    );
    assert_eq!(bundle["m.thread"]["count"], 1);
    assert_eq!(bundle["m.thread"]["current_user_participated"], true);
    let base = format!(
        "/_matrix/client/v1/rooms/{}/relations/{}",
        encode(&room),
        encode(&root)
    );
    assert_eq!(
        ada.get(&base).await.ok()["chunk"].as_array().unwrap().len(),
        3
    );
    assert_eq!(
        ada.get(&format!("{base}/m.thread")).await.ok()["chunk"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let typed = ada
        .get(&format!("{base}/m.annotation/m.reaction"))
        .await
        .ok();
    assert_eq!(typed["chunk"].as_array().unwrap().len(), 1);
    let threads = format!("/_matrix/client/v1/rooms/{}/threads", encode(&room));
    assert_eq!(bo.get(&threads).await.ok()["chunk"][0]["event_id"], root);
    for path in [&threads, &base] {
        let same = bo.get(&format!("{path}?from=")).await.ok();
        let first = &bo.get(path).await.ok()["chunk"][0]["event_id"];
        assert_eq!(&same["chunk"][0]["event_id"], first);
    }
    server
        .register("cy")
        .await
        .get(&base)
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let big = json!({ "msgtype": "m.text", "body": "x".repeat(70_000) });
    ada.send(&room, "m.room.message", big)
        .await
        .err(413, "M_TOO_LARGE");
    // Which part is too large is said.
    let long = ada.send(&room, &"x".repeat(256), json!({})).await;
    let error = long.err(413, "M_TOO_LARGE");
    assert!(error["error"].as_str().unwrap().contains("255"), "{error}");
    ada.send(&room, "m.room.message", json!([1]))
        .await
        .err(400, "M_BAD_JSON");
    ada.send(&room, "m.room.message", json!({ "n": 1.5 }))
        .await
        .err(400, "M_BAD_JSON");
    let huge = json!({ "n": 9_007_199_254_740_993_i64 });
    ada.send(&room, "m.room.message", huge)
        .await
        .err(400, "M_BAD_JSON");
    ada.send("!none:hs.test", "m.room.message", json!({}))
        .await
        .err(404, "M_NOT_FOUND");
    ada.say(&room, &"x".repeat(60_000)).await;
}
