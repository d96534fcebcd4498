//! "Use this device's own server", in the window, by the keyboard alone: an account is made, the list appears.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{Desktop, Picture, hardline::Hardline, process::Process, wait::until};

use super::{LIMIT, at_home, quits};

#[tokio::test]
async fn a_newcomer_gets_an_account_on_the_server_of_this_device() -> Result<()> {
    let ada = at_home()?;
    let desktop = Desktop::start(1200, 800).await?;
    let mut process = ada
        .launch()?
        .args(["--renderer", "software"])
        .env("DISPLAY", desktop.screen().display())
        .spawn()?;
    let welcome = still(&desktop, &mut process, None).await?;

    // Sign in, create an account, this device's own server.
    desktop.keys(&["Tab", "Tab", "Tab", "Return"]).await?;
    let explained = still(&desktop, &mut process, Some(&welcome)).await?;
    // Back, start the server.
    desktop.keys(&["Tab", "Tab", "Return"]).await?;
    runs(&ada, &mut process).await?;
    let running = still(&desktop, &mut process, Some(&explained)).await?;
    // The button that started it makes an account now, and still has the focus.
    desktop.keys(&["Return"]).await?;
    still(&desktop, &mut process, Some(&running)).await?;

    desktop.types("ada").await?;
    desktop.keys(&["Tab"]).await?;
    desktop.types("correct horse battery").await?;
    // past the button that shows what is typed
    desktop.keys(&["Tab", "Tab"]).await?;
    desktop.types("correct horse battery").await?;
    desktop.keys(&["Return"]).await?;

    let user_id = until(LIMIT, "an account", || {
        let alive = process.expect_running();
        let answer = ada.run(&["whoami"]);
        let picture = desktop.screen().picture();
        async move {
            alive?;
            keep(&picture?)?;
            let answer = answer.await?.json().ok();
            Ok(answer.and_then(|who| Some(who["user_id"].as_str()?.to_owned())))
        }
    })
    .await?;
    ensure!(user_id.starts_with("@ada:"), "{user_id}");
    until(LIMIT, "an empty list of rooms", || {
        let picture = desktop.screen().picture();
        async {
            let picture = picture?;
            keep(&picture)?;
            Ok(shows_the_frame(&picture).then_some(()))
        }
    })
    .await?;
    // and the account is good for something
    let made = ada.ok(&["create", "--name", "Notes"]).await?;
    made["room_id"].as_str().context("no room was made")?;
    quits(&ada, process).await
}

/// Rail and pane of the signed-in program, which the first screens lack.
fn shows_the_frame(picture: &Picture) -> bool {
    use hardline_testkit::picture::alike;
    let (_, _, _, height) = picture.whole();
    alike(picture.at(20, height / 2), [0xec, 0xec, 0xf1])
        && alike(picture.at(200, height - 40), [0xf7, 0xf7, 0xfa])
}

/// Waits until the server of this device has been set up and listens.
async fn runs(ada: &Hardline, process: &mut Process) -> Result<()> {
    let config = ada.home().join("data/hardline/server/hardline-server.toml");
    until(LIMIT, "the server of this device", || {
        let alive = process.expect_running();
        let port = port_in(&config);
        async move {
            alive?;
            let Some(port) = port else { return Ok(None) };
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            Ok(connected.ok().map(drop))
        }
    })
    .await
}

fn port_in(config: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(config).ok()?;
    let line = text.lines().find(|line| line.starts_with("port"))?;
    line.split('=').nth(1)?.trim().parse().ok()
}

/// Waits until the window shows something other than `before`, and the same for half a second.
async fn still(
    desktop: &Desktop,
    process: &mut Process,
    before: Option<&Picture>,
) -> Result<Picture> {
    until(LIMIT, "the next page", || {
        let alive = process.expect_running();
        async move {
            alive?;
            let first = desktop.screen().picture()?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            let second = desktop.screen().picture()?;
            keep(&second)?;
            let drawn = second.colors(second.whole()) > 60;
            let new = before.is_none_or(|before| *before != second);
            Ok((drawn && new && first == second).then_some(second))
        }
    })
    .await
}

/// Keeps the last picture where `HARDLINE_TEST_PICTURES` says.
fn keep(picture: &Picture) -> Result<()> {
    match std::env::var_os("HARDLINE_TEST_PICTURES") {
        Some(dir) => picture.save(&Path::new(&dir).join("own-server.png")),
        None => Ok(()),
    }
}
