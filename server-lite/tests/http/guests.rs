//! Guests: accounts without a password.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User, encode};

const GUESTS: &str = "open = true\nguests = true";

async fn guest(server: &Server) -> User {
    let path = "/_matrix/client/v3/register?kind=guest";
    let reply = server
        .call(Method::POST, path, None, Some(json!({})))
        .await
        .ok();
    User {
        id: reply["user_id"].as_str().unwrap().to_owned(),
        token: reply["access_token"].as_str().unwrap().to_owned(),
        base: server.base.clone(),
        http: server.http.clone(),
    }
}

async fn open_room(owner: &User, guest_access: &str) -> String {
    let access =
        json!({ "type": "m.room.guest_access", "content": { "guest_access": guest_access } });
    owner
        .create_room(json!({ "preset": "public_chat", "initial_state": [access] }))
        .await
}

#[tokio::test]
async fn guests_enter_and_talk_where_rooms_let_them() {
    let server = Server::start_with_registration(GUESTS).await;
    let (ada, guest) = (server.register("ada").await, guest(&server).await);
    let whoami = guest.get("/account/whoami").await.ok();
    assert_eq!(whoami["is_guest"], true);
    let open = open_room(&ada, "can_join").await;
    guest
        .post(&format!("/rooms/{}/join", encode(&open)), json!({}))
        .await
        .ok();
    guest.say(&open, "hello from a guest").await;
    assert_eq!(ada.history(&open).await, ["hello from a guest"]);
    let own = format!("/profile/{}/displayname", encode(&guest.id));
    guest
        .put(&own, json!({ "displayname": "Visitor" }))
        .await
        .ok();
    assert_eq!(
        ada.state(&open, "m.room.member", &guest.id).await.ok()["displayname"],
        "Visitor"
    );

    for access in ["forbidden", "odd"] {
        let closed = open_room(&ada, access).await;
        for path in [
            format!("/rooms/{}/join", encode(&closed)),
            format!("/join/{}", encode(&closed)),
        ] {
            guest
                .post(&path, json!({}))
                .await
                .err(403, "M_GUEST_ACCESS_FORBIDDEN");
        }
        let member = json!({ "membership": "join" });
        guest
            .set_state(&closed, "m.room.member", &guest.id, member)
            .await
            .err(403, "M_GUEST_ACCESS_FORBIDDEN");
        // An invitation changes nothing about that.
        ada.invite(&closed, &guest).await.ok();
        guest
            .post(&format!("/join/{}", encode(&closed)), json!({}))
            .await
            .err(403, "M_GUEST_ACCESS_FORBIDDEN");
    }
}

#[tokio::test]
async fn guests_leave_once_a_room_lets_none_in_any_longer() {
    let server = Server::start_with_registration(GUESTS).await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let guests = [guest(&server).await, guest(&server).await];
    let room = open_room(&ada, "can_join").await;
    for user in guests.iter().chain([&bo]) {
        user.join(&room).await;
    }
    let since = guests[0].sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    ada.set_state(
        &room,
        "m.room.guest_access",
        "",
        json!({ "guest_access": "can_join", "x": 1 }),
    )
    .await
    .ok();
    assert_eq!(
        ada.state(&room, "m.room.member", &guests[0].id).await.ok()["membership"],
        "join"
    );
    ada.set_state(
        &room,
        "m.room.guest_access",
        "",
        json!({ "guest_access": "forbidden" }),
    )
    .await
    .ok();
    for guest in &guests {
        assert_eq!(
            ada.state(&room, "m.room.member", &guest.id).await.ok()["membership"],
            "leave"
        );
        let text = json!({ "msgtype": "m.text", "body": "x" });
        guest
            .send(&room, "m.room.message", text)
            .await
            .err(403, "M_FORBIDDEN");
    }
    assert_eq!(
        ada.state(&room, "m.room.member", &bo.id).await.ok()["membership"],
        "join"
    );
    let news = guests[0].sync(&format!("since={since}")).await;
    assert!(news["rooms"]["leave"][&room].is_object(), "{news}");
}

#[tokio::test]
async fn guests_do_only_what_guests_may() {
    let server = Server::start_with_registration(GUESTS).await;
    let (ada, guest) = (server.register("ada").await, guest(&server).await);
    let room = open_room(&ada, "can_join").await;
    guest.join(&room).await;
    let (r, u) = (encode(&room), encode(&guest.id));
    let refused: Vec<(Method, String, Value)> = vec![
        (Method::POST, "/createRoom".to_owned(), json!({})),
        (
            Method::POST,
            format!("/rooms/{r}/invite"),
            json!({ "user_id": ada.id }),
        ),
        (
            Method::POST,
            format!("/rooms/{r}/kick"),
            json!({ "user_id": ada.id }),
        ),
        (Method::POST, format!("/knock/{r}"), json!({})),
        (
            Method::PUT,
            format!("/profile/{u}/avatar_url"),
            json!({ "avatar_url": "mxc://hs.test/x" }),
        ),
        (
            Method::PUT,
            format!("/user/{u}/account_data/org.example.x"),
            json!({}),
        ),
        (
            Method::POST,
            "/user_directory/search".to_owned(),
            json!({ "search_term": "a" }),
        ),
        (Method::POST, "/publicRooms".to_owned(), json!({})),
        (Method::POST, "/pushers/set".to_owned(), json!({})),
        (Method::GET, "/joined_rooms".to_owned(), json!({})),
        (Method::GET, "/pushrules/".to_owned(), json!({})),
        (
            Method::PUT,
            "/directory/room/%23x%3Ahs.test".to_owned(),
            json!({ "room_id": room }),
        ),
        (
            Method::POST,
            "/_matrix/media/v3/upload".to_owned(),
            json!({}),
        ),
        (
            Method::POST,
            "/_matrix/media/v1/create".to_owned(),
            json!({}),
        ),
        (
            Method::GET,
            "/_matrix/client/v1/media/preview_url?url=http%3A%2F%2Fx".to_owned(),
            json!({}),
        ),
    ];
    for (method, path, body) in refused {
        let path = if path.starts_with("/_") {
            path
        } else {
            format!("/_matrix/client/v3{path}")
        };
        let body = (method != Method::GET).then_some(body);
        let reply = server.call(method, &path, Some(&guest.token), body).await;
        reply.err(403, "M_GUEST_ACCESS_FORBIDDEN");
    }
    for path in [
        "/sync".to_owned(),
        "/devices".to_owned(),
        "/capabilities".to_owned(),
        format!("/rooms/{r}/state"),
        format!("/rooms/{r}/messages?dir=b"),
        format!("/rooms/{r}/members"),
        format!("/rooms/{r}/state/m.room.create/"),
    ] {
        guest.get(&path).await.ok();
    }
    guest.sliding(None).await;
    guest
        .post("/keys/query", json!({ "device_keys": {} }))
        .await
        .ok();
    guest
        .put("/sendToDevice/org.example.x/1", json!({ "messages": {} }))
        .await
        .ok();
    guest
        .post(&format!("/rooms/{r}/leave"), json!({}))
        .await
        .ok();
    guest.post("/logout", json!({})).await.ok();
}

#[tokio::test]
async fn a_guest_becomes_a_user_and_keeps_name_and_rooms() {
    let server = Server::start_with_registration(GUESTS).await;
    let (ada, guest) = (server.register("ada").await, guest(&server).await);
    let room = open_room(&ada, "can_join").await;
    guest.join(&room).await;
    let name = guest
        .id
        .trim_start_matches('@')
        .split(':')
        .next()
        .unwrap()
        .to_owned();
    let register = |username: &str, token: &str| {
        let body = json!({
            "username": username, "password": "correct horse battery", "guest_access_token": token,
            "auth": { "type": "m.login.dummy" },
        });
        server.call(
            Method::POST,
            "/_matrix/client/v3/register",
            None,
            Some(body),
        )
    };
    register("other", &guest.token)
        .await
        .err(403, "M_FORBIDDEN");
    register(&name, "nonsense").await.err(403, "M_FORBIDDEN");
    register("ada", &ada.token).await.err(403, "M_FORBIDDEN");
    let made = register(&name, &guest.token).await.ok();
    assert_eq!(made["user_id"], guest.id);
    let whoami = guest.get("/account/whoami").await.ok();
    assert!(!whoami["is_guest"].as_bool().unwrap_or(false));
    assert_eq!(
        guest.get("/joined_rooms").await.ok()["joined_rooms"],
        json!([room])
    );
    guest.create_room(json!({})).await;
    let login = json!({ "type": "m.login.password", "password": "correct horse battery",
        "identifier": { "type": "m.id.user", "user": name } });
    server
        .call(Method::POST, "/_matrix/client/v3/login", None, Some(login))
        .await
        .ok();
    register(&name, &guest.token).await.err(403, "M_FORBIDDEN");
    // A room that lets no guests in keeps a user.
    ada.set_state(
        &room,
        "m.room.guest_access",
        "",
        json!({ "guest_access": "forbidden" }),
    )
    .await
    .ok();
    assert_eq!(
        ada.state(&room, "m.room.member", &guest.id).await.ok()["membership"],
        "join"
    );
}
