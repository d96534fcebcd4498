//! Searching messages.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

async fn search(user: &User, criteria: Value) -> Value {
    let body = json!({ "search_categories": { "room_events": criteria } });
    let found = user.post("/search", body).await.ok();
    found["search_categories"]["room_events"].clone()
}

fn bodies(found: &Value) -> Vec<&str> {
    let results = found["results"].as_array().unwrap().iter();
    results
        .map(|hit| hit["result"]["content"]["body"].as_str().unwrap_or("?"))
        .collect()
}

#[tokio::test]
async fn messages_are_found_by_their_words_and_only_by_those_who_may_see_them() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Green tea" }))
        .await;
    let hidden = json!({ "history_visibility": "joined" });
    ada.set_state(&room, "m.room.history_visibility", "", hidden)
        .await
        .ok();
    ada.say(&room, "Tea at four?").await;
    let gone = ada.say(&room, "no tea for you").await;
    bo.join(&room).await;
    ada.say(&room, "The TEA is ready").await;
    ada.say(&room, "Coffee, though: café crème").await;

    let recent = |term: &str| json!({ "search_term": term, "order_by": "recent" });
    let found = search(&ada, recent("tea")).await;
    assert_eq!(
        bodies(&found),
        ["The TEA is ready", "no tea for you", "Tea at four?", "?"]
    );
    assert_eq!(
        (&found["count"], &found["highlights"]),
        (&json!(4), &json!(["tea"]))
    );
    assert_eq!(
        bodies(&search(&ada, recent("tea ready")).await),
        ["The TEA is ready"]
    );
    assert_eq!(
        bodies(&search(&ada, recent("cafe")).await),
        ["Coffee, though: café crème"]
    );
    assert_eq!(
        bodies(&search(&ada, recent("milk")).await),
        Vec::<&str>::new()
    );
    assert_eq!(
        bodies(&search(&ada, recent("\" OR (")).await),
        Vec::<&str>::new()
    );
    let names = json!({ "search_term": "green", "keys": ["content.name"] });
    assert_eq!(
        search(&ada, names).await["results"][0]["result"]["type"],
        "m.room.name"
    );
    let no_names = json!({ "search_term": "green", "keys": ["content.body"] });
    assert_eq!(search(&ada, no_names).await["count"], 0);

    // bo came later and sees of the time before only the name, which is older than the secrecy. cy never came.
    assert_eq!(
        bodies(&search(&bo, recent("tea")).await),
        ["The TEA is ready", "?"]
    );
    let cy = server.register("cy").await;
    assert_eq!(search(&cy, recent("tea")).await["count"], 0);

    ada.put(
        &format!("/rooms/{}/redact/{}/1", encode(&room), encode(&gone)),
        json!({}),
    )
    .await
    .ok();
    assert_eq!(search(&ada, recent("tea")).await["count"], 3);
}

#[tokio::test]
async fn hits_come_in_pages_with_what_was_said_around_them() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let (one, two) = (
        ada.create_room(json!({})).await,
        ada.create_room(json!({})).await,
    );
    for n in 0..5 {
        ada.say(&one, &format!("apple {n}")).await;
        ada.say(&one, &format!("pear {n}")).await;
    }
    ada.say(&two, "apple pie").await;
    let criteria = json!({
        "search_term": "apple", "order_by": "recent", "filter": { "limit": 4 },
        "event_context": { "before_limit": 1, "after_limit": 1, "include_profile": true },
        "groupings": { "group_by": [{ "key": "room_id" }] }, "include_state": true,
    });
    let page = search(&ada, criteria.clone()).await;
    assert_eq!(
        bodies(&page),
        ["apple pie", "apple 4", "apple 3", "apple 2"]
    );
    assert_eq!(page["count"], 6);
    let context = &page["results"][1]["context"];
    assert_eq!(context["events_before"][0]["content"]["body"], "pear 3");
    assert_eq!(context["events_after"][0]["content"]["body"], "pear 4");
    assert!(context["profile_info"][&ada.id].is_object(), "{context}");
    assert_eq!(
        page["groups"]["room_id"][&one]["results"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert!(
        page["state"][&two]
            .as_array()
            .is_some_and(|state| state.len() > 3)
    );
    let next = page["next_batch"].as_str().unwrap();
    let body = json!({ "search_categories": { "room_events": criteria } });
    let rest = ada
        .post(&format!("/search?next_batch={next}"), body)
        .await
        .ok();
    let rest = &rest["search_categories"]["room_events"];
    assert_eq!(bodies(rest), ["apple 1", "apple 0"]);
    assert!(rest.get("next_batch").is_none(), "{rest}");
    let there = json!({ "search_term": "apple", "filter": { "rooms": [two] } });
    assert_eq!(bodies(&search(&ada, there).await), ["apple pie"]);
}

#[tokio::test]
async fn notifications_are_listed_as_the_rules_have_them() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    ada.say(&room, "one").await;
    let second = ada.say(&room, "two").await;
    let mention =
        json!({ "msgtype": "m.text", "body": "you", "m.mentions": { "user_ids": [bo.id] } });
    ada.send(&room, "m.room.message", mention).await.ok();
    bo.say(&room, "what is it?").await;
    let listed = |page: &Value| -> Vec<String> {
        let list = page["notifications"].as_array().unwrap().iter();
        list.map(|n| n["event"]["content"]["body"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = bo.get("/notifications?limit=2").await.ok();
    assert_eq!(listed(&page), ["you", "two"]);
    assert_eq!(page["notifications"][0]["room_id"], room);
    let from = page["next_token"].as_str().unwrap();
    let rest = bo.get(&format!("/notifications?from={from}")).await.ok();
    assert_eq!(listed(&rest), ["one"]);
    let highlights = bo.get("/notifications?only=highlight").await.ok();
    assert_eq!(listed(&highlights), ["you"]);
    assert!(
        highlights["notifications"][0]["actions"]
            .as_array()
            .unwrap()
            .contains(&json!("notify"))
    );
    // What one says oneself has been read, and so has all before it.
    assert_eq!(page["notifications"][0]["read"], false);
    let receipt = format!(
        "/rooms/{}/receipt/m.read/{}",
        encode(&room),
        encode(&second)
    );
    bo.post(&receipt, json!({})).await.ok();
    let read: Vec<_> = bo.get("/notifications").await.ok()["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["read"].clone())
        .collect();
    assert_eq!(read, [json!(false), json!(true), json!(true)]);
    let off = json!({ "enabled": false });
    for rule in [".m.rule.room_one_to_one", ".m.rule.message"] {
        let path = format!("/pushrules/global/underride/{rule}/enabled");
        bo.put(&path, off.clone()).await.ok();
    }
    assert_eq!(listed(&bo.get("/notifications").await.ok()), ["you"]);
    let nobody = server.register("cy").await;
    assert_eq!(
        listed(&nobody.get("/notifications").await.ok()),
        Vec::<String>::new()
    );
    bo.get("/notifications?from=x")
        .await
        .err(400, "M_INVALID_PARAM");
}
