//! Changing the password, closing the account, and asking again who somebody is.

use anyhow::Result;
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    anonymous, confirmed, log_in, password_auth, refused, server_with, with_token,
};

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_logs_other_devices_out() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let other = Client::login(server.base_url(), "ada", "pass-ada").await?;
    let body = json!({ "new_password": "brand-new" });
    confirmed(&ada, Method::POST, "v3/account/password", body, "pass-ada")
        .await?
        .ok()?;
    refused(
        &log_in(&server, "ada", "pass-ada", json!({})).await?,
        403,
        "M_FORBIDDEN",
    );
    log_in(&server, "ada", "brand-new", json!({})).await?.ok()?;
    let gone = other
        .request(Method::GET, "v3/account/whoami", None)
        .await?;
    refused(&gone, 401, "M_UNKNOWN_TOKEN");
    ada.get("v3/account/whoami").await?;
    let body = json!({ "new_password": "third", "logout_devices": false });
    let other = Client::login(server.base_url(), "ada", "brand-new").await?;
    confirmed(&ada, Method::POST, "v3/account/password", body, "brand-new")
        .await?
        .ok()?;
    other.get("v3/account/whoami").await?;
    Ok(())
}

#[tokio::test]
async fn nothing_happens_with_a_wrong_password_or_that_of_another_user() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let mut body = json!({ "new_password": "brand-new" });
    let challenge = ada
        .request(Method::POST, "v3/account/password", Some(&body))
        .await?;
    body["auth"] = password_auth(&challenge.body, &ada.user_id, "guess");
    let wrong = ada
        .request(Method::POST, "v3/account/password", Some(&body))
        .await?;
    refused(&wrong, 401, "M_FORBIDDEN");
    body["auth"] = password_auth(&challenge.body, &bo.user_id, "pass-bo");
    refused(
        &ada.request(Method::POST, "v3/account/password", Some(&body))
            .await?,
        401,
        "M_FORBIDDEN",
    );
    // Nor with a session that somebody else, or another request, began.
    body["auth"] = password_auth(&challenge.body, &bo.user_id, "pass-bo");
    refused(
        &bo.request(Method::POST, "v3/account/password", Some(&body))
            .await?,
        403,
        "M_FORBIDDEN",
    );
    let body = json!({ "auth": password_auth(&challenge.body, &ada.user_id, "pass-ada") });
    refused(
        &ada.request(Method::POST, "v3/account/deactivate", Some(&body))
            .await?,
        403,
        "M_FORBIDDEN",
    );
    log_in(&server, "ada", "pass-ada", json!({})).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn the_password_needs_a_token_and_must_not_be_weak() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let body = Some(json!({ "new_password": "brand-new" }));
    let answer = anonymous(&server, Method::POST, "v3/account/password", body).await?;
    refused(&answer, 401, "M_MISSING_TOKEN");
    let answer = ada
        .request(
            Method::POST,
            "v3/account/password",
            Some(&json!({ "new_password": "" })),
        )
        .await?;
    refused(&answer, 400, "M_WEAK_PASSWORD");
    Ok(())
}

#[tokio::test]
async fn a_closed_account_leaves_its_rooms_and_cannot_log_in() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = bo.create_room(json!({ "preset": "public_chat" })).await?;
    ada.join(&room).await?;
    let joined = bo.get(&format!("v3/rooms/{room}/joined_members")).await?;
    assert!(joined["joined"].get(&ada.user_id).is_some());
    let answer = confirmed(
        &ada,
        Method::POST,
        "v3/account/deactivate",
        json!({ "erase": true }),
        "pass-ada",
    )
    .await?
    .ok()?;
    assert_eq!(answer["id_server_unbind_result"], "no-support");
    let gone = with_token(
        &server,
        Method::GET,
        "v3/account/whoami",
        Some(&ada.token),
        None,
    )
    .await?;
    refused(&gone, 401, "M_UNKNOWN_TOKEN");
    refused(
        &log_in(&server, "ada", "pass-ada", json!({})).await?,
        403,
        "M_FORBIDDEN",
    );
    let joined = bo.get(&format!("v3/rooms/{room}/joined_members")).await?;
    assert!(joined["joined"].get(&ada.user_id).is_none(), "{joined}");
    Ok(())
}

#[tokio::test]
async fn openid_tokens_are_for_oneself_and_there_are_no_addresses() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let token = ada
        .post(
            &format!("v3/user/{}/openid/request_token", ada.user_id),
            json!({}),
        )
        .await?;
    assert_eq!(
        (&token["token_type"], &token["matrix_server_name"]),
        (&json!("Bearer"), &json!(server.server_name()))
    );
    assert!(token["expires_in"].as_u64().is_some_and(|s| s > 0));
    let path = format!("v3/user/{}/openid/request_token", ada.user_id);
    refused(
        &bo.request(Method::POST, &path, Some(&json!({}))).await?,
        403,
        "M_FORBIDDEN",
    );
    // An OpenID token is no access token.
    let answer = with_token(
        &server,
        Method::GET,
        "v3/account/whoami",
        token["access_token"].as_str(),
        None,
    )
    .await?;
    refused(&answer, 401, "M_UNKNOWN_TOKEN");
    assert_eq!(
        ada.get("v3/account/3pid").await?,
        json!({ "threepids": [] })
    );
    Ok(())
}

#[tokio::test]
async fn whoever_wants_to_use_an_address_is_told_that_there_are_none() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let capabilities = ada.get("v3/capabilities").await?;
    assert_eq!(
        capabilities["capabilities"]["m.3pid_changes"]["enabled"],
        false
    );
    for (path, status, errcode) in [
        ("v3/register/email/requestToken", 403, "M_THREEPID_DENIED"),
        ("v3/register/msisdn/requestToken", 403, "M_THREEPID_DENIED"),
        (
            "v3/account/password/email/requestToken",
            400,
            "M_THREEPID_NOT_FOUND",
        ),
        ("v3/account/3pid/email/requestToken", 401, "M_MISSING_TOKEN"),
        ("v3/account/3pid/add", 401, "M_MISSING_TOKEN"),
    ] {
        let answer = anonymous(&server, Method::POST, path, Some(json!({}))).await?;
        refused(&answer, status, errcode);
    }
    for path in ["v3/account/3pid/email/requestToken", "v3/account/3pid/add"] {
        let answer = ada.request(Method::POST, path, Some(&json!({}))).await?;
        refused(&answer, 403, "M_THREEPID_DENIED");
    }
    Ok(())
}
