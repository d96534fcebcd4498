//! The homeserver on this device: how others get onto it, and how far it reaches.

use anyhow::{Context, Result, ensure};
use hardline_testkit::{Hardline, hardline::LIMIT, homeserver::password, wait::until};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

#[tokio::test]
async fn others_get_onto_this_devices_own_server_and_reach_it_only_when_it_is_shared() -> Result<()>
{
    let (ada, bo) = (newcomer("ada")?, newcomer("bo")?);
    let mut staying = ada.launch()?.args(["--json", "own-server"]).spawn_piped()?;
    let said = staying.child.stdout.take().context("no standard output")?;
    let first = tokio::time::timeout(LIMIT, BufReader::new(said).lines().next_line()).await??;
    let server: Value = serde_json::from_str(&first.context("it ended")?)?;
    let port = port_of(&server)?;
    ensure!(server["shared"] == false, "{server}");
    ensure!(reaches([127, 0, 0, 1], port).await, "not there: {server}");
    ensure!(
        !reaches([127, 0, 0, 2], port).await,
        "open to all: {server}"
    );

    // Somebody else makes an account with what the first can tell them.
    let (address, token) = (
        text(&server, "base_url")?,
        text(&server, "registration_token")?,
    );
    let account = bo
        .ok(&["register", "--server", address, "--token", token, "bo"])
        .await?;
    let name = text(&server, "server_name")?;
    ensure!(account["user_id"] == format!("@bo:{name}"), "{account}");

    // Another address of this device stands for another device.
    let shared = ada.ok(&["own-server", "--share", "yes"]).await?;
    ensure!(shared["shared"] == true, "{shared}");
    ensure!(reaches([127, 0, 0, 2], port).await, "not shared: {shared}");
    bo.ok(&["create", "--name", "Through the restart"]).await?;
    let again = ada.ok(&["own-server", "--share", "no"]).await?;
    ensure!(again["network_url"] == Value::Null, "{again}");
    ensure!(
        !reaches([127, 0, 0, 2], port).await,
        "still shared: {again}"
    );
    bo.ok(&["create", "--name", "And after"]).await?;

    // However the program ends, its server ends with it.
    staying.kill().await?;
    until(LIMIT, "the end of the server", || async move {
        Ok((!reaches([127, 0, 0, 1], port).await).then_some(()))
    })
    .await
}

fn newcomer(name: &str) -> Result<Hardline> {
    let mut hardline = Hardline::without_bus()?;
    hardline.set_env("HARDLINE_PASSPHRASE", "for the tests");
    hardline.set_env("HARDLINE_PASSWORD", password(name));
    Ok(hardline)
}

async fn reaches(address: [u8; 4], port: u16) -> bool {
    TcpStream::connect((std::net::Ipv4Addr::from(address), port))
        .await
        .is_ok()
}

fn port_of(server: &Value) -> Result<u16> {
    let port = text(server, "base_url")?.rsplit(':').next();
    Ok(port.context("no port")?.parse()?)
}

fn text<'a>(answer: &'a Value, key: &str) -> Result<&'a str> {
    answer[key]
        .as_str()
        .with_context(|| format!("no {key}: {answer}"))
}
