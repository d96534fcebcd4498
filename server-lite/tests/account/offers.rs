//! What an administrator can switch on: relays, services, a person to ask.

use anyhow::Result;
use hardline_testkit::{
    HardlineServer, Homeserver, ServerOptions,
    client::{call, http},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{refused, server_with, text};

async fn server(extra: &str) -> Result<HardlineServer> {
    let extra = extra.to_owned();
    HardlineServer::start_with(ServerOptions {
        extra,
        ..ServerOptions::default()
    })
    .await
}

async fn ask(
    server: &HardlineServer,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<hardline_testkit::client::Answer> {
    let url = format!("{}{path}", server.base_url());
    call(&http()?, method, &url, None, body.as_ref()).await
}

#[tokio::test]
async fn callers_get_credentials_for_the_relay_and_the_way_to_services() -> Result<()> {
    let (plain, ada) = server_with("ada").await?;
    assert_eq!(ada.get("v3/voip/turnServer").await?, json!({}));
    let transports = "unstable/org.matrix.msc4143/rtc/transports";
    assert_eq!(ada.get(transports).await?, json!({ "rtc_transports": [] }));
    drop(plain);
    let server = server(
        "[turn]\nuris = [\"turn:turn.example.org\"]\nsecret = \"north\"\nlifetime_seconds = 600\n\
         [rtc]\nlivekit_service_urls = [\"https://rtc.example.org/\"]\n",
    )
    .await?;
    let ada = server.register("ada").await?;
    let turn = ada.get("v3/voip/turnServer").await?;
    assert_eq!(
        (&turn["ttl"], &turn["uris"]),
        (&json!(600), &json!(["turn:turn.example.org"]))
    );
    let name = text(&turn, "username")?;
    let (expires_at, user) = name.split_once(':').unwrap();
    assert_eq!(user, ada.user_id);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    assert!(
        (590..=610).contains(&(expires_at.parse::<u64>()? - now)),
        "{turn}"
    );
    let rtc = ada.get(transports).await?;
    let expected = json!({ "type": "livekit", "livekit_service_url": "https://rtc.example.org/" });
    assert_eq!(rtc["rtc_transports"][0], expected);
    let found = ask(&server, Method::GET, "/.well-known/matrix/client", None)
        .await?
        .ok()?;
    assert_eq!(found["org.matrix.msc4143.rtc_foci"][0], expected);
    Ok(())
}

#[tokio::test]
async fn a_server_says_whom_to_ask_if_it_is_told() -> Result<()> {
    let path = "/.well-known/matrix/support";
    let plain = HardlineServer::start().await?;
    refused(
        &ask(&plain, Method::GET, path, None).await?,
        404,
        "M_NOT_FOUND",
    );
    let server =
        server("[support]\nemail = \"help@example.org\"\npage = \"https://example.org/help\"\n")
            .await?;
    let found = ask(&server, Method::GET, path, None).await?.ok()?;
    assert_eq!(
        found,
        json!({
            "contacts": [{ "role": "m.role.admin", "email_address": "help@example.org" }],
            "support_page": "https://example.org/help",
        })
    );
    Ok(())
}

#[tokio::test]
async fn an_openid_token_tells_others_who_somebody_is() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let path = format!("v3/user/{}/openid/request_token", ada.user_id);
    let token = text(&ada.post(&path, json!({})).await?, "access_token")?;
    let userinfo =
        |token: &str| format!("/_matrix/federation/v1/openid/userinfo?access_token={token}");
    let found = ask(&server, Method::GET, &userinfo(&token), None)
        .await?
        .ok()?;
    assert_eq!(found, json!({ "sub": ada.user_id }));
    let wrong = ask(&server, Method::GET, &userinfo(&ada.token), None).await?;
    refused(&wrong, 401, "M_UNKNOWN_TOKEN");
    let none = ask(
        &server,
        Method::GET,
        "/_matrix/federation/v1/openid/userinfo",
        None,
    )
    .await?;
    refused(&none, 401, "M_MISSING_TOKEN");
    Ok(())
}

#[tokio::test]
async fn anybody_may_ask_what_software_the_server_is() -> Result<()> {
    let (server, _) = server_with("ada").await?;
    let path = "/_matrix/federation/v1/version";
    let told = ask(&server, Method::GET, path, None).await?.ok()?;
    assert_eq!(told["server"]["name"], "hardline-server");
    assert_eq!(told["server"]["version"], env!("CARGO_PKG_VERSION"));
    Ok(())
}
