//! Databases as earlier versions left them are opened, brought up to date, and lose nothing. A fixture is the dump
//! (`sqlite3 FILE .dump`) of a database with two people, a room, a reaction, a thread, a redaction, receipts and account
//! data; it is named after the month in which its schema landed and never changes.

use reqwest::Method;
use serde_json::json;

use crate::support::{Server, encode};

const FIXTURES: [(&str, &str); 1] = [("2026-11", include_str!("../fixtures/2026-11.sql"))];

/// A server on the data of an earlier version.
async fn server_on(dump: &str) -> Server {
    let mut server = Server::start().await;
    server.stop();
    let path = server.database();
    std::fs::remove_file(&path).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(dump).unwrap();
    drop(connection);
    server.spawn();
    server
}

#[tokio::test]
async fn every_database_that_ever_landed_is_opened_with_all_that_is_in_it() {
    for (name, dump) in FIXTURES {
        let server = server_on(dump).await;
        let login = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": "ada" },
            "password": "correct horse battery",
        });
        let reply = server
            .call(Method::POST, "/_matrix/client/v3/login", None, Some(login))
            .await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        let token = reply.body["access_token"].as_str().unwrap().to_owned();
        let get = async |path: &str| {
            let reply = server.call(Method::GET, path, Some(&token), None).await;
            assert_eq!(reply.status, 200, "{name}: {path}: {reply:?}");
            reply.body
        };

        let filter = encode(r#"{"room":{"timeline":{"limit":50}}}"#);
        let sync = get(&format!("/_matrix/client/v3/sync?filter={filter}")).await;
        let rooms = sync["rooms"]["join"].as_object().unwrap();
        let (room_id, room) = rooms.iter().next().unwrap();
        let events = room["timeline"]["events"].as_array().unwrap();
        let bodies: Vec<&str> = events
            .iter()
            .filter_map(|event| event["content"]["body"].as_str())
            .collect();
        let mut wanted: Vec<String> = (0..12)
            .filter(|&n| n != 5) // redacted
            .map(|n| format!("message {n} before the upgrade"))
            .collect();
        wanted.push("in a thread".to_owned());
        assert_eq!(bodies, wanted, "{name}");
        assert_eq!(
            events
                .iter()
                .filter(|event| event["type"] == "m.reaction")
                .count(),
            1,
            "{name}"
        );
        let tags = room["account_data"]["events"].to_string();
        assert!(tags.contains("m.favourite"), "{name}: {tags}");
        assert!(sync["account_data"].to_string().contains("green"), "{name}");

        let found = get("/_matrix/client/v3/directory/room/%23harbor:hs.test").await;
        assert_eq!(&found["room_id"], room_id, "{name}");
        let profile = get("/_matrix/client/v3/profile/@ada:hs.test").await;
        assert_eq!(profile["displayname"], "Ada Castellan", "{name}");
        // and life goes on
        let path = format!(
            "/_matrix/client/v3/rooms/{}/send/m.room.message/after",
            encode(room_id)
        );
        let body = json!({ "msgtype": "m.text", "body": "after the upgrade" });
        let sent = server
            .call(Method::PUT, &path, Some(&token), Some(body))
            .await;
        assert_eq!(sent.status, 200, "{name}: {sent:?}");
    }
}
