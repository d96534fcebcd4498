//! What users report, and what administrators do about it.

use anyhow::Result;
use hardline_testkit::{Client, HardlineServer, Homeserver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    admin::json_of,
    support::{confirmed, log_in, refused, sync, text},
};

async fn admin(server: &HardlineServer) -> Result<Client> {
    json_of(
        server,
        &["user", "add", "root", "--admin", "--password-stdin"],
        "secret\n",
    )?;
    Client::login(server.base_url(), "root", "secret").await
}

async fn put(client: &Client, path: &str, body: Value) -> Result<hardline_testkit::client::Answer> {
    client.request(Method::PUT, path, Some(&body)).await
}

#[tokio::test]
async fn reports_reach_the_administrator() -> Result<()> {
    let server = HardlineServer::start().await?;
    let (ada, bo) = (server.register("ada").await?, server.register("bo").await?);
    let room = ada.create_room(json!({ "preset": "private_chat" })).await?;
    let event = ada.send_text(&room, "rude words").await?;
    let path = format!("v3/rooms/{room}/report/{event}");
    let reason = json!({ "reason": "rude", "score": -100 });
    let stranger = bo.request(Method::POST, &path, Some(&reason)).await?;
    refused(&stranger, 404, "M_NOT_FOUND");
    ada.invite(&room, &bo.user_id).await?;
    bo.join(&room).await?;
    bo.post(&path, reason).await?;
    bo.post(
        &format!("v3/rooms/{room}/report"),
        json!({ "reason": "bad room" }),
    )
    .await?;
    bo.post(
        &format!("v3/users/{}/report", ada.user_id),
        json!({ "reason": "bad person" }),
    )
    .await?;
    for path in ["v3/rooms/!none:x/report", "v3/users/@nobody:x/report"] {
        let answer = bo
            .request(Method::POST, path, Some(&json!({ "reason": "" })))
            .await?;
        refused(&answer, 404, "M_NOT_FOUND");
    }
    let reports = json_of(&server, &["report", "list"], "")?;
    let list = reports.as_array().unwrap();
    assert_eq!(list.len(), 3, "{reports}");
    assert_eq!(
        (
            &list[0]["reporter"],
            &list[0]["event_id"],
            &list[0]["reason"]
        ),
        (&json!(bo.user_id), &json!(event), &json!("rude"))
    );
    assert_eq!(list[1]["room_id"], room);
    assert_eq!(list[2]["user_id"], ada.user_id);
    json_of(
        &server,
        &["report", "delete", &list[0]["id"].to_string()],
        "",
    )?;
    let left = json_of(&server, &["report", "list"], "")?;
    assert_eq!(left.as_array().unwrap().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_locked_account_waits_for_better_days() -> Result<()> {
    let server = HardlineServer::start().await?;
    let (root, ada, bo) = (
        admin(&server).await?,
        server.register("ada").await?,
        server.register("bo").await?,
    );
    let path = format!("v1/admin/lock/{}", ada.user_id);
    let lock = json!({ "locked": true });
    refused(&put(&bo, &path, lock.clone()).await?, 403, "M_FORBIDDEN");
    refused(
        &put(
            &root,
            &format!("v1/admin/lock/{}", root.user_id),
            lock.clone(),
        )
        .await?,
        403,
        "M_FORBIDDEN",
    );
    refused(
        &put(&root, "v1/admin/lock/@nobody:x", lock.clone()).await?,
        404,
        "M_NOT_FOUND",
    );
    assert_eq!(root.put(&path, lock).await?, json!({ "locked": true }));
    assert_eq!(root.get(&path).await?, json!({ "locked": true }));
    let answer = ada.request(Method::GET, "v3/account/whoami", None).await?;
    refused(&answer, 401, "M_USER_LOCKED");
    root.put(&path, json!({ "locked": false })).await?;
    ada.get("v3/account/whoami").await?;
    // A client learns who may do this.
    let may = |capabilities: Value| capabilities["capabilities"]["m.account_moderation"].clone();
    assert_eq!(may(root.get("v3/capabilities").await?)["lock"], true);
    assert_eq!(may(ada.get("v3/capabilities").await?), Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_suspended_user_reads_and_does_not_speak() -> Result<()> {
    let server = HardlineServer::start().await?;
    let (root, ada, bo) = (
        admin(&server).await?,
        server.register("ada").await?,
        server.register("bo").await?,
    );
    let room = bo.create_room(json!({ "preset": "public_chat" })).await?;
    ada.join(&room).await?;
    let path = format!("v1/admin/suspend/{}", ada.user_id);
    refused(
        &ada.request(Method::GET, &path, None).await?,
        403,
        "M_FORBIDDEN",
    );
    root.put(&path, json!({ "suspended": true })).await?;
    assert_eq!(root.get(&path).await?, json!({ "suspended": true }));
    let message = json!({ "msgtype": "m.text", "body": "hm" });
    let send = format!("v3/rooms/{room}/send/m.room.message/1");
    refused(
        &put(&ada, &send, message.clone()).await?,
        403,
        "M_USER_SUSPENDED",
    );
    bo.send_text(&room, "we hear you not").await?;
    let seen = sync(&ada, None).await?;
    assert!(seen["rooms"]["join"][&room].is_object(), "{seen}");
    root.put(&path, json!({ "suspended": false })).await?;
    ada.put(&send, message).await?;
    Ok(())
}

#[tokio::test]
async fn sessions_are_shown_to_their_owner_and_to_administrators() -> Result<()> {
    let server = HardlineServer::start().await?;
    let (root, ada, bo) = (
        admin(&server).await?,
        server.register("ada").await?,
        server.register("bo").await?,
    );
    let path = format!("v3/admin/whois/{}", ada.user_id);
    for viewer in [&ada, &root] {
        let shown = viewer.get(&path).await?;
        let session = &shown["devices"][&ada.device_id]["sessions"][0];
        assert_eq!(session["connections"][0]["ip"], "127.0.0.1", "{shown}");
    }
    refused(
        &bo.request(Method::GET, &path, None).await?,
        403,
        "M_FORBIDDEN",
    );
    Ok(())
}

#[tokio::test]
async fn a_login_token_logs_one_more_device_in_once() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = server.register("ada").await?;
    let types = ada.get("v3/login").await?;
    assert!(
        types["flows"]
            .as_array()
            .unwrap()
            .iter()
            .any(|flow| { flow["type"] == "m.login.token" && flow["get_login_token"] == true }),
        "{types}"
    );
    let made = confirmed(
        &ada,
        Method::POST,
        "v1/login/get_token",
        json!({}),
        "pass-ada",
    )
    .await?
    .ok()?;
    assert!(made["expires_in_ms"].as_u64().is_some_and(|ms| ms > 1000));
    let token = json!({ "type": "m.login.token", "token": text(&made, "login_token")? });
    let other = log_in(&server, "", "", token.clone()).await?.ok()?;
    assert_eq!(other["user_id"], ada.user_id);
    assert_ne!(other["device_id"], ada.device_id);
    let devices = ada.get("v3/devices").await?;
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    refused(&log_in(&server, "", "", token).await?, 403, "M_FORBIDDEN");
    Ok(())
}
