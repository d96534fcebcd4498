//! Logs for people and machines: a span a request, slow work, nothing secret.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Server, encode};

#[tokio::test]
async fn each_request_is_a_span_with_number_path_user_status_and_time() {
    let sections = "[log]\n#\nfilter = \"debug\"\nformat = \"json\"\n";
    let server = Server::start_with(sections).await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    ada.say(&room, "a message nobody may read here").await;
    ada.get(&format!("/rooms/{}/state/m.room.none/", encode(&room)))
        .await
        .err(404, "M_NOT_FOUND");
    let is_answer = |line: &str, path: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["fields"]["message"] == "answered"
            && line["span"]["path"].as_str().unwrap().ends_with(path)
    };
    let line = server
        .logged(|line| is_answer(line, "/send/{event_type}/{txn_id}"))
        .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    let span = &line["span"];
    assert_eq!(
        (&span["name"], &span["method"], &span["status"]),
        (&json!("request"), &json!("PUT"), &json!(200))
    );
    assert_eq!(span["user"], ada.id);
    assert!(
        span["request"].as_u64().unwrap() > 0 && span["ms"].as_f64().unwrap() > 0.0,
        "{line}"
    );
    assert_eq!(line["target"], "hardline_server::requests");
    let line = server
        .logged(|line| is_answer(line, "/state/{event_type}/"))
        .await;
    assert!(line.contains("\"status\":404"), "{line}");
    let log = server.log();
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    for secret in ["nobody may read", &ada.token, "correct horse"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn slow_requests_and_commits_are_warnings_and_waiting_is_not_slow() {
    let sections = "[log]\n#\nfilter = \"warn\"\nslow_commit_ms = 300\nslow_request_ms = 400\n\
                    [testing]\nfast_password_hash = true\n";
    let server = Server::start_with(sections).await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let since = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    ada.sync(&format!("since={since}&timeout=900")).await;
    let log = server.log();
    assert!(!log.contains("slow request"), "{log}");
    assert!(log.contains("testing.fast_password_hash is on"), "{log}");
    // Somebody else keeps the database to himself for a while.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writer = ada.clone();
    let write = tokio::spawn(async move { writer.say(&room, "late").await });
    tokio::time::sleep(Duration::from_millis(900)).await;
    database.execute_batch("ROLLBACK").unwrap();
    write.await.unwrap();
    let line = server.logged(|line| line.contains("slow commit")).await;
    assert!(line.contains("ms=") && line.contains("n_writes="), "{line}");
    let line = server.logged(|line| line.contains("slow request")).await;
    assert!(line.contains("/send/") && line.contains("PUT"), "{line}");
}

#[tokio::test]
async fn fast_hashes_are_for_tests_and_work_like_others() {
    let server = Server::start_with("[testing]\nfast_password_hash = true\n").await;
    let ada = server.register("ada").await;
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let hash: String = database
        .query_row("SELECT password_hash FROM users", [], |row| row.get(0))
        .unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    for (password, status) in [("correct horse battery", 200), ("wrong", 403)] {
        let body = json!({ "type": "m.login.password", "password": password,
                           "identifier": { "type": "m.id.user", "user": ada.id } });
        let reply = server
            .call(
                reqwest::Method::POST,
                "/_matrix/client/v3/login",
                None,
                Some(body),
            )
            .await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
}
