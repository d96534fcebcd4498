//! Starting, stopping, crashing, running out of space.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::support::{Server, User, encode};

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let mut server = Server::start().await;
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let mut acknowledged = Vec::new();
    for idx in 0..20 {
        acknowledged.push(ada.say(&room, &idx.to_string()).await);
    }
    let before = ada.sync("").await;
    server.kill();
    server.spawn();
    ada.base.clone_from(&server.base);
    for event in acknowledged {
        ada.get(&format!(
            "/rooms/{}/event/{}",
            encode(&room),
            encode(&event)
        ))
        .await
        .ok();
    }
    let since = before["next_batch"].as_str().unwrap();
    assert!(ada.sync(&format!("since={since}")).await["rooms"].is_null());
    ada.say(&room, "after").await;
    let sync = ada.sync(&format!("since={since}")).await;
    assert_eq!(
        crate::support::texts(&sync["rooms"]["join"][&room]["timeline"]["events"]),
        ["after"]
    );
}

#[tokio::test]
async fn a_kill_in_the_middle_of_writing_leaves_a_whole_store() {
    let mut server = Server::start().await;
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    for round in 0..3 {
        let n_sent = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let prefix = format!(
                    "{}/_matrix/client/v3/rooms/{}/send/m.room.message/{round}-{sender}",
                    ada.base,
                    encode(&room)
                );
                tokio::spawn(send_until_refused(ada.clone(), prefix, n_sent.clone()))
            })
            .collect();
        while n_sent.load(Ordering::SeqCst) < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill();
        server.spawn();
        ada.base.clone_from(&server.base);
        let mut n_acknowledged = 0;
        for sender in senders {
            for event in sender.await.unwrap() {
                n_acknowledged += 1;
                ada.get(&format!(
                    "/rooms/{}/event/{}",
                    encode(&room),
                    encode(&event)
                ))
                .await
                .ok();
            }
        }
        assert!(n_acknowledged > 0);
        let database = rusqlite::Connection::open(server.database()).unwrap();
        let check: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
    }
    ada.say(&room, "alive").await;
}

/// Sends until the server is gone; returns what it acknowledged.
async fn send_until_refused(ada: User, prefix: String, n_sent: Arc<AtomicUsize>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for idx in 0.. {
        let body = json!({ "msgtype": "m.text", "body": "x" });
        let request = ada
            .http
            .put(format!("{prefix}-{idx}"))
            .bearer_auth(&ada.token)
            .json(&body);
        let Ok(response) = request.send().await else {
            break;
        };
        let Ok(reply) = response.json::<serde_json::Value>().await else {
            break;
        };
        acknowledged.push(reply["event_id"].as_str().unwrap().to_owned());
        n_sent.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

#[tokio::test]
async fn a_stop_signal_ends_long_polls_and_the_program_at_once() {
    let mut server = Server::start().await;
    let ada = server.register("ada").await;
    let since = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    let waiter = ada.clone();
    let wait =
        tokio::spawn(async move { waiter.sync(&format!("since={since}&timeout=30000")).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let took = tokio::task::spawn_blocking(move || server.stop())
        .await
        .unwrap();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(wait.await.unwrap()["next_batch"].is_string());
}

fn refusal(server: &Server) -> String {
    let output = server.command().output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_refused_in_plain_words() {
    let mut server = Server::start().await;
    server.stop();
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .execute(
            "UPDATE schema_versions SET version = 99 WHERE component = 'rooms'",
            [],
        )
        .unwrap();
    drop(database);
    let text = refusal(&server);
    assert!(
        text.contains("newer hardline-server") && text.contains("99"),
        "{text}"
    );
}

#[tokio::test]
async fn another_server_name_is_refused_in_plain_words() {
    let mut server = Server::start().await;
    server.stop();
    let config = std::fs::read_to_string(server.config()).unwrap();
    std::fs::write(server.config(), config.replace("hs.test", "other.test")).unwrap();
    let text = refusal(&server);
    assert!(
        text.contains("for life") && text.contains("hs.test"),
        "{text}"
    );
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let mut server = Server::start_with_storage("max_database_mib = 1\n", "").await;
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let mut acknowledged = Vec::new();
    let full = loop {
        let text = json!({ "msgtype": "m.text", "body": "x".repeat(20_000) });
        let reply = ada.send(&room, "m.room.message", text).await;
        if reply.status != 200 {
            break reply;
        }
        acknowledged.push(reply.ok()["event_id"].as_str().unwrap().to_owned());
        assert!(acknowledged.len() < 500);
    };
    let body = full.err(507, "M_RESOURCE_LIMIT_EXCEEDED");
    assert!(body["error"].as_str().unwrap().contains("full"), "{body}");
    ada.sync("").await;
    server.stop();
    let config = std::fs::read_to_string(server.config()).unwrap();
    std::fs::write(server.config(), config.replace("max_database_mib = 1", "")).unwrap();
    server.spawn();
    ada.base.clone_from(&server.base);
    for event in &acknowledged {
        ada.get(&format!("/rooms/{}/event/{}", encode(&room), encode(event)))
            .await
            .ok();
    }
    ada.say(&room, "room again").await;
}

#[test]
fn init_writes_a_configuration_that_runs_and_never_overwrites_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("server.toml");
    let init = |name: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardline-server"));
        command
            .args(["init", "--json", "--config"])
            .arg(&config)
            .args(name)
            .output()
            .unwrap()
    };
    for name in ["localhost", "127.0.0.1", "plain", "a.test:x"] {
        let output = init(&["--server-name", name]);
        assert!(!output.status.success() && !config.exists(), "{name}");
    }
    let output = init(&["--server-name", "ada.example.org"]);
    let reply: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["server_name"], "ada.example.org");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains(reply["registration_token"].as_str().unwrap()));
    assert!(!init(&["--server-name", "bo.example.org"]).status.success());
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    std::fs::write(&config, text.replace("port = 8008", "port = 70000")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hardline-server"));
    let output = command.arg("--config").arg(&config).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && error.contains("line"),
        "{error}"
    );
}
