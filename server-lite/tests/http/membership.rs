//! Who is in a room.

use serde_json::json;

use crate::support::{Server, User, encode};

async fn membership_of(viewer: &User, room: &str, user: &User) -> String {
    let member = viewer.state(room, "m.room.member", &user.id).await.ok();
    member["membership"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_invited_user_sees_the_room_joins_and_leaves() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada.create_room(json!({ "name": "Tea" })).await;
    cy.invite(&room, &bo).await.err(403, "M_FORBIDDEN");
    ada.invite(&room, &bo).await.ok();
    let sync = bo.sync("").await;
    let invite = &sync["rooms"]["invite"][&room]["invite_state"]["events"];
    let names: Vec<_> = invite
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["content"]["name"].clone())
        .collect();
    assert!(names.contains(&json!("Tea")), "{invite}");
    bo.join(&room).await;
    assert_eq!(membership_of(&ada, &room, &bo).await, "join");
    assert_eq!(
        bo.get("/joined_rooms").await.ok()["joined_rooms"],
        json!([room])
    );
    bo.post(
        &format!("/rooms/{}/leave", encode(&room)),
        json!({ "reason": "tired" }),
    )
    .await
    .ok();
    let member = ada.state(&room, "m.room.member", &bo.id).await.ok();
    assert_eq!(
        (&member["membership"], &member["reason"]),
        (&json!("leave"), &json!("tired"))
    );
    let text = json!({ "msgtype": "m.text", "body": "x" });
    bo.send(&room, "m.room.message", text)
        .await
        .err(403, "M_FORBIDDEN");
    let nobody = json!({ "user_id": "@nobody:hs.test" });
    ada.post(&format!("/rooms/{}/invite", encode(&room)), nobody)
        .await
        .err(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn an_invitation_can_be_refused() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "invite": [bo.id] })).await;
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    let sync = bo.sync(&format!("since={since}")).await;
    assert!(sync["rooms"]["leave"][&room].is_object(), "{sync}");
    assert_eq!(membership_of(&ada, &room, &bo).await, "leave");
}

#[tokio::test]
async fn removing_and_banning_need_power_and_hold() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let path = |action: &str| format!("/rooms/{}/{action}", encode(&room));
    bo.join(&room).await;
    cy.join(&room).await;
    let cy_too = json!({ "user_id": cy.id, "reason": "noise" });
    bo.post(&path("kick"), cy_too.clone())
        .await
        .err(403, "M_FORBIDDEN");
    ada.post(&path("kick"), cy_too.clone()).await.ok();
    assert_eq!(membership_of(&bo, &room, &cy).await, "leave");
    cy.join(&room).await;
    bo.post(&path("ban"), cy_too.clone())
        .await
        .err(403, "M_FORBIDDEN");
    ada.post(&path("ban"), cy_too.clone()).await.ok();
    assert_eq!(membership_of(&bo, &room, &cy).await, "ban");
    cy.post(&format!("/join/{}", encode(&room)), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
    ada.post(&path("unban"), json!({ "user_id": bo.id }))
        .await
        .err(400, "M_BAD_STATE");
    bo.post(&path("unban"), json!({ "user_id": cy.id }))
        .await
        .err(403, "M_FORBIDDEN");
    ada.post(&path("unban"), json!({ "user_id": cy.id }))
        .await
        .ok();
    cy.join(&room).await;
    assert_eq!(membership_of(&bo, &room, &cy).await, "join");
}

#[tokio::test]
async fn a_knock_waits_for_an_invitation() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "name": "Tea" })).await;
    let path = format!("/knock/{}", encode(&room));
    bo.post(&path, json!({})).await.err(403, "M_FORBIDDEN");
    ada.set_state(
        &room,
        "m.room.join_rules",
        "",
        json!({ "join_rule": "knock" }),
    )
    .await
    .ok();
    bo.post(&path, json!({ "reason": "please" })).await.ok();
    let sync = bo.sync("").await;
    assert!(
        sync["rooms"]["knock"][&room]["knock_state"]["events"].is_array(),
        "{sync}"
    );
    assert_eq!(membership_of(&ada, &room, &bo).await, "knock");
    bo.post(&format!("/join/{}", encode(&room)), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
    ada.invite(&room, &bo).await.ok();
    bo.join(&room).await;
}

#[tokio::test]
async fn a_restricted_room_opens_to_members_of_another() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let space = ada.create_room(json!({ "preset": "public_chat" })).await;
    let room = ada.create_room(json!({})).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": space }]);
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    ada.set_state(&room, "m.room.join_rules", "", rule)
        .await
        .ok();
    bo.join(&space).await;
    bo.join(&room).await;
    assert_eq!(membership_of(&ada, &room, &bo).await, "join");
    cy.post(&format!("/join/{}", encode(&room)), json!({}))
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_room_can_be_forgotten_after_leaving() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    ada.say(&room, "hello").await;
    let forget = format!("/rooms/{}/forget", encode(&room));
    bo.post(&forget, json!({})).await.err(400, "M_UNKNOWN");
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    assert_eq!(bo.history(&room).await, ["hello"]);
    bo.post(&forget, json!({})).await.ok();
    bo.get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .err(403, "M_FORBIDDEN");
    server
        .register("cy")
        .await
        .post(&forget, json!({}))
        .await
        .err(404, "M_NOT_FOUND");
    ada.get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .ok();
}

#[tokio::test]
async fn members_are_listed_to_members() {
    let server = Server::start().await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    let room = ada
        .create_room(json!({ "preset": "public_chat", "invite": [cy.id] }))
        .await;
    bo.join(&room).await;
    let members = format!("/rooms/{}/members", encode(&room));
    assert_eq!(
        ada.get(&members).await.ok()["chunk"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let joined = ada
        .get(&format!("{members}?not_membership=invite"))
        .await
        .ok();
    assert_eq!(joined["chunk"].as_array().unwrap().len(), 2);
    let invited = ada.get(&format!("{members}?membership=invite")).await.ok();
    assert_eq!(invited["chunk"][0]["state_key"], cy.id);
    let joined = bo
        .get(&format!("/rooms/{}/joined_members", encode(&room)))
        .await
        .ok();
    assert_eq!(joined["joined"].as_object().unwrap().len(), 2);
    server
        .register("dy")
        .await
        .get(&members)
        .await
        .err(403, "M_FORBIDDEN");
    cy.get(&format!("/rooms/{}/joined_members", encode(&room)))
        .await
        .err(403, "M_FORBIDDEN");
}
