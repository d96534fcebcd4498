//! A disk that fills up: told in time, files refused first, messages last.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User};

async fn upload(server: &Server, user: &User) -> (u16, Value) {
    let url = format!("{}/_matrix/media/v3/upload", server.base);
    let request = server
        .http
        .post(url)
        .bearer_auth(&user.token)
        .body(vec![7; 1000]);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_files_and_still_takes_messages() {
    // No disk has that much room: as good as full.
    let sections = "[metrics]\naddress = \"127.0.0.1:0\"\n[log]\n#\nfilter = \"warn\"\n";
    let mut server = Server::start_with_storage("reserve_mib = 4000000000", sections).await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let (status, body) = upload(&server, &ada).await;
    assert_eq!(
        (status, &body["errcode"]),
        (507, &json!("M_RESOURCE_LIMIT_EXCEEDED"))
    );
    let text = body["error"].as_str().unwrap();
    assert!(
        text.contains("nearly full") && text.contains("only messages"),
        "{text}"
    );
    ada.say(&room, "still talking").await;
    server
        .logged(|line| {
            line.contains("the disk is filling up") && line.contains("files_refused=true")
        })
        .await;
    let status = server.operated(&["status"]);
    assert_eq!(
        (&status["running"], &status["disk_level"]),
        (&json!(true), &json!("files_refused"))
    );
    let told = String::from_utf8(server.operate_raw(&["status"]).stdout).unwrap();
    assert!(told.contains("NEARLY FULL: files are refused"), "{told}");
    let url = format!("{}/metrics", server.others[0].1);
    let metrics = server
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains("hardline_disk_files_refused 1"),
        "{metrics}"
    );
    // With the reserve of the disk it has, files are taken again.
    server.stop();
    let config = std::fs::read_to_string(server.config()).unwrap();
    std::fs::write(
        server.config(),
        config.replace("reserve_mib = 4000000000", "reserve_mib = 0"),
    )
    .unwrap();
    server.spawn();
    assert_eq!(upload(&server, &ada).await.0, 200);
}

#[tokio::test]
async fn the_time_until_it_is_full_is_told_before_it_is() {
    let sections = "[log]\n#\nfilter = \"warn\"\n";
    let storage = "max_database_mib = 64\nwatch_seconds = 1\nreserve_mib = 0";
    let server = Server::start_with_storage(storage, sections).await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let writer = {
        let (ada, room) = (ada.clone(), room.clone());
        tokio::spawn(async move {
            for _ in 0..400 {
                let text = json!({ "msgtype": "m.text", "body": "x".repeat(50_000) });
                ada.send(&room, "m.room.message", text).await.ok();
                tokio::time::sleep(Duration::from_millis(80)).await;
            }
        })
    };
    let line = server
        .logged(|line| line.contains("the disk is filling up: full in "))
        .await;
    assert!(line.contains("database_room_mib="), "{line}");
    let status = server.operated(&["status"]);
    let left = status["disk_full_in_seconds"].as_u64().unwrap();
    // Half a megabyte a second of sixty.
    assert!((10..1_000).contains(&left), "{status}");
    writer.abort();
    ada.say(&room, "in time").await;
}

#[tokio::test]
async fn a_data_folder_with_a_long_name_is_no_obstacle() {
    let deep = format!("{0}/{0}", "long".repeat(20));
    let config = format!(
        "[server]\nname = \"hs.test\"\n[listen]\nport = 0\n[storage]\npath = \"{deep}\"\n\
         [registration]\nopen = true\n"
    );
    let server = Server::start_with_config(&config);
    server.register("ada").await;
    let started = std::time::Instant::now();
    while server.operated(&["status"])["running"] != true {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn status_tells_of_a_stopped_server_what_its_data_says() {
    let mut server = Server::start().await;
    server.register("ada").await.create_room(json!({})).await;
    let status = server.operated(&["status"]);
    assert_eq!(
        (&status["running"], &status["users"], &status["rooms"]),
        (&json!(true), &json!(1), &json!(1))
    );
    let told = String::from_utf8(server.operate_raw(&["status"]).stdout).unwrap();
    assert!(
        told.contains("hs.test has been running for") && told.contains("of 1; rooms: 1"),
        "{told}"
    );
    server.stop();
    let status = server.operated(&["status"]);
    assert_eq!(
        (&status["running"], &status["users"], &status["rooms"]),
        (&json!(false), &json!(1), &json!(1))
    );
    // A killed server leaves its socket behind, which fools nobody.
    server.spawn();
    server.kill();
    assert_eq!(server.operated(&["status"])["running"], false);
    server.spawn();
    assert_eq!(server.operated(&["status"])["running"], true);
    let reply = server
        .call(Method::GET, "/_matrix/client/versions", None, None)
        .await;
    reply.ok();
}
