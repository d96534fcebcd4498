//! What is too large, too deep or too long.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User, V3, encode};

/// A request with a body as it stands.
async fn raw(user: &User, method: Method, path: &str, body: String) -> (u16, Value) {
    let request = user
        .http
        .request(method, format!("{}{V3}{path}", user.base));
    let response = request
        .bearer_auth(&user.token)
        .body(body)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn nested(levels: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
}

#[tokio::test]
async fn json_that_is_nested_too_deep_is_taken_nowhere() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let user = encode(&ada.id);
    let paths = [
        (
            Method::PUT,
            format!("/user/{user}/account_data/org.example.deep"),
        ),
        (
            Method::PUT,
            format!(
                "/user/{user}/rooms/{}/account_data/org.example.deep",
                encode(&room)
            ),
        ),
        (
            Method::PUT,
            format!("/rooms/{}/send/org.example.deep/1", encode(&room)),
        ),
        (
            Method::PUT,
            format!("/rooms/{}/state/org.example.deep/", encode(&room)),
        ),
        (Method::PUT, "/sendToDevice/org.example.deep/1".to_owned()),
        (Method::POST, "/keys/upload".to_owned()),
        (Method::POST, "/createRoom".to_owned()),
        (Method::POST, format!("/user/{user}/filter")),
        (Method::PUT, format!("/profile/{user}/org.example.deep")),
    ];
    for (method, path) in &paths {
        for levels in [101, 5_000, 100_000] {
            let (status, body) = raw(&ada, method.clone(), path, nested(levels)).await;
            assert_eq!(
                (status, &body["errcode"]),
                (400, &json!("M_BAD_JSON")),
                "{path} {levels}: {body}"
            );
        }
    }
    // As deep as may be: it is stored, and every way to read it works.
    for (method, path) in &paths[..4] {
        let (status, body) = raw(&ada, method.clone(), path, nested(100)).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    for answer in [ada.sync("").await, ada.sliding(None).await] {
        assert!(answer.to_string().contains("org.example.deep"));
    }
    assert_eq!(ada.get(&paths[0].1).await.ok().to_string(), nested(100));
}

#[tokio::test]
async fn events_and_their_keys_have_the_sizes_of_the_specification() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    let text = |n: usize| json!({ "msgtype": "m.text", "body": "x".repeat(n) });
    ada.send(&room, "m.room.message", text(64_000)).await.ok();
    ada.send(&room, "m.room.message", text(65_536))
        .await
        .err(413, "M_TOO_LARGE");
    let long = |n: usize| "k".repeat(n);
    ada.set_state(&room, "org.example.x", &long(255), json!({}))
        .await
        .ok();
    ada.set_state(&room, "org.example.x", &long(256), json!({}))
        .await
        .err(413, "M_TOO_LARGE");
    ada.send(&room, &long(255), json!({})).await.ok();
    ada.send(&room, &long(256), json!({}))
        .await
        .err(413, "M_TOO_LARGE");
    ada.send(&room, &long(5_000), json!({}))
        .await
        .err(400, "M_INVALID_PARAM");
    // Neither is any of it kept.
    assert_eq!(ada.history(&room).await.len(), 1);
    let path = |kind: &str| format!("/user/{}/account_data/{kind}", encode(&ada.id));
    ada.put(&path(&long(255)), json!({})).await.ok();
    ada.put(&path(&long(256)), json!({}))
        .await
        .err(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn bodies_have_their_sizes() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let padded = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n));
    let path = format!("/user/{}/account_data/org.example.large", encode(&ada.id));
    let (status, _) = raw(&ada, Method::PUT, &path, padded(1_000_000)).await;
    assert_eq!(status, 200);
    let (status, body) = raw(&ada, Method::PUT, &path, padded(1 << 20)).await;
    assert_eq!((status, &body["errcode"]), (413, &json!("M_TOO_LARGE")));
    let (status, _) = raw(
        &ada,
        Method::PUT,
        "/sendToDevice/org.example.large/1",
        "{\"messages\":{}}".to_owned(),
    )
    .await;
    assert_eq!(status, 200);
}
