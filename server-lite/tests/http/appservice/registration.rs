//! Registration files and the operator's commands.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::service::{BOT, Service};
use crate::support::Server;

/// What the program says when it is started with these further lines of configuration.
fn start(server: &Server, lines: &str) -> String {
    let config = std::fs::read_to_string(server.config()).unwrap();
    let path = server.config().with_file_name("other.toml");
    let config = config.replace("path = \"data\"", "path = \"other\"");
    std::fs::write(&path, format!("{config}\n{lines}")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .arg("--config")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!path.with_file_name("other").exists(), "nothing is made");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_registration_that_is_wrong_is_named_at_the_start() {
    let (server, service) = (Server::start().await, Service::start().await);
    let section = service.registered("");
    let file = service.file("bridge");
    let shown = file.to_str().unwrap();

    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("exclusive: true", "exclusive: perhaps")).unwrap();
    let said = start(&server, &section);
    assert!(said.contains(shown) && said.contains("line 9"), "{said}");
    std::fs::write(&file, text.replace("'@_br_", "'@[br_")).unwrap();
    let said = start(&server, &section);
    assert!(
        said.contains(shown) && said.contains("namespaces.users[0].regex"),
        "{said}"
    );
    std::fs::remove_file(&file).unwrap();
    let said = start(&server, &section);
    assert!(
        said.contains(&format!("cannot read the registration {shown}")),
        "{said}"
    );

    // Two of one name, two of one token.
    std::fs::write(&file, &text).unwrap();
    let twice = |one: &str, other: &str| {
        let files = [service.file(one), service.file(other)];
        format!("[appservices]\nfiles = {files:?}\n")
    };
    let said = start(&server, &twice("bridge", "bridge"));
    assert!(
        said.contains("id: another registration has the same id"),
        "{said}"
    );
    service.registered_as("second", "namespaces: {}\n");
    let said = start(&server, &twice("bridge", "second"));
    assert!(
        said.contains("second.yaml: as_token: another registration has the same token"),
        "{said}"
    );
    assert!(!said.contains("as-token"), "{said}");
    let console = "console = [{ appservice = \"other\", users = [] }]\n";
    let said = start(&server, &format!("{section}{console}"));
    assert!(
        said.contains("no registration has the id \"other\""),
        "{said}"
    );
}

fn run(server: &Server, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hardline-server"));
    let output = command
        .args(args)
        .arg("--config")
        .arg(server.config())
        .output();
    output.unwrap()
}

#[tokio::test]
async fn the_operator_sees_who_is_there_and_what_waits() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("protocols: [irc]\n")).await;
    let (ada, bot) = (server.register("ada").await, service.bot(&server));
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bot.user.join(&room).await;
    ada.say(&room, "taken").await;
    service.heard_upto("taken").await;
    service.fail(&[500; 50]);
    ada.say(&room, "waits").await;
    service.heard_upto("waits").await;
    let output = run(&server, &["appservice", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &listed[0];
    assert_eq!(
        (
            &one["id"],
            &one["sender"],
            &one["waiting"],
            &one["protocols"]
        ),
        (&json!("bridge"), &json!(BOT), &json!(1), &json!(["irc"]))
    );
    assert_eq!(one["namespaces"]["users"][0]["exclusive"], true);
    let text = String::from_utf8(run(&server, &["appservice", "list"]).stdout).unwrap();
    assert!(
        text.contains("bridge") && text.contains("1 waiting"),
        "{text}"
    );
    assert!(!text.contains("as-token") && !listed.to_string().contains("hs-token"));
}

#[tokio::test]
async fn the_operator_gives_no_name_away_that_is_reserved_for_a_bridge() {
    let service = Service::start().await;
    let server = Server::start_with(&service.registered("")).await;
    let add = |name: &str| server.operate(&["user", "add", name, "--random-password"]);
    for name in ["_br_cy", "@_br_cy:hs.test"] {
        let said = add(name).unwrap_err();
        assert!(
            said.contains("@_br_cy:hs.test is reserved for the bridge \"bridge\""),
            "{said}"
        );
    }
    // Nothing was made: the bridge itself can have it.
    service.bot(&server).register("_br_cy").await.ok();
    assert_eq!(add("cy_br_").unwrap()["user_id"], "@cy_br_:hs.test");
}

#[tokio::test]
async fn a_registration_can_be_made_for_a_bridge_that_makes_none() {
    let mut server = Server::start().await;
    let args = [
        "appservice",
        "new",
        "irc",
        "--url",
        "http://127.0.0.1:9/x",
        "--protocol",
        "irc",
        "--json",
    ];
    let output = run(&server, &args);
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = made["file"].as_str().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("sender_localpart: \"ircbot\""), "{text}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let again = run(&server, &args);
    assert_eq!(again.status.code(), Some(1), "it is never written over");
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    let wrong = run(&server, &["appservice", "new", "no good"]);
    assert_eq!(wrong.status.code(), Some(1));

    // The server takes it.
    let config = std::fs::read_to_string(server.config()).unwrap();
    let name = file.rsplit('/').next().unwrap();
    std::fs::write(
        server.config(),
        format!("{config}\n[appservices]\nfiles = [{name:?}]\n"),
    )
    .unwrap();
    server.stop();
    server.spawn();
    let token = text
        .lines()
        .find_map(|line| line.strip_prefix("as_token: "));
    let token: String = serde_json::from_str(token.unwrap()).unwrap();
    let path = "/_matrix/client/v3/account/whoami";
    let whoami = server
        .call(reqwest::Method::GET, path, Some(&token), None)
        .await;
    assert_eq!(whoami.ok()["user_id"], "@ircbot:hs.test");
    let body = json!({ "type": "m.login.application_service", "username": "_irc_cy", "inhibit_login": true });
    let path = "/_matrix/client/v3/register";
    server
        .call(reqwest::Method::POST, path, Some(&token), Some(body))
        .await
        .ok();
}
