//! Requests that are wrong in themselves; browsers; limits.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, V3, encode};

async fn post_raw(
    server: &Server,
    token: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, String) {
    let request = server
        .http
        .post(format!("{}{V3}/createRoom", server.base))
        .bearer_auth(token);
    let response = request.body(body).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn malformed_bodies_are_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    for body in ["{", "nonsense", "\u{fffd}", "{\"name\": }"] {
        let (status, text) = post_raw(&server, &ada.token, body).await;
        assert!(
            status == 400 && text.contains("M_NOT_JSON"),
            "{body}: {text}"
        );
    }
    let (status, text) = post_raw(&server, &ada.token, "{\"name\": 5}").await;
    assert!(status == 400 && text.contains("M_BAD_JSON"), "{text}");
    let (status, _) = post_raw(&server, &ada.token, vec![0xff, 0xfe]).await;
    assert_eq!(status, 400);
    let deep = format!(
        "{{\"initial_state\":[{{\"type\":\"x\",\"content\":{}1{}}}]}}",
        "{\"a\":".repeat(5000),
        "}".repeat(5000)
    );
    let (status, _) = post_raw(&server, &ada.token, deep).await;
    assert_eq!(status, 400);
    let (status, text) = post_raw(&server, &ada.token, vec![b' '; 3 << 20]).await;
    assert!(status == 413 && text.contains("M_TOO_LARGE"), "{text}");
    ada.create_room(json!({})).await;
}

#[tokio::test]
async fn tokens_are_checked_and_expired_ones_log_out_softly() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let whoami = format!("{V3}/account/whoami");
    server
        .call(Method::GET, &whoami, None, None)
        .await
        .err(401, "M_MISSING_TOKEN");
    let body = server
        .call(Method::GET, &whoami, Some("nonsense"), None)
        .await
        .err(401, "M_UNKNOWN_TOKEN");
    assert_ne!(body["soft_logout"], true);
    let database = rusqlite::Connection::open(server.database()).unwrap();
    database
        .busy_timeout(std::time::Duration::from_secs(5))
        .unwrap();
    database
        .execute("UPDATE access_tokens SET expires_at = 1", [])
        .unwrap();
    let body = ada.get("/account/whoami").await.err(401, "M_UNKNOWN_TOKEN");
    assert_eq!(body["soft_logout"], true);
    database
        .execute("UPDATE access_tokens SET expires_at = NULL", [])
        .unwrap();
    ada.get("/account/whoami").await.ok();
    ada.post("/logout", json!({})).await.ok();
    let body = ada.get("/account/whoami").await.err(401, "M_UNKNOWN_TOKEN");
    assert_ne!(body["soft_logout"], true);
}

#[tokio::test]
async fn browsers_may_call_everything_errors_included() {
    let server = Server::start().await;
    let cases = [
        (Method::OPTIONS, "/_matrix/client/v3/createRoom", 204),
        (Method::OPTIONS, "/_matrix/client/v3/nothing", 204),
        (Method::GET, "/_matrix/client/versions", 200),
        (Method::GET, "/_matrix/client/v3/sync", 401),
        (Method::GET, "/_matrix/client/v3/nothing", 404),
        (Method::DELETE, "/_matrix/client/versions", 405),
        (Method::GET, "/.well-known/matrix/client", 200),
    ];
    for (method, path, status) in cases {
        let request = server
            .http
            .request(method.clone(), format!("{}{path}", server.base));
        let response = request
            .header("Origin", "https://app.example")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header("access-control-allow-origin").as_deref(),
            Some("*"),
            "{path}"
        );
        assert!(
            header("access-control-allow-headers")
                .unwrap()
                .contains("Authorization")
        );
        assert!(
            header("access-control-allow-methods")
                .unwrap()
                .contains("PUT")
        );
    }
    server
        .call(Method::GET, "/_matrix/client/v3/nothing", None, None)
        .await
        .err(404, "M_UNRECOGNIZED");
    server
        .call(Method::DELETE, "/_matrix/client/versions", None, None)
        .await
        .err(405, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn too_many_messages_have_to_wait() {
    let limits = "[rate_limits]\nmessages = { per_second = 0.2, burst = 3 }\n";
    let server = Server::start_with(limits).await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    for _ in 0..3 {
        ada.say(&room, "x").await;
    }
    let path = format!("/rooms/{}/send/m.room.message/limited", encode(&room));
    let content = json!({ "msgtype": "m.text", "body": "x" });
    let body = ada
        .put(&path, content.clone())
        .await
        .err(429, "M_LIMIT_EXCEEDED");
    let wait = body["retry_after_ms"].as_u64().unwrap();
    assert!((1..=5000).contains(&wait), "{wait}");
    bo.say(&room, "others are not held up").await;
    tokio::time::sleep(std::time::Duration::from_millis(wait + 50)).await;
    ada.put(&path, content).await.ok();
    assert_eq!(bo.history(&room).await.len(), 5);
}
