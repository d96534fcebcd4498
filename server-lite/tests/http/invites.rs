//! Whose invitations reach whom.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

const STABLE: &str = "m.invite_permission_config";
const MSC4155: &str = "org.matrix.msc4155.invite_permission_config";
const MSC4380: &str = "org.matrix.msc4380.invite_permission_config";

async fn three(server: &Server) -> (User, User, User) {
    (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    )
}

/// Whether an invitation is shown, which both ways to sync have to agree on.
async fn is_shown(user: &User, room: &str) -> bool {
    let (v3, sliding) = (user.sync("").await, user.sliding(None).await);
    let shown = v3["rooms"]["invite"][room].is_object();
    assert_eq!(shown, sliding["rooms"][room].is_object(), "{v3} {sliding}");
    shown
}

#[tokio::test]
async fn whoever_takes_no_invitations_gets_none_by_any_way() {
    let server = Server::start().await;
    let (ada, bo, _) = three(&server).await;
    let code = "M_INVITE_BLOCKED";
    for kind in [STABLE, MSC4380, MSC4155] {
        let block = match kind {
            MSC4155 => json!({ "blocked_users": ["@ada:*"] }),
            _ => json!({ "default_action": "block" }),
        };
        bo.set_account_data(kind, block).await;
        let room = ada.create_room(json!({})).await;
        ada.invite(&room, &bo).await.err(403, code);
        ada.post("/createRoom", json!({ "invite": [bo.id] }))
            .await
            .err(403, code);
        let member = json!({ "membership": "invite" });
        ada.set_state(&room, "m.room.member", &bo.id, member)
            .await
            .err(403, code);
        ada.state(&room, "m.room.member", &bo.id)
            .await
            .err(404, "M_NOT_FOUND");
        assert!(!is_shown(&bo, &room).await);
        bo.set_account_data(kind, json!({})).await;
        ada.invite(&room, &bo).await.ok();
        assert!(is_shown(&bo, &room).await);
    }
    let rooms = ada.get("/joined_rooms").await.ok();
    assert_eq!(
        rooms["joined_rooms"].as_array().unwrap().len(),
        3,
        "a room that cannot be as wanted is not made"
    );
}

#[tokio::test]
async fn lists_let_some_in_and_keep_others_out() {
    let server = Server::start().await;
    let (ada, bo, cy) = three(&server).await;
    let lists = json!({ "allowed_users": ["@c?:hs.test"], "blocked_servers": ["*"] });
    bo.set_account_data(MSC4155, lists).await;
    let room = ada.create_room(json!({})).await;
    ada.invite(&room, &bo).await.err(403, "M_INVITE_BLOCKED");
    let room = cy.create_room(json!({})).await;
    cy.invite(&room, &bo).await.ok();
    assert!(is_shown(&bo, &room).await);
    // The strictest of several wishes holds.
    bo.set_account_data(STABLE, json!({ "default_action": "block" }))
        .await;
    assert!(
        !is_shown(&bo, &room).await,
        "what is there already is not shown either"
    );
    cy.post("/createRoom", json!({ "invite": [bo.id] }))
        .await
        .err(403, "M_INVITE_BLOCKED");
}

#[tokio::test]
async fn an_ignored_invitation_looks_sent_and_is_never_seen() {
    let server = Server::start().await;
    let (ada, bo, cy) = three(&server).await;
    bo.set_account_data(MSC4155, json!({ "ignored_users": [ada.id] }))
        .await;
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    let pos = bo.sliding(None).await["pos"].as_str().unwrap().to_owned();
    let room = ada
        .create_room(json!({ "invite": [bo.id], "name": "Come" }))
        .await;
    let member = ada.state(&room, "m.room.member", &bo.id).await.ok();
    assert_eq!(member["membership"], "invite");
    let news = bo.sync(&format!("since={since}&timeout=0")).await;
    assert!(news["rooms"].is_null(), "{news}");
    assert!(bo.sliding(Some(&pos)).await["rooms"].get(&room).is_none());
    assert!(!is_shown(&bo, &room).await);
    // Nor that it is taken back.
    ada.post(
        &format!("/rooms/{}/kick", encode(&room)),
        json!({ "user_id": bo.id, "reason": "read me" }),
    )
    .await
    .ok();
    let news = bo.sync(&format!("since={since}&timeout=0")).await;
    assert!(news["rooms"].is_null(), "{news}");
    let room = cy.create_room(json!({ "invite": [bo.id] })).await;
    assert!(is_shown(&bo, &room).await);
}

#[tokio::test]
async fn what_clients_write_into_the_settings_breaks_nothing() {
    let server = Server::start().await;
    let (ada, bo, _) = three(&server).await;
    let room = ada.create_room(json!({})).await;
    for odd in [
        json!({ "blocked_users": 7, "allowed_servers": [null, 3, {}], "default_action": [] }),
        json!({ "enabled": false, "blocked_servers": ["*"] }),
        json!({ "blocked_users": ["x".repeat(5000)] }),
    ] {
        for kind in [STABLE, MSC4155, MSC4380] {
            bo.set_account_data(kind, odd.clone()).await;
        }
        ada.invite(&room, &bo).await.ok();
        assert!(is_shown(&bo, &room).await, "{odd}");
    }
}

#[tokio::test]
async fn clients_learn_that_the_server_looks_at_the_settings() {
    let server = Server::start().await;
    let versions = server
        .call(reqwest::Method::GET, "/_matrix/client/versions", None, None)
        .await
        .ok();
    for feature in [
        "org.matrix.msc4155",
        "org.matrix.msc4380",
        "org.matrix.msc4380.stable",
    ] {
        assert_eq!(versions["unstable_features"][feature], true, "{feature}");
    }
}

#[tokio::test]
async fn the_operator_can_keep_invitations_among_those_who_share_a_room() {
    let server = Server::start_with("[safety]\ninvites = \"shared_room\"\n").await;
    let (ada, bo, cy) = three(&server).await;
    let hall = ada.create_room(json!({ "preset": "public_chat" })).await;
    let room = ada
        .create_room(json!({ "initial_state": [
        { "type": "m.room.join_rules", "content": { "join_rule": "knock" } },
    ] }))
        .await;
    let refused = ada.invite(&room, &bo).await.err(403, "M_FORBIDDEN");
    assert!(
        refused["error"].as_str().unwrap().contains("share a room"),
        "{refused}"
    );
    bo.join(&hall).await;
    ada.invite(&room, &bo).await.ok();
    // Whoever knocks can be let in.
    cy.post(&format!("/knock/{}", encode(&room)), json!({}))
        .await
        .ok();
    ada.invite(&room, &cy).await.ok();
    cy.join(&room).await;
}

#[tokio::test]
async fn the_operator_can_stop_invitations_and_administrators_still_invite() {
    let sections = "[safety]\ninvites = \"nobody_new\"\nblocked_users = [\"@d*:hs.test\"]\n";
    let server = Server::start_with(sections).await;
    let (ada, bo, cy) = three(&server).await;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    ada.invite(&room, &bo).await.err(403, "M_FORBIDDEN");
    bo.join(&room).await;
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    ada.invite(&room, &bo).await.ok();
    rusqlite::Connection::open(server.database())
        .unwrap()
        .execute("UPDATE users SET admin = 1 WHERE user_id = ?1", [&ada.id])
        .unwrap();
    ada.invite(&room, &cy).await.ok();
    let di = server.register("di").await;
    let room = di.create_room(json!({ "preset": "public_chat" })).await;
    cy.join(&room).await;
    cy.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    let refused: Value = di.invite(&room, &cy).await.err(403, "M_FORBIDDEN");
    assert!(
        refused["error"].as_str().unwrap().contains("@di:hs.test"),
        "{refused}"
    );
}
