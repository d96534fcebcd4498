//! What the tests of this folder share.

use anyhow::{Context, Result};
use hardline_testkit::{
    Client, HardlineServer, Homeserver, ServerOptions,
    client::{Answer, call, http},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A server with open registration and one account.
pub async fn server_with(name: &str) -> Result<(HardlineServer, Client)> {
    let server = HardlineServer::start().await?;
    let client = server.register(name).await?;
    Ok((server, client))
}

/// A server whose rate limits are on, with more configuration.
pub async fn limited_server(extra: &str) -> Result<HardlineServer> {
    let extra = extra.to_owned();
    HardlineServer::start_with(ServerOptions {
        rate_limits: true,
        extra,
        ..ServerOptions::default()
    })
    .await
}

/// A request without a token.
pub async fn anonymous(
    server: &HardlineServer,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Answer> {
    with_token(server, method, path, None, body).await
}

/// A request with any token.
pub async fn with_token(
    server: &HardlineServer,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Result<Answer> {
    let url = format!("{}/_matrix/client/{path}", server.base_url());
    call(&http()?, method, &url, token, body.as_ref()).await
}

/// A request with a body that is no JSON.
pub async fn garbage(
    client: &Client,
    server: &HardlineServer,
    method: Method,
    path: &str,
) -> Result<Answer> {
    let url = format!("{}/_matrix/client/{path}", server.base_url());
    let response = http()?
        .request(method, url)
        .bearer_auth(&client.token)
        .header("content-type", "application/json")
        .body("{ not json")
        .send()
        .await?;
    let status = response.status().as_u16();
    Ok(Answer {
        status,
        body: response.json().await.unwrap_or(Value::Null),
    })
}

/// Logs in by password with more fields in the body.
pub async fn log_in(
    server: &HardlineServer,
    name: &str,
    password: &str,
    more: Value,
) -> Result<Answer> {
    let mut body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": name },
        "password": password,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    anonymous(server, Method::POST, "v3/login", Some(body)).await
}

/// The `auth` with which a user confirms a request that was answered with a challenge.
pub fn password_auth(challenge: &Value, user: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user },
        "password": password,
        "session": challenge["session"],
    })
}

/// Sends a request, is challenged, and sends it again with a password.
pub async fn confirmed(
    client: &Client,
    method: Method,
    path: &str,
    mut body: Value,
    password: &str,
) -> Result<Answer> {
    let challenge = client.request(method.clone(), path, Some(&body)).await?;
    assert_eq!(challenge.status, 401, "{}", challenge.body);
    assert_eq!(
        challenge.body["flows"],
        json!([{ "stages": ["m.login.password"] }])
    );
    body["auth"] = password_auth(&challenge.body, &client.user_id, password);
    client.request(method, path, Some(&body)).await
}

/// Asserts an error with this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, errcode: &str) {
    assert_eq!(
        (answer.status, answer.body["errcode"].as_str()),
        (status, Some(errcode)),
        "{}",
        answer.body
    );
    assert!(
        answer.body["error"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{}",
        answer.body
    );
}

/// A text field of an object.
pub fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value[key]
        .as_str()
        .with_context(|| format!("no {key} in {value}"))?
        .to_owned())
}

/// One `/sync`, at once.
pub async fn sync(client: &Client, since: Option<&str>) -> Result<Value> {
    let since = since
        .map(|token| format!("&since={token}"))
        .unwrap_or_default();
    client.get(&format!("v3/sync?timeout=0{since}")).await
}
