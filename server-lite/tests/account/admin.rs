//! The operator's commands, beside a running server.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result};
use hardline_testkit::{Client, HardlineServer, Homeserver, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{anonymous, log_in, refused, server_with};

fn run(server: &HardlineServer, args: &[&str], stdin: &str) -> Result<Output> {
    run_with(&server.dir().join("server.toml"), args, stdin)
}

fn run_with(config: &Path, args: &[&str], stdin: &str) -> Result<Output> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .args(args)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no stdin")?
        .write_all(stdin.as_bytes())?;
    Ok(child.wait_with_output()?)
}

/// What a command printed as JSON.
pub fn json_of(server: &HardlineServer, args: &[&str], stdin: &str) -> Result<Value> {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let output = run(server, &args, stdin)?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a command that failed said.
fn failure(server: &HardlineServer, args: &[&str], stdin: &str) -> Result<String> {
    let output = run(server, args, stdin)?;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test]
async fn accounts_are_added_and_given_passwords_while_the_server_runs() -> Result<()> {
    let server = HardlineServer::start().await?;
    let added = json_of(
        &server,
        &["user", "add", "ada", "--admin", "--password-stdin"],
        "first\n",
    )?;
    assert_eq!(
        added,
        json!({ "user_id": server.user_id("ada"), "admin": true, "password": null })
    );
    let ada = Client::login(server.base_url(), "ada", "first").await?;
    let bo = json_of(&server, &["user", "add", "bo", "--random-password"], "")?;
    let password = bo["password"].as_str().context("no password")?;
    Client::login(server.base_url(), "bo", password).await?;
    json_of(
        &server,
        &[
            "user",
            "password",
            &server.user_id("ada"),
            "--password-stdin",
        ],
        "second\n",
    )?;
    refused(
        &log_in(&server, "ada", "first", json!({})).await?,
        403,
        "M_FORBIDDEN",
    );
    refused(
        &ada.request(Method::GET, "v3/account/whoami", None).await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    let ada = Client::login(server.base_url(), "ada", "second").await?;
    json_of(
        &server,
        &[
            "user",
            "password",
            "ada",
            "--keep-devices",
            "--password-stdin",
        ],
        "third\n",
    )?;
    ada.get("v3/account/whoami").await?;
    let listed = json_of(&server, &["user", "list"], "")?;
    let short: Vec<Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|user| {
            json!([
                user["user_id"],
                user["admin"],
                user["n_devices"],
                user["deactivated"]
            ])
        })
        .collect();
    assert_eq!(
        short,
        [
            json!([server.user_id("ada"), true, 1, false]),
            json!([server.user_id("bo"), false, 1, false])
        ]
    );
    let text = String::from_utf8(run(&server, &["user", "list"], "")?.stdout)?;
    assert!(
        text.contains("@ada:server.hardline.test  since 20")
            && text.contains(", 1 devices, administrator"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_a_sentence() -> Result<()> {
    let (server, _ada) = server_with("ada").await?;
    for (args, stdin, expected) in [
        (
            &["user", "add", "ada", "--password-stdin"][..],
            "x\n",
            "there is (or was) an account called @ada:server.hardline.test",
        ),
        (
            &["user", "add", "b o", "--password-stdin"],
            "x\n",
            "A name has only the letters",
        ),
        (
            &["user", "add", "bo", "--password-stdin"],
            "\n",
            "The password is empty.",
        ),
        (
            &["user", "add", "bo"],
            "",
            "give --password-stdin or --random-password",
        ),
        (
            &["user", "password", "bo", "--random-password"],
            "",
            "there is no account @bo",
        ),
        (
            &[
                "user",
                "password",
                "@ada:elsewhere.test",
                "--random-password",
            ],
            "",
            "is not of this server",
        ),
        (
            &["user", "deactivate", "bo"],
            "",
            "There is no such account.",
        ),
        (
            &["token", "delete", "nothing"],
            "",
            "there is no token nothing",
        ),
        (
            &["token", "create", "--token", "a b"],
            "",
            "A token has 1 to 64 letters",
        ),
    ] {
        let said = failure(&server, args, stdin)?;
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let output = run_with(Path::new("/nowhere/server.toml"), &["user", "list"], "")?;
    assert!(String::from_utf8(output.stderr)?.contains("--config FILE"));
    Ok(())
}

#[tokio::test]
async fn a_deactivated_account_is_gone_for_the_running_server() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = bo.create_room(json!({ "preset": "public_chat" })).await?;
    ada.join(&room).await?;
    json_of(&server, &["user", "deactivate", "ada"], "")?;
    refused(
        &ada.request(Method::GET, "v3/account/whoami", None).await?,
        401,
        "M_UNKNOWN_TOKEN",
    );
    refused(
        &log_in(&server, "ada", "pass-ada", json!({})).await?,
        403,
        "M_FORBIDDEN",
    );
    let joined = bo.get(&format!("v3/rooms/{room}/joined_members")).await?;
    assert_eq!(
        joined["joined"].as_object().map(serde_json::Map::len),
        Some(1),
        "{joined}"
    );
    // The server goes on taking messages after another program wrote to its database.
    bo.send_text(&room, "still here").await?;
    Ok(())
}

async fn register(
    server: &HardlineServer,
    name: &str,
    token: &str,
) -> Result<hardline_testkit::client::Answer> {
    let auth = json!({ "type": "m.login.registration_token", "token": token });
    let body = json!({ "username": name, "password": "secret", "auth": auth });
    anonymous(server, Method::POST, "v3/register", Some(body)).await
}

#[tokio::test]
async fn tokens_let_as_many_in_as_they_say_and_until_they_expire() -> Result<()> {
    let server = HardlineServer::start_with(ServerOptions {
        registration_token: Some("of-the-file".to_owned()),
        ..ServerOptions::default()
    })
    .await?;
    let once = json_of(&server, &["token", "create", "--uses", "1"], "")?;
    let token = once["token"].as_str().context("no token")?;
    register(&server, "ada", token).await?.ok()?;
    refused(&register(&server, "bo", token).await?, 401, "M_FORBIDDEN");
    json_of(
        &server,
        &["token", "create", "--token", "brief", "--expires-in", "1s"],
        "",
    )?;
    register(&server, "bo", "brief").await?.ok()?;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    refused(&register(&server, "cy", "brief").await?, 401, "M_FORBIDDEN");
    json_of(&server, &["token", "create", "--token", "many"], "")?;
    register(&server, "cy", "many").await?.ok()?;
    register(&server, "di", "many").await?.ok()?;
    let listed = json_of(&server, &["token", "list"], "")?;
    let uses: Vec<Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["uses"].clone())
        .collect();
    assert_eq!(uses, [1, 1, 2]);
    let text = String::from_utf8(run(&server, &["token", "list"], "")?.stdout)?;
    assert!(
        text.contains("used 1 of 1 times, for good, no longer valid"),
        "{text}"
    );
    json_of(&server, &["token", "delete", "many"], "")?;
    refused(&register(&server, "ed", "many").await?, 401, "M_FORBIDDEN");
    register(&server, "ed", "of-the-file").await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn two_at_once_with_one_use_left_do_not_both_get_in() -> Result<()> {
    let server = HardlineServer::start_with(ServerOptions {
        registration_token: Some("of-the-file".to_owned()),
        ..ServerOptions::default()
    })
    .await?;
    json_of(
        &server,
        &["token", "create", "--token", "once", "--uses", "1"],
        "",
    )?;
    let (one, two) = tokio::join!(
        register(&server, "ada", "once"),
        register(&server, "bo", "once")
    );
    let statuses = [one?.status, two?.status];
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    Ok(())
}
