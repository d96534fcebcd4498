//! Logging in and out, tokens and their refreshing.

use std::time::{Duration, Instant};

use anyhow::Result;
use hardline_testkit::{HardlineServer, Homeserver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{anonymous, limited_server, log_in, refused, server_with, text, with_token};

async fn whoami(server: &HardlineServer, token: &str) -> Result<hardline_testkit::client::Answer> {
    with_token(server, Method::GET, "v3/account/whoami", Some(token), None).await
}

#[tokio::test]
async fn a_user_logs_in_by_name_or_id_in_any_case_and_in_the_old_form() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let flows = anonymous(&server, Method::GET, "v3/login", None)
        .await?
        .ok()?;
    assert_eq!(flows["flows"][0]["type"], "m.login.password");
    for name in [
        "ada",
        "ADA",
        &ada.user_id,
        &ada.user_id
            .to_uppercase()
            .replace("SERVER.HARDLINE.TEST", "server.hardline.test"),
    ] {
        let body = log_in(
            &server,
            name,
            "pass-ada",
            json!({ "device_id": "TABLET", "initial_device_display_name": "Tablet" }),
        )
        .await?
        .ok()?;
        assert_eq!(
            (&body["user_id"], &body["device_id"]),
            (&json!(ada.user_id), &json!("TABLET"))
        );
    }
    let old = json!({ "type": "m.login.password", "user": "ada", "password": "pass-ada" });
    anonymous(&server, Method::POST, "r0/login", Some(old))
        .await?
        .ok()?;
    Ok(())
}

#[tokio::test]
async fn wrong_names_and_passwords_get_the_same_answer_in_the_same_time() -> Result<()> {
    let (server, _ada) = server_with("ada").await?;
    // The first hash of the program also makes the decoy.
    log_in(&server, "nobody", "x", json!({})).await?;
    let mut times: [Vec<Duration>; 2] = Default::default();
    let mut answers = Vec::new();
    for _ in 0..5 {
        for (idx, name) in ["ada", "nobody"].into_iter().enumerate() {
            let started = Instant::now();
            let answer = log_in(&server, name, "guess", json!({})).await?;
            times[idx].push(started.elapsed());
            refused(&answer, 403, "M_FORBIDDEN");
            answers.push(answer.body);
        }
    }
    assert!(answers.iter().all(|body| *body == answers[0]));
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let (known, unknown) = (median(&mut times[0]), median(&mut times[1]));
    assert!(
        unknown > known / 3.0,
        "an unknown name is told apart: {known} s against {unknown} s"
    );
    Ok(())
}

#[tokio::test]
async fn malformed_log_ins_are_refused() -> Result<()> {
    let (server, _ada) = server_with("ada").await?;
    for (body, errcode) in [
        (json!({}), "M_BAD_JSON"),
        (json!({ "type": 5 }), "M_BAD_JSON"),
        (json!([]), "M_BAD_JSON"),
        (json!({ "type": "m.login.password" }), "M_BAD_JSON"),
        (
            json!({ "type": "m.login.password", "password": "x" }),
            "M_MISSING_PARAM",
        ),
        (json!({ "type": "m.login.token" }), "M_BAD_JSON"),
        (json!({ "type": "org.example.riddle" }), "M_UNKNOWN"),
    ] {
        let answer = anonymous(&server, Method::POST, "v3/login", Some(body.clone())).await?;
        refused(&answer, 400, errcode);
    }
    let body = json!({ "type": "m.login.password", "identifier": { "type": "m.id.thirdparty", "medium": "email", "address": "a@b.c" }, "password": "x" });
    refused(
        &anonymous(&server, Method::POST, "v3/login", Some(body)).await?,
        403,
        "M_FORBIDDEN",
    );
    let long = log_in(
        &server,
        "ada",
        "pass-ada",
        json!({ "device_id": "x".repeat(300) }),
    )
    .await?;
    refused(&long, 400, "M_INVALID_PARAM");
    Ok(())
}

#[tokio::test]
async fn logging_in_on_a_known_device_ends_its_former_session_only() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let body = log_in(&server, "ada", "pass-ada", json!({ "device_id": "PHONE" }))
        .await?
        .ok()?;
    let first = text(&body, "access_token")?;
    let body = log_in(&server, "ada", "pass-ada", json!({ "device_id": "PHONE" }))
        .await?
        .ok()?;
    let second = text(&body, "access_token")?;
    let gone = whoami(&server, &first).await?;
    refused(&gone, 401, "M_UNKNOWN_TOKEN");
    assert_eq!(
        gone.body.get("soft_logout").unwrap_or(&json!(false)),
        &json!(false)
    );
    whoami(&server, &second).await?.ok()?;
    whoami(&server, &ada.token).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn logging_out_removes_the_device_and_logging_out_everywhere_all_of_them() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let other = hardline_testkit::Client::login(server.base_url(), "ada", "pass-ada").await?;
    other.post("v3/logout", json!({})).await?;
    refused(
        &whoami(&server, &other.token).await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    assert_eq!(
        ada.get("v3/devices").await?["devices"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let third = hardline_testkit::Client::login(server.base_url(), "ada", "pass-ada").await?;
    ada.post("v3/logout/all", json!({})).await?;
    for token in [&ada.token, &third.token] {
        refused(&whoami(&server, token).await?, 401, "M_UNKNOWN_TOKEN");
    }
    refused(
        &anonymous(&server, Method::POST, "v3/logout", Some(json!({}))).await?,
        401,
        "M_MISSING_TOKEN",
    );
    Ok(())
}

async fn refresh(server: &HardlineServer, token: &str) -> Result<hardline_testkit::client::Answer> {
    anonymous(
        server,
        Method::POST,
        "v3/refresh",
        Some(json!({ "refresh_token": token })),
    )
    .await
}

#[tokio::test]
async fn tokens_are_refreshed_and_a_lost_answer_locks_nobody_out() -> Result<()> {
    let (server, _ada) = server_with("ada").await?;
    let body = log_in(&server, "ada", "pass-ada", json!({ "refresh_token": true }))
        .await?
        .ok()?;
    let (access, first) = (text(&body, "access_token")?, text(&body, "refresh_token")?);
    assert!(
        body["expires_in_ms"].as_u64().is_some_and(|ms| ms > 60_000),
        "{body}"
    );
    whoami(&server, &access).await?.ok()?;
    // The answer to this one is lost.
    let lost = refresh(&server, &first).await?.ok()?;
    let body = refresh(&server, &first).await?.ok()?;
    let (access, second) = (text(&body, "access_token")?, text(&body, "refresh_token")?);
    refused(
        &whoami(&server, &text(&lost, "access_token")?).await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    whoami(&server, &access).await?.ok()?;
    // Once the successor has been used, the first is worth nothing.
    let body = refresh(&server, &second).await?.ok()?;
    refused(&refresh(&server, &first).await?, 401, "M_UNKNOWN_TOKEN");
    refused(&refresh(&server, "made-up").await?, 401, "M_UNKNOWN_TOKEN");
    let access = text(&body, "access_token")?;
    with_token(
        &server,
        Method::POST,
        "v3/logout",
        Some(&access),
        Some(json!({})),
    )
    .await?
    .ok()?;
    refused(
        &refresh(&server, &text(&body, "refresh_token")?).await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    Ok(())
}

#[tokio::test]
async fn an_expired_token_is_a_soft_log_out_and_can_be_refreshed() -> Result<()> {
    let (mut server, _ada) = server_with("ada").await?;
    let body = log_in(&server, "ada", "pass-ada", json!({ "refresh_token": true }))
        .await?
        .ok()?;
    server.stop().await?;
    let database = rusqlite::Connection::open(server.dir().join("data/hardline-server.db"))?;
    assert_eq!(
        database.execute(
            "UPDATE access_tokens SET expires_at = 1 WHERE expires_at IS NOT NULL",
            []
        )?,
        1
    );
    drop(database);
    server.resume().await?;
    let expired = whoami(&server, &text(&body, "access_token")?).await?;
    refused(&expired, 401, "M_UNKNOWN_TOKEN");
    assert_eq!(expired.body["soft_logout"], true);
    let fresh = refresh(&server, &text(&body, "refresh_token")?)
        .await?
        .ok()?;
    whoami(&server, &text(&fresh, "access_token")?)
        .await?
        .ok()?;
    Ok(())
}

#[tokio::test]
async fn too_many_attempts_are_limited_by_address_and_by_account() -> Result<()> {
    let server = limited_server("login = { per_second = 0.01, burst = 4 }").await?;
    let ada = server.register("ada").await?;
    for _ in 0..4 {
        refused(
            &log_in(&server, "ada", "guess", json!({})).await?,
            403,
            "M_FORBIDDEN",
        );
    }
    let limited = log_in(&server, "ada", "pass-ada", json!({})).await?;
    refused(&limited, 429, "M_LIMIT_EXCEEDED");
    assert!(
        limited.body["retry_after_ms"]
            .as_u64()
            .is_some_and(|ms| ms > 1000),
        "{}",
        limited.body
    );
    // Asking for the password in another place is no way around: the account's own bucket is empty as well.
    let body = json!({ "new_password": "other", "auth": { "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ada" }, "password": "guess" } });
    let answer = ada
        .request(Method::POST, "v3/account/password", Some(&body))
        .await?;
    refused(&answer, 429, "M_LIMIT_EXCEEDED");
    Ok(())
}

#[tokio::test]
async fn tokens_survive_a_kill_and_are_not_in_the_database_as_they_are() -> Result<()> {
    let (mut server, ada) = server_with("ada").await?;
    server.kill().await?;
    let mut found = Vec::new();
    for file in std::fs::read_dir(server.dir().join("data"))? {
        let path = file?.path();
        if path.is_file() {
            found.extend(std::fs::read(path)?);
        }
    }
    for secret in [ada.token.as_bytes(), b"pass-ada".as_slice()] {
        assert!(!found.windows(secret.len()).any(|window| window == secret));
    }
    server.resume().await?;
    let me: Value = whoami(&server, &ada.token).await?.ok()?;
    assert_eq!(me["user_id"], ada.user_id.as_str());
    Ok(())
}
