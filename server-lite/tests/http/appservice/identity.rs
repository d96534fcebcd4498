//! Whom an application service speaks as.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{AS_TOKEN, BOT, Service};
use crate::support::{Server, V3, encode};

async fn register(server: &Server, body: Value, token: Option<&str>) -> crate::support::Reply {
    let path = format!("{V3}/register");
    server.call(Method::POST, &path, token, Some(body)).await
}

#[tokio::test]
async fn it_makes_its_users_and_nobody_elses() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let bot = service.bot(&server);
    let made = bot.register("_br_cy").await.ok();
    assert_eq!(made, json!({ "user_id": "@_br_cy:hs.test" }));
    bot.register("_br_cy").await.err(400, "M_USER_IN_USE");
    bot.register("cy").await.err(400, "M_EXCLUSIVE");
    bot.register("_br_ä ö").await.err(400, "M_INVALID_USERNAME");
    // Its bot is there without its doing.
    bot.register("bridgebot").await.err(400, "M_USER_IN_USE");
    let body = json!({ "type": "m.login.application_service", "username": "_br_di" });
    register(&server, body.clone(), None)
        .await
        .err(401, "M_MISSING_TOKEN");
    register(&server, body.clone(), Some("wrong"))
        .await
        .err(401, "M_UNKNOWN_TOKEN");
    let with_session = register(&server, body, Some(AS_TOKEN)).await.ok();
    assert!(with_session["access_token"].is_string() && with_session["device_id"].is_string());

    // People cannot have those names.
    for name in ["_br_ed", "bridgebot"] {
        let body = json!({
            "username": name, "password": "correct horse battery", "auth": { "type": "m.login.dummy" },
        });
        register(&server, body, None).await.err(400, "M_EXCLUSIVE");
        let path = format!("{V3}/register/available?username={name}");
        let reply = server.call(Method::GET, &path, None, None).await;
        reply.err(400, "M_EXCLUSIVE");
    }
}

#[tokio::test]
async fn it_speaks_as_its_users_and_nobody_else() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let ghost = "@_br_cy:hs.test";
    assert_eq!(
        bot.user.get("/account/whoami").await.ok(),
        json!({ "user_id": BOT })
    );
    let unregistered = bot.get_as(ghost, "/account/whoami").await;
    unregistered.err(403, "M_FORBIDDEN");
    bot.register("_br_cy").await.ok();
    let whoami = bot.get_as(ghost, "/account/whoami").await.ok();
    assert_eq!(whoami, json!({ "user_id": ghost }));
    for other in [ada.id.as_str(), "@_br_cy:other.test", "@nobody:hs.test"] {
        let reply = bot.get_as(other, "/account/whoami").await;
        reply.err(403, "M_FORBIDDEN");
    }
    let reply = bot.get_as("nonsense", "/account/whoami").await;
    reply.err(400, "M_INVALID_PARAM");
    // For people the parameter means nothing.
    let path = format!("/account/whoami?user_id={}", encode(BOT));
    assert_eq!(ada.get(&path).await.ok()["user_id"], ada.id.as_str());
    // A file, by the endpoint that takes no JSON.
    let url = format!(
        "{}/_matrix/media/v3/upload?user_id={}",
        server.base,
        encode(ghost)
    );
    let upload = server.http.post(url).bearer_auth(AS_TOKEN).body("hello");
    assert_eq!(upload.send().await.unwrap().status(), 200);
    // A profile, and the end of an account without a password.
    let path = format!("/profile/{}/displayname", encode(ghost));
    bot.put_as(ghost, &path, json!({ "displayname": "Cy" }))
        .await
        .ok();
    assert_eq!(ada.get(&path).await.ok()["displayname"], "Cy");
    bot.post_as(ghost, "/account/deactivate", json!({}))
        .await
        .ok();
    let reply = bot.get_as(ghost, "/account/whoami").await;
    reply.err(403, "M_USER_DEACTIVATED");
}

#[tokio::test]
async fn one_that_does_not_keep_users_to_itself_speaks_as_people_but_makes_no_user_of_others() {
    let service = Service::start().await;
    let section = service.with_puppets(&service.registered(""), "puppet-token");
    let server = Server::start_with(&section).await;
    let (ada, mut puppets) = (server.register("ada").await, service.bot(&server));
    puppets.user.token = "puppet-token".to_owned();
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    let path = format!("/rooms/{}/send/m.room.message/1", encode(&room));
    let body = json!({ "msgtype": "m.text", "body": "from the other network" });
    puppets.put_as(&ada.id, &path, body).await.ok();
    assert_eq!(ada.history(&room).await, ["from the other network"]);
    // Where people show their password, so must it.
    let body = json!({ "new_password": "correct horse battery 2" });
    let reply = puppets.post_as(&ada.id, "/account/password", body).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    puppets.register("_br_cy").await.err(400, "M_EXCLUSIVE");
    puppets.register("di").await.ok();
}

#[tokio::test]
async fn only_it_says_when_something_was_said() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bot.user.join(&room).await;
    let body = json!({ "msgtype": "m.text", "body": "old" });
    let base = format!("/rooms/{}", encode(&room));
    let mut times = Vec::new();
    for user in [&bot.user, &ada] {
        let sent = user
            .put(
                &format!("{base}/send/m.room.message/1?ts=1234567"),
                body.clone(),
            )
            .await
            .ok();
        let path = format!(
            "{base}/event/{}",
            encode(sent["event_id"].as_str().unwrap())
        );
        times.push(
            ada.get(&path).await.ok()["origin_server_ts"]
                .as_i64()
                .unwrap(),
        );
    }
    assert_eq!(times[0], 1_234_567);
    assert!(times[1] > 1_600_000_000_000, "{times:?}");
    let path = format!("{base}/state/org.example.when/x?ts=7");
    let ours = format!("{base}/state/m.room.member/{}?ts=7", encode(BOT));
    let join = json!({ "membership": "join", "displayname": "Bot" });
    ada.put(&path, json!({ "n": 1 })).await.ok();
    bot.user.put(&ours, join).await.ok();
    let all = ada.get(&format!("{base}/state")).await.ok();
    let at = |kind: &str, key: &str| {
        let mut all = all.as_array().unwrap().iter();
        let event = all.find(|event| event["type"] == kind && event["state_key"] == key);
        event.unwrap()["origin_server_ts"].as_i64().unwrap()
    };
    assert_eq!(at("m.room.member", BOT), 7);
    assert!(at("org.example.when", "x") > 1_600_000_000_000);
    let wrong = bot
        .user
        .put(&format!("{base}/send/m.room.message/2?ts=-5"), body)
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[tokio::test]
async fn it_logs_its_users_in_without_a_password() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (_, bot) = (server.register("ada").await, service.bot(&server));
    bot.register("_br_cy").await.ok();
    let login = async |user: &str, token: Option<&str>| {
        let body = json!({
            "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": user },
        });
        let path = format!("{V3}/login");
        server.call(Method::POST, &path, token, Some(body)).await
    };
    login("_br_cy", None).await.err(401, "M_MISSING_TOKEN");
    login("_br_cy", Some("wrong"))
        .await
        .err(401, "M_UNKNOWN_TOKEN");
    login("ada", Some(AS_TOKEN)).await.err(400, "M_EXCLUSIVE");
    login("_br_nobody", Some(AS_TOKEN))
        .await
        .err(403, "M_FORBIDDEN");
    let session = login("@_br_cy:hs.test", Some(AS_TOKEN)).await.ok();
    let token = session["access_token"].as_str().unwrap();
    let path = format!("{V3}/account/whoami");
    let whoami = server
        .call(Method::GET, &path, Some(token), None)
        .await
        .ok();
    assert_eq!(whoami["device_id"], session["device_id"]);
    let flows = server
        .call(Method::GET, &format!("{V3}/login"), None, None)
        .await
        .ok();
    assert!(
        flows.to_string().contains("m.login.application_service"),
        "{flows}"
    );
}

#[tokio::test]
async fn it_makes_devices_and_speaks_from_them() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("io.element.msc4190: true\n")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    bot.register("_br_cy").await.ok();
    let (ghost, device) = ("@_br_cy:hs.test", json!({ "display_name": "Bridge" }));
    let body = json!({ "type": "m.login.application_service", "username": "_br_di" });
    let reply = register(&server, body, Some(AS_TOKEN)).await;
    reply.err(400, "M_APPSERVICE_LOGIN_UNSUPPORTED");

    let made = bot.put_as(ghost, "/devices/BRIDGE", device.clone()).await;
    assert_eq!((made.status, &made.body), (201, &json!({})));
    let renamed = json!({ "display_name": "Better" });
    bot.put_as(ghost, "/devices/BRIDGE", renamed).await.ok();
    ada.put("/devices/NEW", device)
        .await
        .err(404, "M_NOT_FOUND");
    let devices = bot.get_as(ghost, "/devices").await.ok();
    assert_eq!(devices["devices"][0]["display_name"], "Better");
    for name in ["device_id", "org.matrix.msc3202.device_id"] {
        let path = format!("/account/whoami?{name}=BRIDGE");
        assert_eq!(bot.get_as(ghost, &path).await.ok()["device_id"], "BRIDGE");
    }
    let reply = bot.get_as(ghost, "/account/whoami?device_id=OTHER").await;
    reply.err(400, "M_UNKNOWN_DEVICE");

    // Keys belong to a device.
    let keys = json!({ "one_time_keys": { "signed_curve25519:A": { "key": "a" } } });
    let reply = bot.post_as(ghost, "/keys/upload", keys.clone()).await;
    reply.err(400, "M_MISSING_PARAM");
    let counts = bot
        .post_as(ghost, "/keys/upload?device_id=BRIDGE", keys)
        .await
        .ok();
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 1);
    // What people have to show their password for.
    let identity = json!({ "master_key": {
        "user_id": ghost, "usage": ["master"],
        "keys": { "ed25519:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" },
    } });
    bot.post_as(ghost, "/keys/device_signing/upload", identity)
        .await
        .ok();
    bot.delete_as(ghost, "/devices/BRIDGE").await.ok();
    let devices = bot.get_as(ghost, "/devices").await.ok();
    assert_eq!(devices["devices"], json!([]));
}

const TIGHT: &str = "[rate_limits]\nmessages = { per_second = 0.01, burst = 2 }\n";

#[tokio::test]
async fn limits_apply_to_it_as_its_registration_says() {
    for (line, limited) in [("rate_limited: false\n", false), ("", true)] {
        let service = Service::start().await;
        let namespaces =
            "namespaces:\n  users: [{exclusive: true, regex: '@_br_.*'}]\n".to_owned() + line;
        let section = service.registered_as("bridge", &namespaces);
        let server = Server::start_with(&format!("{section}{TIGHT}")).await;
        let (ada, bot) = (server.register("ada").await, service.bot(&server));
        let room = ada.create_room(json!({ "preset": "public_chat" })).await;
        bot.user.join(&room).await;
        let ghost = bot.ghost_in("_br_cy", &room).await;
        let mut statuses = Vec::new();
        for n in 0..4 {
            let path = format!("/rooms/{}/send/m.room.message/{n}", encode(&room));
            let body = json!({ "msgtype": "m.text", "body": "x" });
            bot.user.put(&path, body.clone()).await.ok();
            statuses.push(bot.put_as(&ghost, &path, body).await.status);
        }
        let expected = if limited {
            [200, 200, 429, 429]
        } else {
            [200; 4]
        };
        assert_eq!(statuses, expected);
        let send = format!("/rooms/{}/send/m.room.message/", encode(&room));
        let mut last = 0;
        for n in 0..3 {
            let body = json!({ "msgtype": "m.text", "body": "x" });
            last = ada.put(&format!("{send}{n}"), body).await.status;
        }
        assert_eq!(last, 429, "people are limited all the same");
    }
}
