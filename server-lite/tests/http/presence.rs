//! Who is there.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

fn presence_of(sync: &Value, user: &User) -> Option<Value> {
    let events = sync["presence"]["events"].as_array()?;
    let of_user = events.iter().find(|event| event["sender"] == user.id)?;
    Some(of_user["content"].clone())
}

fn path(user: &User) -> String {
    format!("/presence/{}/status", encode(&user.id))
}

#[tokio::test]
async fn those_who_share_a_room_see_who_comes_and_what_they_say() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let first = ada.sync("").await;
    assert_eq!(presence_of(&first, &bo), None);
    let since = first["next_batch"].as_str().unwrap().to_owned();

    // A sync that waits is woken by somebody who comes.
    let waiting = ada.clone();
    let query = format!("since={since}&timeout=10000");
    let woken = tokio::spawn(async move { waiting.sync(&query).await });
    bo.sync("").await;
    let seen = woken.await.unwrap();
    assert_eq!(
        presence_of(&seen, &bo).unwrap()["presence"],
        "online",
        "{seen}"
    );
    let since = seen["next_batch"].as_str().unwrap();
    // Staying is no news.
    bo.sync("").await;
    assert_eq!(
        presence_of(&ada.sync(&format!("since={since}")).await, &bo),
        None
    );

    let busy = json!({ "presence": "unavailable", "status_msg": "at lunch" });
    bo.put(&path(&bo), busy.clone()).await.ok();
    let seen = ada.sync(&format!("since={since}")).await;
    let told = presence_of(&seen, &bo).unwrap();
    assert_eq!(
        (&told["presence"], &told["status_msg"]),
        (&json!("unavailable"), &json!("at lunch"))
    );
    assert_eq!(ada.get(&path(&bo)).await.ok()["status_msg"], "at lunch");
    let unfiltered = encode(r#"{"presence":{"not_types":["m.presence"]}}"#);
    let filtered = ada
        .sync(&format!("since={since}&filter={unfiltered}"))
        .await;
    assert_eq!(presence_of(&filtered, &bo), None);

    cy.get(&path(&bo)).await.err(403, "M_FORBIDDEN");
    ada.put(&path(&bo), busy).await.err(403, "M_FORBIDDEN");
    assert_eq!(presence_of(&cy.sync("").await, &bo), None);
    cy.put(
        &path(&cy),
        json!({ "presence": "online", "status_msg": "x".repeat(3000) }),
    )
    .await
    .err(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn whoever_wants_to_stay_unseen_does() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    bo.sync("set_presence=offline").await;
    assert_eq!(presence_of(&ada.sync("").await, &bo), None);
    bo.sync("set_presence=unavailable").await;
    let seen = ada.sync("").await;
    assert_eq!(presence_of(&seen, &bo).unwrap()["presence"], "unavailable");
}

#[tokio::test]
async fn a_restart_leaves_nobody_online() {
    let mut server = Server::start().await;
    let (mut ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    bo.sync("").await;
    assert!(presence_of(&ada.sync("").await, &bo).is_some());
    server.stop();
    server.spawn();
    ada.base.clone_from(&server.base);
    let mut status = json!(null);
    for _ in 0..50 {
        status = ada.get(&path(&bo)).await.ok();
        if status["presence"] == "offline" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{status}");
}

#[tokio::test]
async fn presence_can_be_switched_off() {
    let server = Server::start_with("[presence]\nenabled = false\n").await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    bo.sync("").await;
    bo.put(&path(&bo), json!({ "presence": "online" }))
        .await
        .ok();
    assert_eq!(presence_of(&ada.sync("").await, &bo), None);
    ada.get(&path(&bo)).await.err(404, "M_NOT_FOUND");
}
