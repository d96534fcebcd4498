//! Addresses, rooms and users behind an application service.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{AS_TOKEN, BOT, Service};
use crate::support::{Server, encode};

#[tokio::test]
async fn its_addresses_are_its_own() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bot.user.join(&room).await;
    let point = |alias: &str| format!("/directory/room/{}", encode(&format!("#{alias}:hs.test")));
    let body = json!({ "room_id": room });
    ada.put(&point("_br_tea"), body.clone())
        .await
        .err(400, "M_EXCLUSIVE");
    let named = json!({ "room_alias_name": "_br_tea" });
    ada.post("/createRoom", named).await.err(400, "M_EXCLUSIVE");
    bot.user
        .put(&point("tea"), body.clone())
        .await
        .err(400, "M_EXCLUSIVE");
    let outside = json!({ "room_alias_name": "tea" });
    bot.user
        .post("/createRoom", outside)
        .await
        .err(400, "M_EXCLUSIVE");
    bot.user.put(&point("_br_tea"), body).await.ok();
    assert_eq!(
        ada.get(&point("_br_tea")).await.ok()["room_id"],
        json!(room)
    );
    // It manages them as any of its users.
    bot.register("_br_cy").await.ok();
    bot.delete_as("@_br_cy:hs.test", &point("_br_tea"))
        .await
        .ok();
    ada.get(&point("_br_tea")).await.err(404, "M_NOT_FOUND");
    bot.user
        .delete(&point("_br_tea"))
        .await
        .err(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn it_is_asked_for_users_and_rooms_that_are_not_there() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let ada = server.register("ada").await;
    service.makes(&server, "@_br_cy:hs.test", "_br_cy");
    service.makes(&server, "#_br_tea:hs.test", "_br_tea");
    let room = ada.create_room(json!({})).await;
    let invite = format!("/rooms/{}/invite", encode(&room));
    let invited = async |user: &str| ada.post(&invite, json!({ "user_id": user })).await;
    invited("@_br_cy:hs.test").await.ok();
    invited("@_br_no:hs.test").await.err(404, "M_NOT_FOUND");
    invited("@nobody:hs.test").await.err(404, "M_NOT_FOUND");
    let profile = format!("/profile/{}", encode("@_br_cy:hs.test"));
    ada.get(&profile).await.ok();

    ada.post(&format!("/join/{}", encode("#_br_no:hs.test")), json!({}))
        .await
        .err(404, "M_NOT_FOUND");
    ada.join("#_br_tea:hs.test").await;
    let found = format!("/directory/room/{}", encode("#_br_tea:hs.test"));
    let found = ada.get(&found).await.ok();
    let joined = ada.get("/joined_rooms").await.ok();
    let joined = joined["joined_rooms"].as_array().unwrap();
    assert!(joined.contains(&found["room_id"]));
    let asked: Vec<String> = service
        .asked()
        .into_iter()
        .filter(|asked| asked.method == Method::GET)
        .map(|asked| asked.path)
        .collect();
    let base = "/_matrix/app/v1";
    // One that knows nothing there is asked at the path of before as well.
    assert_eq!(
        asked,
        [
            format!("{base}/users/@_br_cy:hs.test"),
            format!("{base}/users/@_br_no:hs.test"),
            "/users/@_br_no:hs.test".to_owned(),
            format!("{base}/rooms/#_br_no:hs.test"),
            "/rooms/#_br_no:hs.test".to_owned(),
            format!("{base}/rooms/#_br_tea:hs.test"),
        ]
    );
}

#[tokio::test]
async fn networks_are_looked_up_where_they_are_known() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("protocols: [irc, mute]\n")).await;
    let ada = server.register("ada").await;
    let base = "/_matrix/app/v1/thirdparty";
    let irc = json!({
        "user_fields": ["nick"], "location_fields": ["channel"], "field_types": {}, "icon": "mxc://hs.test/i",
        "instances": [{ "network_id": "libera", "desc": "Libera", "fields": {} }],
    });
    service.knows(&format!("{base}/protocol/irc"), irc);
    let cy = json!({ "userid": "@_br_cy:hs.test", "protocol": "irc", "fields": { "nick": "cy" } });
    let tea =
        json!({ "alias": "#_br_tea:hs.test", "protocol": "irc", "fields": { "channel": "#tea" } });
    service.knows(&format!("{base}/user/irc"), json!([cy, { "userid": 7 }]));
    service.knows(&format!("{base}/user"), json!([cy]));
    service.knows(&format!("{base}/location/irc"), json!([tea]));
    service.knows(&format!("{base}/location"), json!([tea]));

    let all = ada.get("/thirdparty/protocols").await.ok();
    assert_eq!(all.as_object().unwrap().len(), 1, "{all}");
    assert_eq!(all["irc"]["instances"][0]["instance_id"], "bridge|libera");
    assert_eq!(ada.get("/thirdparty/protocol/irc").await.ok(), all["irc"]);
    ada.get("/thirdparty/protocol/mute")
        .await
        .err(404, "M_NOT_FOUND");
    ada.get("/thirdparty/protocol/xmpp")
        .await
        .err(404, "M_NOT_FOUND");
    let found = ada
        .get("/thirdparty/user/irc?nick=cy&network=libera")
        .await
        .ok();
    assert_eq!(found, json!([cy]));
    let asked = service.asked();
    let asked = asked
        .iter()
        .find(|asked| asked.path.ends_with("/user/irc"))
        .unwrap();
    let mut fields: Vec<&str> = asked.query.split('&').collect();
    fields.sort_unstable();
    assert_eq!(fields, ["network=libera", "nick=cy"]);
    ada.get("/thirdparty/user/mute?nick=cy")
        .await
        .err(404, "M_NOT_FOUND");
    assert_eq!(
        ada.get("/thirdparty/location/irc?channel=x").await.ok(),
        json!([tea])
    );
    let by_id = |user: &str| format!("/thirdparty/user?userid={}", encode(user));
    assert_eq!(ada.get(&by_id("@_br_cy:hs.test")).await.ok(), json!([cy]));
    ada.get(&by_id(&ada.id)).await.err(404, "M_NOT_FOUND");
    let by_alias = |alias: &str| format!("/thirdparty/location?alias={}", encode(alias));
    assert_eq!(
        ada.get(&by_alias("#_br_tea:hs.test")).await.ok(),
        json!([tea])
    );
    ada.get(&by_alias("#tea:hs.test"))
        .await
        .err(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn it_fills_the_directory_of_its_network() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": "Portal" }))
        .await;
    let open = json!({ "preset": "public_chat", "name": "Open", "visibility": "public" });
    ada.create_room(open).await;
    let list = |network: &str| format!("/directory/list/appservice/{network}/{}", encode(&room));
    let public = json!({ "visibility": "public" });
    ada.put(&list("libera"), public.clone())
        .await
        .err(403, "M_FORBIDDEN");
    bot.user.put(&list("libera"), public.clone()).await.ok();
    let nowhere = format!(
        "/directory/list/appservice/libera/{}",
        encode("!no:hs.test")
    );
    bot.user.put(&nowhere, public).await.err(404, "M_NOT_FOUND");
    let shown = async |body: Value| -> Vec<String> {
        let found = ada.post("/publicRooms", body).await.ok();
        let rooms = found["chunk"].as_array().unwrap().iter();
        let mut names: Vec<String> = rooms
            .map(|room| room["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(shown(json!({})).await, ["Open"]);
    let network = |id: &str| json!({ "third_party_instance_id": id });
    assert_eq!(shown(network("bridge|libera")).await, ["Portal"]);
    assert!(shown(network("bridge|oftc")).await.is_empty());
    assert!(shown(network("nonsense")).await.is_empty());
    let all = json!({ "include_all_networks": true });
    assert_eq!(shown(all.clone()).await, ["Open", "Portal"]);
    bot.user
        .put(&list("libera"), json!({ "visibility": "private" }))
        .await
        .ok();
    assert_eq!(shown(all).await, ["Open"]);
}

#[tokio::test]
async fn it_learns_whether_it_can_be_reached() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let ada = server.register("ada").await;
    let ping = async |id: &str, token: &str| {
        let path = format!("/_matrix/client/v1/appservice/{id}/ping");
        let body = Some(json!({ "transaction_id": "t" }));
        server.call(Method::POST, &path, Some(token), body).await
    };
    ping("bridge", &ada.token).await.err(403, "M_FORBIDDEN");
    ping("other", AS_TOKEN).await.err(403, "M_FORBIDDEN");
    let error = ping("bridge", AS_TOKEN).await.err(502, "M_BAD_STATUS");
    assert_eq!(error["status"], 404);
    assert!(
        error["body"].as_str().unwrap().contains("M_NOT_FOUND"),
        "{error}"
    );
    service.knows("/_matrix/app/v1/ping", json!({}));
    let answer = ping("bridge", AS_TOKEN).await.ok();
    assert!(answer["duration_ms"].is_u64(), "{answer}");
    let asked = service.asked();
    assert_eq!(asked.last().unwrap().body, json!({ "transaction_id": "t" }));

    for (url, status, code) in [
        ("null", 400, "M_URL_NOT_SET"),
        ("http://127.0.0.1:1", 502, "M_CONNECTION_FAILED"),
    ] {
        let mut unreachable = Service::start().await;
        unreachable.url = url.to_owned();
        let server = Server::start_with(&unreachable.registered("")).await;
        let path = "/_matrix/client/v1/appservice/bridge/ping";
        let reply = server
            .call(Method::POST, path, Some(AS_TOKEN), Some(json!({})))
            .await;
        reply.err(status, code);
        // It can speak all the same.
        let whoami = unreachable
            .bot(&server)
            .user
            .get("/account/whoami")
            .await
            .ok();
        assert_eq!(whoami["user_id"], BOT);
    }
}
