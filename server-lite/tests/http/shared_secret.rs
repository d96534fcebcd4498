//! Accounts made with a secret shared with the server.

use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::support::{Reply, Server, encode};

const REGISTER: &str = "/_synapse/admin/v1/register";

fn signed(nonce: &str, name: &str, admin: bool, secret: &str) -> Value {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    let kind = if admin { "admin" } else { "notadmin" };
    mac.update(format!("{nonce}\0{name}\0wonderland\0{kind}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let mac: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "nonce": nonce, "username": name, "password": "wonderland", "admin": admin, "mac": mac })
}

async fn nonce(server: &Server) -> String {
    let answer = server.call(Method::GET, REGISTER, None, None).await.ok();
    answer["nonce"].as_str().unwrap().to_owned()
}

async fn register(server: &Server, body: Value) -> Reply {
    server.call(Method::POST, REGISTER, None, Some(body)).await
}

#[tokio::test]
async fn whoever_has_the_shared_secret_makes_accounts() {
    let server = Server::start_with_registration("shared_secret = \"s3cret\"").await;
    let used = nonce(&server).await;
    let ada = register(&server, signed(&used, "ada", true, "s3cret"))
        .await
        .ok();
    assert_eq!(ada["user_id"], "@ada:hs.test");
    let bo = signed(&nonce(&server).await, "bo", false, "s3cret");
    let bo = register(&server, bo).await.ok();
    // An administrator sees others' sessions, and nobody else does.
    let whois = |user: &Value| {
        format!(
            "/_matrix/client/v3/admin/whois/{}",
            encode(user["user_id"].as_str().unwrap())
        )
    };
    let token = |user: &Value| user["access_token"].as_str().map(str::to_owned);
    server
        .call(Method::GET, &whois(&bo), token(&ada).as_deref(), None)
        .await
        .ok();
    server
        .call(Method::GET, &whois(&ada), token(&bo).as_deref(), None)
        .await
        .err(403, "M_FORBIDDEN");
    let log_in = json!({
        "type": "m.login.password", "password": "wonderland",
        "identifier": { "type": "m.id.user", "user": "bo" },
    });
    server
        .call(Method::POST, "/_matrix/client/v3/login", None, Some(log_in))
        .await
        .ok();

    register(&server, signed(&used, "cy", false, "s3cret"))
        .await
        .err(400, "M_INVALID_PARAM");
    let forged = signed(&nonce(&server).await, "cy", false, "guess");
    register(&server, forged).await.err(403, "M_FORBIDDEN");
    let taken = signed(&nonce(&server).await, "ada", false, "s3cret");
    register(&server, taken).await.err(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn without_a_shared_secret_there_is_no_such_door() {
    let server = Server::start().await;
    server
        .call(Method::GET, REGISTER, None, None)
        .await
        .err(404, "M_UNRECOGNIZED");
    register(&server, signed("n", "ada", true, ""))
        .await
        .err(404, "M_UNRECOGNIZED");
}
