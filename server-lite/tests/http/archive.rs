//! Backup while people talk, and getting everything back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Server, User, encode};

async fn upload(server: &Server, user: &User, bytes: Vec<u8>) -> String {
    let url = format!("{}/_matrix/media/v3/upload", server.base);
    let request = server.http.post(url).bearer_auth(&user.token).body(bytes);
    let reply: Value = request.send().await.unwrap().json().await.unwrap();
    reply["content_uri"].as_str().unwrap().replace("mxc://", "")
}

async fn download(server: &Server, user: &User, file: &str) -> Vec<u8> {
    let url = format!("{}/_matrix/client/v1/media/download/{file}", server.base);
    let response = server
        .http
        .get(url)
        .bearer_auth(&user.token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap().to_vec()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_under_load_brings_everything_back() {
    let mut server = Server::start().await;
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({ "name": "Archive" })).await;
    let file = upload(&server, &ada, vec![7; 100_000]).await;
    for n in 0..50 {
        ada.say(&room, &format!("before{n}")).await;
    }
    let before = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    let writer = {
        let (ada, room) = (ada.clone(), room.clone());
        tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            for n in 0..200 {
                let started = Instant::now();
                ada.say(&room, &format!("meanwhile{n}")).await;
                slowest = slowest.max(started.elapsed());
            }
            slowest
        })
    };
    let dir = server.dir().join("backup");
    let made = tokio::task::block_in_place(|| server.operated(&["backup", text(&dir)]));
    assert_eq!(
        (&made["verified"], &made["files"], &made["file_bytes"]),
        (&json!(true), &json!(1), &json!(100_000))
    );
    assert_eq!(
        made["files_copied"], 0,
        "on one file system files are not copied"
    );
    let slowest = writer.await.unwrap();
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    use std::os::unix::fs::PermissionsExt;
    for name in [
        "",
        "hardline-server.db",
        "hardline-server.toml",
        "backup.json",
    ] {
        let mode = std::fs::metadata(dir.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    assert_eq!(
        server.operated(&["restore", text(&dir), "--check"])["whole"],
        true
    );
    let said = server.refused(&["backup", text(&dir)]);
    assert!(said.contains("is not empty"), "{said}");
    // Not beside a running server, and not over what is there unless told so.
    let said = server.refused(&["restore", text(&dir)]);
    assert!(said.contains("a server is running on"), "{said}");
    server.stop();
    let said = server.refused(&["restore", text(&dir)]);
    assert!(said.contains("--replace"), "{said}");
    std::fs::remove_dir_all(server.dir().join("data/media")).unwrap();
    let restored = server.operated(&["restore", text(&dir), "--replace"]);
    assert!(
        Path::new(restored["put_aside"].as_str().unwrap())
            .join("hardline-server.db")
            .exists()
    );
    server.spawn();
    ada.base.clone_from(&server.base);
    assert_eq!(server.operated(&["database", "check"])["ok"], true);
    let history = ada.history(&room).await;
    assert!(history.iter().any(|text| text == "before49"), "{history:?}");
    assert_eq!(download(&server, &ada, &file).await, vec![7; 100_000]);
    // A client that had got further than the backup still sees what is new.
    ada.say(&room, "again").await;
    let since = ada.sync(&format!("since={before}")).await;
    let timeline = &since["rooms"]["join"][&room]["timeline"]["events"];
    assert_eq!(crate::support::texts(timeline).last().unwrap(), "again");
    ada.get(&format!("/rooms/{}/state", encode(&room)))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_were_ahead_of_the_backup_hear_of_what_comes_after() {
    let mut server = Server::start().await;
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let keys =
        json!({ "one_time_keys": { "signed_curve25519:AAAA": { "key": "k", "signatures": {} } } });
    ada.post("/keys/upload", keys).await.ok();
    let dir = server.dir().join("backup");
    server.operated(&["backup", text(&dir)]);
    for n in 0..20 {
        ada.say(&room, &format!("lost{n}")).await;
    }
    let ahead = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    server.stop();
    server.operated(&["restore", text(&dir), "--replace"]);
    server.spawn();
    ada.base.clone_from(&server.base);
    ada.say(&room, "found").await;
    let sync = ada.sync(&format!("since={ahead}")).await;
    let timeline = &sync["rooms"]["join"][&room]["timeline"]["events"];
    assert_eq!(crate::support::texts(timeline), ["found"], "{sync}");
    // Keys that may have been handed out since are not handed out again.
    let counts = &sync["device_one_time_keys_count"];
    assert_eq!(
        counts["signed_curve25519"].as_u64().unwrap_or(0),
        0,
        "{sync}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_whole_is_refused() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    upload(&server, &ada, vec![1; 1_000]).await;
    let dir = server.dir().join("backup");
    server.operated(&["backup", text(&dir)]);
    let check = || server.refused(&["restore", text(&dir), "--check"]);
    let mut content = dir.join("media/content");
    for _ in 0..2 {
        content = std::fs::read_dir(&content)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
    }
    // Not through the second name of the server's own file.
    std::fs::remove_file(&content).unwrap();
    assert!(check().contains("is missing"), "{}", check());
    std::fs::write(&content, vec![2; 1_000]).unwrap();
    assert!(check().contains("is damaged"), "{}", check());
    let database = dir.join("hardline-server.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    assert!(check().contains("has changed since"), "{}", check());
    std::fs::remove_file(dir.join("backup.json")).unwrap();
    assert!(check().contains("is no finished backup"), "{}", check());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_starts_a_server_on_another_machine() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    ada.say(&room, "moved").await;
    let dir = server.dir().join("backup");
    server.operated(&["backup", text(&dir)]);
    // Elsewhere there is nothing, not even a configuration.
    let elsewhere = tempfile::tempdir().unwrap();
    let config = elsewhere.path().join("server.toml");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .args(["restore", text(&dir), "--config", text(&config)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("is restored"));
    drop(server);
    let moved = Server::start_in(elsewhere);
    let mut ada = ada;
    ada.base.clone_from(&moved.base);
    assert_eq!(ada.history(&room).await, ["moved"]);
    ada.say(&room, "on").await;
}

#[test]
fn versions_need_no_configuration() {
    let version = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hardline-server"));
        String::from_utf8(command.args(args).output().unwrap().stdout).unwrap()
    };
    let text = version(&["version"]);
    assert!(
        text.starts_with("hardline-server 0.") && text.contains("room versions: 6, 7"),
        "{text}"
    );
    let value: Value = serde_json::from_str(&version(&["version", "--json"])).unwrap();
    assert!(value["schema"]["rooms"].as_u64().unwrap() >= 3, "{value}");
}
