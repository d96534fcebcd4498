//! Servers that refuse, limit, vanish or are none.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hardline_testkit::{
    Fault, Hardline, HardlineServer, Homeserver, Proxy, ServerOptions,
    odd_servers::{SelfSigned, WebSite},
    wait::free_port,
};
use serde_json::json;

use crate::person::{Desk, password_of, said};

#[tokio::test]
async fn a_wrong_password_is_told_and_nothing_is_kept() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    server.register("ada").await?;
    let hardline = Hardline::on(&desk.bus)?;
    said(
        &hardline
            .login_with(server.base_url(), "ada", "not her password")
            .await?,
        "wrong_password",
    )?;
    said(
        &hardline
            .login_with(server.base_url(), "nobody", "whatever")
            .await?,
        "wrong_password",
    )?;
    let (code, _) = hardline.fails(&["whoami"]).await?;
    ensure!(code != 0, "somebody is signed in");
    hardline.login(&server, "ada").await.map(drop)
}

#[tokio::test]
async fn an_unknown_server_is_told() -> Result<()> {
    let hardline = Hardline::without_bus()?;
    // The top-level domain .invalid exists nowhere, by RFC 2606.
    said(
        &hardline
            .login_with("no-such-server.invalid", "ada", "x")
            .await?,
        "server_unreachable",
    )
    .map(drop)
}

#[tokio::test]
async fn an_unreachable_server_is_told() -> Result<()> {
    let hardline = Hardline::without_bus()?;
    let nobody = format!("http://127.0.0.1:{}", free_port()?);
    said(
        &hardline.login_with(&nobody, "ada", "x").await?,
        "server_unreachable",
    )
    .map(drop)
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() -> Result<()> {
    let server = HardlineServer::start().await?;
    let proxy = Proxy::before(&server).await?;
    proxy.fault("", "", u32::MAX, Fault::Hang);
    let hardline = Hardline::without_bus()?;
    let output = hardline.launch()?.args([
        "--json",
        "login",
        "--server",
        proxy.base_url(),
        "--password-stdin",
        "ada",
    ]);
    said(
        &output.input("x").output(Duration::from_secs(100)).await?,
        "server_unreachable",
    )
    .map(drop)
}

#[tokio::test]
async fn a_web_site_is_told_from_a_homeserver() -> Result<()> {
    let (hardline, site) = (Hardline::without_bus()?, WebSite::start().await?);
    said(
        &hardline.login_with(site.base_url(), "ada", "x").await?,
        "not_matrix",
    )
    .map(drop)
}

#[tokio::test]
async fn a_self_signed_certificate_is_told() -> Result<()> {
    let (hardline, server) = (Hardline::without_bus()?, SelfSigned::start().await?);
    said(
        &hardline.login_with(&server.base_url(), "ada", "x").await?,
        "bad_certificate",
    )
    .map(drop)
}

#[tokio::test]
async fn a_text_that_is_no_server_is_told() -> Result<()> {
    let hardline = Hardline::without_bus()?;
    said(
        &hardline
            .login_with("not a server at all", "ada", "x")
            .await?,
        "not_an_address",
    )
    .map(drop)
}

#[tokio::test]
async fn an_account_is_made_with_a_token_only_where_one_is_asked() -> Result<()> {
    let options = ServerOptions {
        registration_token: Some("let-me-in".to_owned()),
        ..ServerOptions::default()
    };
    let (desk, server) = (
        Desk::new().await?,
        HardlineServer::start_with(options).await?,
    );
    let hardline = Hardline::on(&desk.bus)?;
    let register = |token: Option<&'static str>| {
        let token: Vec<&str> = token.map(|t| vec!["--token", t]).unwrap_or_default();
        let launch = hardline.launch().map(|l| {
            l.args([
                "--json",
                "register",
                "--server",
                server.base_url(),
                "--password-stdin",
            ])
            .args(token)
            .arg("ada")
        });
        async move {
            launch?
                .input("a good long password")
                .output(hardline_testkit::hardline::LIMIT)
                .await
        }
    };
    said(&register(None).await?, "registration_token_refused")?;
    said(
        &register(Some("wrong")).await?,
        "registration_token_refused",
    )?;
    register(Some("let-me-in")).await?.json()?;
    ensure!(
        hardline.ok(&["whoami"]).await?["user_id"] == server.user_id("ada"),
        "somebody else"
    );
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_at_sign_in_is_shown_and_waited_out() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    server.register("ada").await?;
    let proxy = Proxy::before(&server).await?;
    proxy.fault("POST", "/login", 1, limited(2_500));
    let hardline = Hardline::on(&desk.bus)?;
    let start = Instant::now();
    let output = hardline
        .login_with(proxy.base_url(), "ada", &password_of("ada"))
        .await?;
    ensure!(output.status.success(), "{output:?}");
    ensure!(
        start.elapsed() >= Duration::from_millis(2_500),
        "it did not wait"
    );
    ensure!(
        output.stderr.contains("rate_limited"),
        "the wait was not shown:\n{}",
        output.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_while_sending_is_waited_out() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let proxy = Proxy::before(&server).await?;
    let mut ada = desk.signed_in(&proxy, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "first").await?;
    proxy.fault("PUT", "/send/", 2, limited(1_500));
    ada.send(&room, "second").await?;
    let answers: Vec<Option<u16>> = proxy
        .seen("PUT", "/send/m.room.encrypted")
        .iter()
        .map(|s| s.status)
        .collect();
    ensure!(
        answers == [Some(200), Some(429), Some(429), Some(200)],
        "{answers:?}"
    );
    Ok(())
}

#[tokio::test]
async fn our_servers_own_limits_are_kept_to() -> Result<()> {
    let limits = "[rate_limits.messages]\nper_second = 2.0\nburst = 3\n".to_owned();
    let options = ServerOptions {
        rate_limits: true,
        extra: limits,
        ..ServerOptions::default()
    };
    let (desk, server) = (
        Desk::new().await?,
        HardlineServer::start_with(options).await?,
    );
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    for i in 0..8 {
        ada.send(&room, &format!("message {i}")).await?;
    }
    let rows = ada.timeline(&room).await?;
    let bodies: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["body"].as_str())
        .filter(|b| b.starts_with("message "))
        .collect();
    ensure!(
        bodies == (0..8).map(|i| format!("message {i}")).collect::<Vec<_>>(),
        "{bodies:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_soft_log_out_keeps_the_history_and_asks_for_the_password() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let proxy = Proxy::before(&server).await?;
    let mut ada = desk.signed_in(&proxy, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "before the log-out").await?;
    let before = ada.hardline.ok(&["whoami"]).await?;
    let gone = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired", "soft_logout": true });
    proxy.fault("", "/_matrix/client", u32::MAX, Fault::Answer(401, gone));
    hardline_testkit::wait::until(
        hardline_testkit::hardline::LIMIT,
        "the soft log-out",
        || async {
            let output = ada.hardline.run(&["rooms"]).await?;
            Ok(said(&output, "signed_out_by_server").ok())
        },
    )
    .await?;
    proxy.heal();
    let output = ada
        .hardline
        .login_with(proxy.base_url(), "ada", &password_of("ada"))
        .await?;
    output.json()?;
    let after = ada.hardline.ok(&["whoami"]).await?;
    ensure!(
        before["device_id"] == after["device_id"],
        "another device: {before} {after}"
    );
    ada.reads(&room, "before the log-out").await?;
    ada.send(&room, "after the log-out").await.map(drop)
}

fn limited(ms: u64) -> Fault {
    Fault::Answer(
        429,
        json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slower", "retry_after_ms": ms }),
    )
}
