//! What application services that encrypt are told.

use serde_json::{Value, json};

use super::service::{Service, wait_for};
use crate::support::{Server, encode};

fn device_keys(user: &str, device: &str) -> Value {
    json!({
        "user_id": user, "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": { format!("ed25519:{device}"): "c2VjcmV0" },
        "signatures": { user: { format!("ed25519:{device}"): "c2ln" } },
    })
}

const ENCRYPTS: &str = "receive_ephemeral: true\norg.matrix.msc3202: true\n";

#[tokio::test]
async fn it_gets_messages_to_devices_key_counts_and_device_lists() {
    let service = Service::start().await;
    let mut server = Server::start_with(&service.registered(ENCRYPTS)).await;
    let (mut ada, bo, bot) = (
        server.register("ada").await,
        server.register("bo").await,
        service.bot(&server),
    );
    let encrypted = json!([{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }]);
    let room = ada
        .create_room(json!({ "preset": "public_chat", "initial_state": encrypted }))
        .await;
    let ghost = bot.ghost_in("_br_cy", &room).await;
    bot.put_as(&ghost, "/devices/BR", json!({})).await;
    let keys = json!({
        "device_keys": device_keys(&ghost, "BR"),
        "one_time_keys": { "signed_curve25519:A": { "key": "a" }, "signed_curve25519:B": { "key": "b" } },
        "fallback_keys": { "signed_curve25519:F": { "key": "f", "fallback": true } },
    });
    bot.post_as(&ghost, "/keys/upload?device_id=BR", keys)
        .await
        .ok();
    let claim = json!({ "one_time_keys": { &ghost: { "BR": "signed_curve25519" } } });
    ada.post("/keys/claim", claim).await.ok();
    let send = async |user: &crate::support::User, txn: u32| {
        let body = json!({ "messages": { &ghost: { "BR": { "n": txn } }, &bo.id: { "*": { "n": txn } } } });
        user.put(&format!("/sendToDevice/m.test/{txn}"), body)
            .await
            .ok();
    };
    send(&ada, 1).await;
    let name = "de.sorunome.msc2409.to_device";
    let message = service
        .wait(name, |message| message["content"]["n"] == 1)
        .await;
    assert_eq!(
        message,
        json!({
            "type": "m.test", "sender": ada.id, "content": { "n": 1 },
            "to_user_id": ghost, "to_device_id": "BR",
        })
    );
    let (_, body) = service
        .transactions()
        .into_iter()
        .find(|(_, body)| !body[name].is_null())
        .unwrap();
    let counts = &body["org.matrix.msc3202.device_one_time_keys_count"];
    assert_eq!(counts[&ghost]["BR"]["signed_curve25519"], 1, "{body}");
    let unused = &body["org.matrix.msc3202.device_unused_fallback_key_types"];
    assert_eq!(unused[&ghost]["BR"], json!(["signed_curve25519"]));
    let lists = |key: &str| -> Vec<Value> {
        let bodies = service.transactions();
        let name = "org.matrix.msc3202.device_lists";
        let lists = bodies
            .iter()
            .map(|(_, body)| body[name][key].as_array().unwrap().clone());
        lists.flatten().collect()
    };
    // The first it shares a room with, and then somebody new, and again no longer.
    assert!(
        lists("changed").contains(&json!(ada.id)),
        "{:?}",
        service.transactions()
    );
    bo.join(&room).await;
    wait_for(|| lists("changed").contains(&json!(bo.id)), &|| {
        format!("{:?}", lists("changed"))
    })
    .await;
    bo.post(&format!("/rooms/{}/leave", encode(&room)), json!({}))
        .await
        .ok();
    wait_for(|| lists("left") == [json!(bo.id)], &|| {
        format!("{:?}", lists("left"))
    })
    .await;
    let seen = lists("changed").len();
    let keys = json!({ "device_keys": device_keys(&ada.id, "ADA1") });
    ada.post("/keys/upload", keys).await.ok();
    wait_for(
        || lists("changed")[seen..].contains(&json!(ada.id)),
        &|| format!("{:?}", lists("changed")),
    )
    .await;

    // What it has acknowledged is gone; what it has not, survives a crash.
    service.fail(&[500; 50]);
    send(&ada, 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.kill();
    service.clear_failures();
    server.spawn();
    ada.base.clone_from(&server.base);
    service
        .wait(name, |message| message["content"]["n"] == 2)
        .await;
    send(&ada, 3).await;
    service
        .wait(name, |message| message["content"]["n"] == 3)
        .await;
    let numbers: Vec<Value> = service
        .list(name)
        .iter()
        .map(|m| m["content"]["n"].clone())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    let left = || {
        let connection = rusqlite::Connection::open(server.database()).unwrap();
        let sql = "SELECT count(*) FROM to_device WHERE user_id = ?1";
        connection
            .query_row(sql, [&ghost], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    wait_for(|| left() == 0, &|| format!("{} left", left())).await;
}

#[tokio::test]
async fn a_device_that_syncs_still_gets_what_a_service_that_does_not_encrypt_is_told() {
    let service = Service::start().await;
    let section = service.registered("de.sorunome.msc2409.push_ephemeral: true\n");
    let server = Server::start_with(&section).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    bot.register("_br_cy").await.ok();
    let ghost = "@_br_cy:hs.test";
    bot.put_as(ghost, "/devices/BR", json!({})).await;
    let body = json!({ "messages": { ghost: { "BR": { "n": 1 } } } });
    ada.put("/sendToDevice/m.test/1", body).await.ok();
    service
        .wait("de.sorunome.msc2409.to_device", |message| {
            message["content"]["n"] == 1
        })
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let synced = bot.get_as(ghost, "/sync?timeout=0&device_id=BR").await.ok();
    assert_eq!(synced["to_device"]["events"][0]["content"]["n"], 1);
    let (_, body) = service.transactions().into_iter().next_back().unwrap();
    assert!(body["org.matrix.msc3202.device_lists"].is_null(), "{body}");
}
