//! What the server has to say to its users.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User, encode, texts};

const SENDER: &str = "@server-notices:hs.test";

fn room_of(told: &Value, user: &User) -> String {
    let told = told
        .as_array()
        .unwrap()
        .iter()
        .find(|told| told["user_id"] == user.id);
    told.unwrap()["room_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_notice_comes_as_an_invitation_that_cannot_be_refused() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    // Whoever takes no invitations is told all the same.
    ada.set_account_data(
        "m.invite_permission_config",
        json!({ "default_action": "block" }),
    )
    .await;
    let told = server
        .operate(&["notice", "ada", "We move tonight."])
        .unwrap();
    let room = room_of(&told, &ada);
    let sync = ada.sync("").await;
    let invite = &sync["rooms"]["invite"][&room]["invite_state"]["events"];
    let shown = invite.to_string();
    assert!(
        shown.contains("Server notices") && shown.contains(SENDER),
        "{sync}"
    );
    assert!(ada.sliding(None).await["rooms"][&room].is_object());
    let leave = format!("/rooms/{}/leave", encode(&room));
    ada.post(&leave, json!({}))
        .await
        .err(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    let member = json!({ "membership": "leave" });
    ada.set_state(&room, "m.room.member", &ada.id, member)
        .await
        .err(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    ada.join(&room).await;
    let joined = ada.sync("").await["rooms"]["join"][&room].clone();
    assert!(
        joined["account_data"]
            .to_string()
            .contains("m.server_notice"),
        "{joined}"
    );
    let events = joined["timeline"]["events"].as_array().unwrap();
    let notice = events
        .iter()
        .find(|event| event["type"] == "m.room.message")
        .unwrap();
    assert_eq!(
        (
            &notice["sender"],
            &notice["content"]["msgtype"],
            &notice["content"]["body"]
        ),
        (
            &json!(SENDER),
            &json!("m.server_notice"),
            &json!("We move tonight.")
        )
    );
    assert!(notice["content"]["server_notice_type"].is_string());
    // Only the server speaks there, and brings nobody else in.
    let bo = server.register("bo").await;
    let text = json!({ "msgtype": "m.text", "body": "why?" });
    ada.send(&room, "m.room.message", text)
        .await
        .err(403, "M_FORBIDDEN");
    ada.invite(&room, &bo).await.err(403, "M_FORBIDDEN");
    // Who has entered may leave, and is asked in again when there is more to say; in the same room.
    server
        .operate(&["notice", "@ada:hs.test", "It is done."])
        .unwrap();
    assert_eq!(
        ada.history(&room).await,
        ["We move tonight.", "It is done."]
    );
    ada.post(&leave, json!({})).await.ok();
    let told = server.operate(&["notice", "ada", "Once more."]).unwrap();
    assert_eq!(room_of(&told, &ada), room);
    assert!(ada.sync("").await["rooms"]["invite"][&room].is_object());
    ada.post(&leave, json!({}))
        .await
        .err(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    // An account can be closed with an invitation open.
    server.operate(&["user", "deactivate", "ada"]).unwrap();
}

#[tokio::test]
async fn everybody_is_told_in_a_room_of_their_own() {
    let server =
        Server::start_with("[server_notices]\nlocalpart = \"desk\"\nroom_name = \"Front desk\"\n")
            .await;
    let (ada, bo, cy) = (
        server.register("ada").await,
        server.register("bo").await,
        server.register("cy").await,
    );
    server.operate(&["user", "deactivate", "cy"]).unwrap();
    for text in ["Breakfast at eight.", "And coffee."] {
        let told = server.operate(&["notice", "--all", text]).unwrap();
        assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
        assert_ne!(room_of(&told, &ada), room_of(&told, &bo));
    }
    let told = server.operate(&["notice", "ada", "To you alone."]).unwrap();
    let room = room_of(&told, &ada);
    ada.join(&room).await;
    assert_eq!(
        ada.history(&room).await,
        ["Breakfast at eight.", "And coffee.", "To you alone."]
    );
    let state = ada
        .get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .ok();
    assert!(state.to_string().contains("Front desk"));
    let rooms = bo.sync("").await["rooms"]["invite"].clone();
    assert_eq!(rooms.as_object().unwrap().len(), 1);
    assert!(texts(&rooms).is_empty());
    for (args, why) in [
        (vec!["notice", "cy", "x"], "no account"),
        (vec!["notice", "nobody", "x"], "no account"),
        (vec!["notice", "ada", "  "], "text"),
        (vec!["notice", "ada"], "give a user and a text"),
        (vec!["notice", "--all", "ada", "x"], "text alone"),
        (
            vec!["notice", "@ada:elsewhere.test", "x"],
            "not of this server",
        ),
    ] {
        let refused = server.operate(&args).unwrap_err();
        assert!(refused.contains(why), "{args:?}: {refused}");
    }
    drop(cy);
}

#[tokio::test]
async fn nobody_else_has_the_name_of_the_server_s_account() {
    let server = Server::start_with("[server_notices]\nlocalpart = \"desk\"\n").await;
    let ada = server.register("ada").await;
    let body = json!({ "username": "desk", "password": "correct horse battery", "auth": { "type": "m.login.dummy" } });
    let register = || {
        server.call(
            Method::POST,
            "/_matrix/client/v3/register",
            None,
            Some(body.clone()),
        )
    };
    register().await.err(400, "M_USER_IN_USE");
    let available = "/_matrix/client/v3/register/available?username=desk";
    server
        .call(Method::GET, available, None, None)
        .await
        .err(400, "M_USER_IN_USE");
    assert!(
        server
            .operate(&["user", "add", "desk", "--random-password"])
            .is_err()
    );
    server.operate(&["notice", "ada", "x"]).unwrap();
    register().await.err(400, "M_USER_IN_USE");
    let login = json!({ "type": "m.login.password", "password": "", "identifier": { "type": "m.id.user", "user": "desk" } });
    server
        .call(Method::POST, "/_matrix/client/v3/login", None, Some(login))
        .await
        .err(403, "M_FORBIDDEN");
    drop(ada);
}

#[tokio::test]
async fn an_account_that_was_there_before_is_not_taken_over() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    server.register("desk").await;
    let config = std::fs::read_to_string(server.config()).unwrap();
    std::fs::write(
        server.config(),
        format!("{config}[server_notices]\nlocalpart = \"desk\"\n"),
    )
    .unwrap();
    let refused = server.operate(&["notice", "ada", "x"]).unwrap_err();
    assert!(refused.contains("somebody's account"), "{refused}");
    assert!(ada.sync("").await["rooms"].is_null());
}
