//! How much may be stored, and for how long.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User, encode};

/// Different content each time, so that nothing is stored twice.
fn bytes(n: usize, seed: u8) -> Vec<u8> {
    (0..n).map(|at| (at % 251) as u8 ^ seed).collect()
}

async fn upload(user: &User, bytes: Vec<u8>) -> (u16, Value) {
    let url = format!("{}/_matrix/media/v3/upload", user.base);
    let request = user
        .http
        .post(url)
        .bearer_auth(&user.token)
        .header("content-type", "image/png");
    let response = request.body(bytes).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Uploads what fits, and returns its address.
async fn stored(user: &User, bytes: Vec<u8>) -> String {
    let (status, body) = upload(user, bytes).await;
    assert_eq!(status, 200, "{body}");
    body["content_uri"].as_str().unwrap().to_owned()
}

async fn status_of(user: &User, uri: &str) -> u16 {
    let path = uri.trim_start_matches("mxc://");
    let url = format!("{}/_matrix/client/v1/media/download/{path}", user.base);
    user.http
        .get(url)
        .bearer_auth(&user.token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

fn n_files(server: &Server) -> usize {
    let content = server.database().with_file_name("media").join("content");
    let folders = std::fs::read_dir(content).unwrap();
    folders
        .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
        .sum()
}

const MIB: usize = 1 << 20;

#[tokio::test]
async fn one_user_stores_only_so_much_and_others_are_not_held_up() {
    let server = Server::start_with("[media]\nquota_mib_per_user = 2\n").await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let first = stored(&ada, bytes(MIB, 1)).await;
    let (status, refused) = upload(&ada, bytes(MIB + 1, 2)).await;
    assert_eq!(
        (status, &refused["errcode"]),
        (403, &json!("M_USER_LIMIT_EXCEEDED")),
        "{refused}"
    );
    assert!(
        refused["info_uri"]
            .as_str()
            .unwrap()
            .starts_with("https://"),
        "{refused}"
    );
    assert!(
        refused["error"].as_str().unwrap().contains("2 MiB"),
        "{refused}"
    );
    stored(&ada, bytes(MIB, 3)).await;
    assert_eq!(upload(&ada, vec![1]).await.0, 403);
    // What was uploaded by another counts for both.
    stored(&bo, bytes(MIB, 1)).await;
    let bo_s = server.operate(&["media", "list", "--user", "bo"]).unwrap();
    assert_eq!(
        (&bo_s["bytes"], bo_s["files"].as_array().unwrap().len()),
        (&json!(MIB), 1)
    );
    // An address that was reserved has the same quota.
    let made = server
        .call(
            Method::POST,
            "/_matrix/media/v1/create",
            Some(&ada.token),
            Some(json!({})),
        )
        .await
        .ok();
    let path = made["content_uri"].as_str().unwrap().replace("mxc://", "");
    let put = ada
        .http
        .put(format!("{}/_matrix/media/v3/upload/{path}", ada.base))
        .bearer_auth(&ada.token)
        .body(vec![1_u8; 10]);
    let refused: Value = put.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["errcode"], "M_USER_LIMIT_EXCEEDED");
    // What is deleted makes room.
    server.operate(&["media", "delete", &first]).unwrap();
    assert_eq!(status_of(&ada, &first).await, 404);
    stored(&ada, bytes(MIB, 4)).await;
}

#[tokio::test]
async fn all_together_store_only_so_much_and_nothing_is_left_behind() {
    let server = Server::start_with("[media]\nmax_total_mib = 2\n").await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    stored(&ada, bytes(MIB, 1)).await;
    let (status, refused) = upload(&bo, bytes(MIB + 1, 2)).await;
    assert_eq!(
        (status, &refused["errcode"]),
        (507, &json!("M_RESOURCE_LIMIT_EXCEEDED")),
        "{refused}"
    );
    // The same file takes no more room.
    stored(&bo, bytes(MIB, 1)).await;
    assert_eq!(n_files(&server), 1);
    // Of many at once only as many are taken as fit.
    let uploads = (0..6).map(|n| upload(&bo, bytes(MIB / 2, 10 + n)));
    let statuses = futures_util::future::join_all(uploads).await;
    let n_taken = statuses.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(n_taken, 2, "{statuses:?}");
    assert!(
        statuses
            .iter()
            .all(|(status, _)| matches!(status, 200 | 507)),
        "{statuses:?}"
    );
    let all = server.operate(&["media", "list"]).unwrap();
    assert_eq!(all["bytes"], 2 * MIB);
    server
        .operate(&["media", "purge", "--unread-days", "36500"])
        .unwrap();
    assert_eq!(
        n_files(&server),
        3,
        "those that came too late are cleared up"
    );
}

#[tokio::test]
async fn files_are_listed_and_deleted_by_the_operator() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let (first, second) = (
        stored(&ada, bytes(1000, 1)).await,
        stored(&bo, bytes(1000, 1)).await,
    );
    let other = stored(&ada, bytes(500, 2)).await;
    let all = server.operate(&["media", "list"]).unwrap();
    assert_eq!(all["bytes"], 1500);
    let listed = all["files"].as_array().unwrap();
    let of = |uri: &str| {
        listed
            .iter()
            .find(|file| uri.ends_with(file["media_id"].as_str().unwrap()))
            .unwrap()
    };
    assert_eq!(
        (
            &of(&second)["user_id"],
            &of(&second)["size"],
            &of(&second)["content_type"]
        ),
        (&json!(bo.id), &json!(1000), &json!("image/png"))
    );
    let removed = server.operate(&["media", "delete", &first]).unwrap();
    assert_eq!(removed, json!({ "addresses": 1, "files": 0, "bytes": 0 }));
    assert_eq!(
        (status_of(&bo, &first).await, status_of(&bo, &second).await),
        (404, 200)
    );
    let id = second.rsplit('/').next().unwrap();
    let removed = server.operate(&["media", "delete", id, &other]).unwrap();
    assert_eq!(
        removed,
        json!({ "addresses": 2, "files": 2, "bytes": 1500 })
    );
    assert_eq!(n_files(&server), 0);
    assert!(
        server
            .operate(&["media", "delete", id])
            .unwrap_err()
            .contains("no such file")
    );
    assert!(
        server
            .operate(&["media", "delete", "mxc://elsewhere.test/x"])
            .unwrap_err()
            .contains("not of this server")
    );
    // The same can come again.
    let again = stored(&ada, bytes(1000, 1)).await;
    assert_eq!(status_of(&bo, &again).await, 200);
}

/// Makes everything look as if it had last been read `days` ago.
fn age(server: &Server, days: i64) {
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let ms = days * 24 * 60 * 60 * 1000;
    database
        .execute(
            "UPDATE media_files SET last_read_at = last_read_at - ?1",
            [ms],
        )
        .unwrap();
}

/// Files shown in every way that keeps them; ada's room.
async fn shown(ada: &User) -> Vec<String> {
    let mut uris = Vec::new();
    for seed in 0..5 {
        uris.push(stored(ada, bytes(100, seed)).await);
    }
    let profile = format!("/profile/{}/avatar_url", encode(&ada.id));
    ada.put(&profile, json!({ "avatar_url": uris[0] }))
        .await
        .ok();
    let room = ada.create_room(json!({})).await;
    ada.set_state(&room, "m.room.avatar", "", json!({ "url": uris[1] }))
        .await
        .ok();
    let pack = json!({ "images": { "cat": { "url": uris[2] } } });
    ada.set_state(&room, "m.room.image_pack", "cats", pack)
        .await
        .ok();
    ada.set_account_data(
        "im.ponies.user_emotes",
        json!({ "images": { "dog": { "url": uris[3] } } }),
    )
    .await;
    ada.set_state(
        &room,
        "m.room.member",
        &ada.id,
        json!({ "membership": "join", "avatar_url": uris[4] }),
    )
    .await
    .ok();
    uris
}

fn restart(server: &mut Server, user: &mut User) {
    server.stop();
    server.spawn();
    user.base.clone_from(&server.base);
}

#[tokio::test]
async fn what_nobody_reads_goes_and_what_is_shown_or_read_stays() {
    let mut server = Server::start_with("[media]\nretention_days = 30\n").await;
    let mut ada = server.register("ada").await;
    let kept = shown(&ada).await;
    let (unread, read) = (
        stored(&ada, bytes(100, 50)).await,
        stored(&ada, bytes(100, 51)).await,
    );
    let room = ada.create_room(json!({})).await;
    ada.send(
        &room,
        "m.room.message",
        json!({ "msgtype": "m.image", "body": "x", "url": unread }),
    )
    .await
    .ok();
    age(&server, 29);
    assert_eq!(status_of(&ada, &read).await, 200);
    // That it was read is noted a moment later.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let started = Instant::now();
    let is_noted = || {
        let sql =
            "SELECT count(*) FROM media_files WHERE last_read_at > (unixepoch() - 3600) * 1000";
        database
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
            == 1
    };
    while !is_noted() {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(database);
    restart(&mut server, &mut ada);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(n_files(&server), kept.len() + 2, "the time has not come");
    age(&server, 2);
    restart(&mut server, &mut ada);
    let started = Instant::now();
    while n_files(&server) != kept.len() + 1 {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "it is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (status_of(&ada, &unread).await, status_of(&ada, &read).await),
        (404, 200)
    );
    for uri in &kept {
        assert_eq!(status_of(&ada, uri).await, 200, "{uri}");
    }
}

#[tokio::test]
async fn the_operator_purges_what_nobody_has_read() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let kept = shown(&ada).await;
    let (by_ada, by_bo) = (
        stored(&ada, bytes(100, 60)).await,
        stored(&bo, bytes(100, 61)).await,
    );
    let purge = |more: &[&str]| {
        server
            .operate(&[&["media", "purge", "--unread-days", "7"], more].concat())
            .unwrap()
    };
    assert_eq!(purge(&[])["addresses"], 0);
    age(&server, 8);
    let dry = purge(&["--dry-run"]);
    assert_eq!(dry["would_delete"].as_array().unwrap().len(), 2, "{dry}");
    assert_eq!(
        purge(&["--user", "bo"]),
        json!({ "addresses": 1, "files": 1, "bytes": 100 })
    );
    assert_eq!(status_of(&ada, &by_bo).await, 404);
    assert_eq!(purge(&[])["addresses"], 1);
    assert_eq!(status_of(&ada, &by_ada).await, 404);
    for uri in &kept {
        assert_eq!(status_of(&bo, uri).await, 200, "{uri}");
    }
}

#[tokio::test]
async fn a_database_from_before_an_update_knows_what_is_stored() {
    let mut server = Server::start().await;
    let ada = server.register("ada").await;
    let uri = stored(&ada, bytes(1000, 1)).await;
    stored(&ada, bytes(1000, 1)).await;
    server.stop();
    // As an older version left it.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .execute_batch(
            "DROP TRIGGER media_usage_new; DROP TRIGGER media_usage_filled; DROP TRIGGER media_usage_gone;
             DROP TABLE media_files; DROP TABLE media_usage; DROP TABLE media_total; DROP INDEX media_by_file;
             UPDATE schema_versions SET version = 1 WHERE component = 'media'",
        )
        .unwrap();
    drop(database);
    server.spawn();
    let ada = User {
        base: server.base.clone(),
        ..ada
    };
    let all = server.operate(&["media", "list", "--user", "ada"]).unwrap();
    assert_eq!(
        (&all["bytes"], all["files"].as_array().unwrap().len()),
        (&json!(2000), 2)
    );
    assert_eq!(server.operate(&["media", "list"]).unwrap()["bytes"], 1000);
    assert_eq!(status_of(&ada, &uri).await, 200);
    assert_eq!(
        server
            .operate(&["media", "purge", "--unread-days", "1"])
            .unwrap()["addresses"],
        0
    );
}

#[tokio::test]
async fn addresses_can_be_reserved_in_small_numbers_and_for_a_time() {
    let server = Server::start().await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let create = |user: &User| {
        let token = user.token.clone();
        let server = &server;
        async move {
            let path = "/_matrix/media/v1/create";
            server
                .call(Method::POST, path, Some(&token), Some(json!({})))
                .await
        }
    };
    let mut uris = Vec::new();
    for _ in 0..30 {
        let made = create(&ada).await.ok();
        uris.push(made["content_uri"].as_str().unwrap().to_owned());
    }
    let refused = create(&ada).await.err(429, "M_LIMIT_EXCEEDED");
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0, "{refused}");
    create(&bo).await.ok();
    let fill = |uri: &str| {
        let path = uri.trim_start_matches("mxc://");
        let url = format!("{}/_matrix/media/v3/upload/{path}", server.base);
        let request = server.http.put(url).bearer_auth(&ada.token).body("x");
        async move { request.send().await.unwrap().status().as_u16() }
    };
    // One that is filled makes room for another; one whose time is over is gone.
    assert_eq!(fill(&uris[0]).await, 200);
    create(&ada).await.ok();
    create(&ada).await.err(429, "M_LIMIT_EXCEEDED");
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let id = uris[1].rsplit('/').next().unwrap();
    database
        .execute("UPDATE media SET expires_at = 1 WHERE media_id = ?1", [id])
        .unwrap();
    assert_eq!(fill(&uris[1]).await, 404);
    assert_eq!(status_of(&bo, &uris[1]).await, 404);
    create(&ada).await.ok();
}
