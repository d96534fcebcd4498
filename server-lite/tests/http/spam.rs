//! Who bothers many people at once has to wait.

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

const LIMITS: &str = "[rate_limits]\nenabled = true\n[safety]\nstrangers_per_hour = 3\n\
                      same_message_rooms = 2\nuploads_per_hour = 2\n";

fn make_admin(server: &Server, user: &User) {
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .busy_timeout(std::time::Duration::from_secs(5))
        .unwrap();
    database
        .execute("UPDATE users SET admin = 1 WHERE user_id = ?1", [&user.id])
        .unwrap();
}

fn wait_of(refused: &Value, most_ms: u64) {
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    assert!(wait > most_ms / 2 && wait <= most_ms, "{refused}");
}

#[tokio::test]
async fn only_so_many_strangers_are_invited_in_an_hour() {
    let server = Server::start_with(LIMITS).await;
    let ada = server.register("ada").await;
    let mut others = Vec::new();
    for name in ["bo", "cy", "di", "ed", "fy"] {
        others.push(server.register(name).await);
    }
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    others[4].join(&room).await;
    for other in &others[..3] {
        ada.invite(&room, other).await.ok();
    }
    let refused = ada
        .invite(&room, &others[3])
        .await
        .err(429, "M_LIMIT_EXCEEDED");
    wait_of(&refused, 60 * 60 * 1000);
    let invite = json!({ "invite": [others[3].id] });
    ada.post("/createRoom", invite.clone())
        .await
        .err(429, "M_LIMIT_EXCEEDED");
    // The same again, and people one knows, are no strangers more.
    let second = ada
        .create_room(json!({ "invite": [others[0].id, others[4].id] }))
        .await;
    assert!(others[0].sync("").await["rooms"]["invite"][&second].is_object());
    make_admin(&server, &ada);
    ada.post("/createRoom", invite).await.ok();
}

#[tokio::test]
async fn the_same_is_not_said_everywhere() {
    let server = Server::start_with(LIMITS).await;
    let ada = server.register("ada").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(ada.create_room(json!({})).await);
    }
    let long = "Come to my wonderful room, all of you";
    ada.say(&rooms[0], long).await;
    ada.say(&rooms[0], long).await;
    ada.say(&rooms[1], "come to MY wonderful  room, all of you")
        .await;
    let message = json!({ "msgtype": "m.text", "body": long });
    let refused = ada
        .send(&rooms[2], "m.room.message", message.clone())
        .await
        .err(429, "M_LIMIT_EXCEEDED");
    wait_of(&refused, 10 * 60 * 1000);
    ada.say(&rooms[0], long).await;
    ada.say(&rooms[2], "Come to my wonderful room, all of you but one")
        .await;
    for room in &rooms {
        ada.say(room, "good morning").await;
    }
    make_admin(&server, &ada);
    ada.send(&rooms[2], "m.room.message", message).await.ok();
}

#[tokio::test]
async fn only_so_many_files_are_uploaded_in_an_hour() {
    let server = Server::start_with(LIMITS).await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let upload = |user: &User| {
        let request = server
            .http
            .post(format!("{}/_matrix/media/v3/upload", server.base))
            .bearer_auth(&user.token)
            .body("x");
        async move {
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    for _ in 0..2 {
        assert_eq!(upload(&ada).await.0, 200);
    }
    let (status, refused) = upload(&ada).await;
    assert_eq!(
        (status, &refused["errcode"]),
        (429, &json!("M_LIMIT_EXCEEDED"))
    );
    wait_of(&refused, 60 * 60 * 1000);
    assert_eq!(upload(&bo).await.0, 200);
    make_admin(&server, &ada);
    assert_eq!(upload(&ada).await.0, 200);
}

#[tokio::test]
async fn without_rate_limits_there_are_none_of_these() {
    let server =
        Server::start_with("[safety]\nstrangers_per_hour = 1\nsame_message_rooms = 1\n").await;
    let ada = server.register("ada").await;
    for name in ["bo", "cy", "di"] {
        let other = server.register(name).await;
        let room = ada.create_room(json!({ "invite": [other.id] })).await;
        ada.say(&room, "the same words in every room").await;
        let left = ada
            .post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
            .await;
        left.ok();
    }
}
