//! Registration: open, by token, closed; names; limits.

use anyhow::Result;
use hardline_testkit::{HardlineServer, Homeserver, ServerOptions};
use reqwest::Method;
use serde_json::json;

use crate::support::{anonymous, limited_server, refused, server_with, with_token};

async fn with_config_token() -> Result<HardlineServer> {
    HardlineServer::start_with(ServerOptions {
        registration_token: Some("let-me-in".to_owned()),
        ..ServerOptions::default()
    })
    .await
}

#[tokio::test]
async fn an_open_server_asks_for_nothing_but_the_dummy_stage() -> Result<()> {
    let server = HardlineServer::start().await?;
    let body = json!({ "username": "Ada", "password": "secret", "device_id": "PHONE", "initial_device_display_name": "Phone" });
    let challenge = anonymous(&server, Method::POST, "v3/register", Some(body.clone())).await?;
    assert_eq!(challenge.status, 401);
    assert_eq!(
        challenge.body["flows"],
        json!([{ "stages": ["m.login.dummy"] }])
    );
    let mut body = body;
    body["auth"] = json!({ "type": "m.login.dummy", "session": challenge.body["session"] });
    let made = anonymous(&server, Method::POST, "v3/register", Some(body.clone()))
        .await?
        .ok()?;
    assert_eq!(
        made["user_id"],
        server.user_id("ada"),
        "capitals are lowered"
    );
    assert_eq!(made["device_id"], "PHONE");
    let token = made["access_token"].as_str().unwrap();
    let me = with_token(&server, Method::GET, "v3/account/whoami", Some(token), None)
        .await?
        .ok()?;
    assert_eq!(
        (&me["user_id"], &me["device_id"]),
        (&made["user_id"], &made["device_id"])
    );
    // The session is over: it cannot be used for a second account.
    body["username"] = json!("bo");
    let again = anonymous(&server, Method::POST, "v3/register", Some(body)).await?;
    refused(&again, 400, "M_UNKNOWN");
    Ok(())
}

#[tokio::test]
async fn clients_that_know_the_stage_need_one_request_only() -> Result<()> {
    let server = HardlineServer::start().await?;
    let body = json!({ "username": "ada", "password": "secret", "auth": { "type": "m.login.dummy" }, "inhibit_login": true });
    let made = anonymous(&server, Method::POST, "v3/register", Some(body))
        .await?
        .ok()?;
    assert_eq!(
        made,
        json!({ "user_id": server.user_id("ada") }),
        "no log-in was wanted"
    );
    Ok(())
}

#[tokio::test]
async fn names_that_are_taken_or_malformed_are_refused_before_any_stage() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    for (name, errcode) in [
        ("ada", "M_USER_IN_USE"),
        ("ADA", "M_USER_IN_USE"),
        ("a b", "M_INVALID_USERNAME"),
        ("", "M_INVALID_USERNAME"),
    ] {
        let body = json!({ "username": name, "password": "secret" });
        refused(
            &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
            400,
            errcode,
        );
        let path = format!(
            "v3/register/available?username={}",
            name.replace(' ', "%20")
        );
        let available = anonymous(&server, Method::GET, &path, None);
        refused(&available.await?, 400, errcode);
    }
    let free = anonymous(
        &server,
        Method::GET,
        "v3/register/available?username=bo",
        None,
    )
    .await?
    .ok()?;
    assert_eq!(free, json!({ "available": true }));
    // A name stays taken when its account is closed.
    crate::support::confirmed(
        &ada,
        Method::POST,
        "v3/account/deactivate",
        json!({}),
        "pass-ada",
    )
    .await?
    .ok()?;
    let body = json!({ "username": "ada", "password": "secret" });
    refused(
        &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
        400,
        "M_USER_IN_USE",
    );
    Ok(())
}

#[tokio::test]
async fn weak_and_missing_passwords_and_malformed_bodies_are_refused() -> Result<()> {
    let server = HardlineServer::start().await?;
    for password in ["", &"x".repeat(600)] {
        let body = json!({ "username": "ada", "password": password });
        refused(
            &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
            400,
            "M_WEAK_PASSWORD",
        );
    }
    let body = json!({ "username": "ada", "auth": { "type": "m.login.dummy" } });
    refused(
        &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
        400,
        "M_MISSING_PARAM",
    );
    let body = json!({ "username": 7 });
    refused(
        &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
        400,
        "M_BAD_JSON",
    );
    let body = json!({ "username": "ada", "password": "secret", "auth": { "type": "m.login.dummy", "session": "made-up" } });
    refused(
        &anonymous(&server, Method::POST, "v3/register", Some(body)).await?,
        400,
        "M_UNKNOWN",
    );
    Ok(())
}

#[tokio::test]
async fn a_server_with_a_token_lets_only_its_bearers_in() -> Result<()> {
    let server = with_config_token().await?;
    let mut body = json!({ "username": "ada", "password": "secret" });
    let challenge = anonymous(&server, Method::POST, "v3/register", Some(body.clone())).await?;
    assert_eq!(
        challenge.body["flows"],
        json!([{ "stages": ["m.login.registration_token"] }])
    );
    let session = challenge.body["session"].clone();
    body["auth"] =
        json!({ "type": "m.login.registration_token", "token": "guess", "session": session });
    let wrong = anonymous(&server, Method::POST, "v3/register", Some(body.clone())).await?;
    refused(&wrong, 401, "M_FORBIDDEN");
    assert_eq!(wrong.body["session"], session, "the session goes on");
    body["auth"] = json!({ "type": "m.login.dummy", "session": session });
    assert_eq!(
        anonymous(&server, Method::POST, "v3/register", Some(body.clone()))
            .await?
            .status,
        401
    );
    body["auth"] =
        json!({ "type": "m.login.registration_token", "token": "let-me-in", "session": session });
    anonymous(&server, Method::POST, "v3/register", Some(body))
        .await?
        .ok()?;
    let validity = |token: &'static str| {
        let path = format!("v1/register/m.login.registration_token/validity?token={token}");
        let server = &server;
        async move { anonymous(server, Method::GET, &path, None).await?.ok() }
    };
    assert_eq!(validity("let-me-in").await?, json!({ "valid": true }));
    assert_eq!(validity("guess").await?, json!({ "valid": false }));
    Ok(())
}

#[tokio::test]
async fn guests_are_let_in_only_where_the_operator_says_so() -> Result<()> {
    let server = HardlineServer::start().await?;
    let answer = anonymous(
        &server,
        Method::POST,
        "v3/register?kind=guest",
        Some(json!({})),
    )
    .await?;
    refused(&answer, 403, "M_FORBIDDEN");
    Ok(())
}

#[tokio::test]
async fn registrations_from_one_address_are_limited() -> Result<()> {
    let server = limited_server("registration = { per_second = 0.01, burst = 2 }").await?;
    for n in 0..2 {
        let body = json!({ "username": format!("user{n}"), "password": "secret", "auth": { "type": "m.login.dummy" } });
        anonymous(&server, Method::POST, "v3/register", Some(body))
            .await?
            .ok()?;
    }
    let body =
        json!({ "username": "user2", "password": "secret", "auth": { "type": "m.login.dummy" } });
    let limited = anonymous(&server, Method::POST, "v3/register", Some(body)).await?;
    refused(&limited, 429, "M_LIMIT_EXCEEDED");
    assert!(
        limited.body["retry_after_ms"]
            .as_u64()
            .is_some_and(|ms| ms > 0),
        "{}",
        limited.body
    );
    Ok(())
}
