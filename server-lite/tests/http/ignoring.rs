//! Nothing of somebody who is ignored is heard.

use serde_json::{Value, json};

use crate::support::{Server, User, encode, texts};

/// bo and cy in ada's room; bo ignores ada.
async fn room_of_three(server: &Server) -> (User, User, User, String) {
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Tea" }))
        .await;
    bo.join(&room).await;
    cy.join(&room).await;
    bo.set_account_data(
        "m.ignored_user_list",
        json!({ "ignored_users": { &ada.id: {} } }),
    )
    .await;
    (ada, bo, cy, room)
}

async fn unread(user: &User, room: &str) -> (Value, Value) {
    let v3 =
        user.sync("").await["rooms"]["join"][room]["unread_notifications"]["notification_count"]
            .clone();
    (
        v3,
        user.sliding(None).await["rooms"][room]["notification_count"].clone(),
    )
}

#[tokio::test]
async fn messages_of_ignored_people_are_neither_shown_nor_counted() {
    let server = Server::start().await;
    let (ada, bo, cy, room) = room_of_three(&server).await;
    let by_ada = ada.say(&room, "bo, hear me").await;
    let by_cy = cy.say(&room, "hello bo").await;
    for (user, wanted) in [
        (&bo, vec!["hello bo"]),
        (&cy, vec!["bo, hear me", "hello bo"]),
    ] {
        let v3 = user.sync("").await;
        assert_eq!(
            texts(&v3["rooms"]["join"][&room]["timeline"]["events"]),
            wanted
        );
        let sliding = user.sliding(None).await;
        assert_eq!(texts(&sliding["rooms"][&room]["timeline"]), wanted);
        assert_eq!(user.history(&room).await, wanted);
        let context = user
            .get(&format!(
                "/rooms/{}/context/{}",
                encode(&room),
                encode(&by_cy)
            ))
            .await
            .ok();
        assert_eq!(
            texts(&context["events_before"]),
            &wanted[..wanted.len() - 1]
        );
    }
    assert_eq!(unread(&bo, &room).await, (json!(1), json!(1)));
    // A receipt counts again what follows it.
    ada.say(&room, "more").await;
    let receipt = format!(
        "/rooms/{}/receipt/m.read/{}",
        encode(&room),
        encode(&by_ada)
    );
    bo.post(&receipt, json!({})).await.ok();
    assert_eq!(unread(&bo, &room).await, (json!(1), json!(1)));
    let told = bo.get("/notifications").await.ok();
    let told = told["notifications"].as_array().unwrap();
    assert!(
        told.iter().all(|told| told["event"]["sender"] == cy.id),
        "{told:?}"
    );
    // State is shown whoever sets it.
    ada.set_state(&room, "m.room.topic", "", json!({ "topic": "Cakes" }))
        .await
        .ok();
    let v3 = bo.sync("").await;
    assert!(v3.to_string().contains("Cakes"));
    // Nobody ignores themselves.
    bo.set_account_data(
        "m.ignored_user_list",
        json!({ "ignored_users": { &bo.id: {} } }),
    )
    .await;
    bo.say(&room, "me").await;
    assert_eq!(bo.history(&room).await.last().unwrap(), "me");
}

#[tokio::test]
async fn typing_receipts_presence_and_direct_messages_of_ignored_people_stay_away() {
    let server = Server::start().await;
    let (ada, bo, cy, room) = room_of_three(&server).await;
    let event = cy.say(&room, "hello").await;
    for user in [&ada, &cy] {
        let typing = format!("/rooms/{}/typing/{}", encode(&room), encode(&user.id));
        user.put(&typing, json!({ "typing": true, "timeout": 60_000 }))
            .await
            .ok();
        let receipt = format!("/rooms/{}/receipt/m.read/{}", encode(&room), encode(&event));
        user.post(&receipt, json!({})).await.ok();
        let message = json!({ "messages": { &bo.id: { "*": { "body": user.id } } } });
        user.put("/sendToDevice/org.example.note/1", message)
            .await
            .ok();
        let status = format!("/presence/{}/status", encode(&user.id));
        user.put(
            &status,
            json!({ "presence": "online", "status_msg": "here" }),
        )
        .await
        .ok();
    }
    let v3 = bo.sync("").await;
    let sliding = bo.sliding(None).await;
    let ephemeral = &v3["rooms"]["join"][&room]["ephemeral"];
    for heard in [
        ephemeral,
        &v3["to_device"],
        &v3["presence"],
        &sliding["extensions"],
    ] {
        let heard = match heard.get("account_data") {
            Some(_) => json!([heard["typing"], heard["receipts"], heard["to_device"]]),
            None => heard.clone(),
        };
        let heard = heard.to_string();
        assert!(
            heard.contains(&cy.id) && !heard.contains(&ada.id),
            "{heard}"
        );
    }
    // Whoever is heard again is heard from then on.
    bo.set_account_data("m.ignored_user_list", json!({ "ignored_users": {} }))
        .await;
    let message = json!({ "messages": { &bo.id: { "*": { "body": "again" } } } });
    ada.put("/sendToDevice/org.example.note/2", message)
        .await
        .ok();
    assert!(bo.sync("").await["to_device"].to_string().contains("again"));
}

#[tokio::test]
async fn reactions_threads_and_invitations_of_ignored_people_do_not_appear() {
    let server = Server::start().await;
    let (ada, bo, cy, room) = room_of_three(&server).await;
    let root = cy.say(&room, "root").await;
    let reply = |text: &str| {
        json!({ "msgtype": "m.text", "body": text,
        "m.relates_to": { "rel_type": "m.thread", "event_id": root } })
    };
    cy.send(&room, "m.room.message", reply("by cy")).await.ok();
    ada.send(&room, "m.room.message", reply("by ada"))
        .await
        .ok();
    let relations = format!(
        "/_matrix/client/v1/rooms/{}/relations/{}",
        encode(&room),
        encode(&root)
    );
    assert_eq!(texts(&bo.get(&relations).await.ok()["chunk"]), ["by cy"]);
    assert_eq!(
        texts(&cy.get(&relations).await.ok()["chunk"]),
        ["by ada", "by cy"]
    );
    let event = format!("/rooms/{}/event/{}", encode(&room), encode(&root));
    let thread = bo.get(&event).await.ok()["unsigned"]["m.relations"]["m.thread"].clone();
    assert_eq!(
        (&thread["count"], &thread["latest_event"]["content"]["body"]),
        (&json!(1), &json!("by cy"))
    );
    let thread = cy.get(&event).await.ok()["unsigned"]["m.relations"]["m.thread"].clone();
    assert_eq!(thread["count"], 2);
    let other = ada.say(&room, "another root").await;
    let reply = json!({ "msgtype": "m.text", "body": "x", "m.relates_to": { "rel_type": "m.thread", "event_id": other } });
    cy.send(&room, "m.room.message", reply).await.ok();
    let threads = format!("/_matrix/client/v1/rooms/{}/threads", encode(&room));
    assert_eq!(texts(&bo.get(&threads).await.ok()["chunk"]), ["root"]);
    assert_eq!(
        texts(&cy.get(&threads).await.ok()["chunk"]),
        ["another root", "root"]
    );

    let secret = ada.create_room(json!({ "invite": [bo.id] })).await;
    assert!(bo.sync("").await["rooms"]["invite"][&secret].is_null());
    assert!(bo.sliding(None).await["rooms"][&secret].is_null());
}

#[tokio::test]
async fn a_list_from_before_an_update_holds_after_it() {
    let mut server = Server::start().await;
    let (ada, mut bo, _, room) = room_of_three(&server).await;
    server.stop();
    // As an older version left it.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .execute_batch(
            "DROP TABLE ignores; DELETE FROM schema_versions WHERE component = 'ignores'",
        )
        .unwrap();
    drop(database);
    server.spawn();
    bo.base.clone_from(&server.base);
    let ada = User {
        base: server.base.clone(),
        ..ada
    };
    ada.say(&room, "bo, hear me").await;
    assert_eq!(unread(&bo, &room).await, (json!(0), json!(0)));
}
