//! No window in the background, one after a second start, none again once it is closed, while messages keep coming.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Desktop,
    hardline::Hardline,
    homeserver::{Homeserver, password},
    picture::{Rgb, alike},
    process::Process,
    server::HardlineServer,
    wait::until,
};

use super::{LIMIT, at_home, quits, seen::until_list, signed_in};

/// Color of the page beside the list in the light scheme.
const SURFACE: Rgb = [0xff, 0xff, 0xff];

#[tokio::test]
async fn the_background_needs_no_display() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    let mut process = ada.start_background().await?;
    let whoami = ada.ok(&["whoami"]).await?;
    ensure!(
        whoami.to_string().contains(&server.user_id("ada")),
        "{whoami}"
    );
    // asked for a window, it says that there is no display, and goes on
    ada.run(&["raise"]).await?;
    until(LIMIT, "a word about the missing display", || {
        let alive = process.expect_running();
        let told = process.log().contains("there is no display");
        async move { alive.map(|()| told.then_some(())) }
    })
    .await?;
    ada.ok(&["rooms"]).await?;
    quits(&ada, process).await
}

#[tokio::test]
async fn a_second_start_shows_the_window_of_the_first() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    let desktop = Desktop::start(1200, 800).await?;
    let mut process = started(&ada, &desktop, &["--background"])?;
    has_synced(&ada).await?;
    no_window(&desktop, &mut process).await?;

    start_again(&ada, &desktop).await?;
    one_window(&desktop, &mut process).await?;
    until_list(&mut process, "raised", || async {
        desktop.screen().picture()
    })
    .await?;

    // and a third: still one window, of the same process
    start_again(&ada, &desktop).await?;
    one_window(&desktop, &mut process).await?;
    quits(&ada, process).await
}

#[tokio::test]
async fn a_closed_window_leaves_the_program_syncing() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    let (bo, room) = talking_with(&ada, &server).await?;
    let desktop = Desktop::start(1200, 800).await?;
    let mut process = started(&ada, &desktop, &[])?;
    one_window(&desktop, &mut process).await?;

    desktop.keys(&["alt+F4"]).await?;
    no_window(&desktop, &mut process).await?;
    bo.ok(&["send", &room, "The ferry is late"]).await?;
    until(LIMIT, "the message, without a window", || {
        let alive = process.expect_running();
        let rooms = ada.ok(&["rooms"]);
        async {
            alive?;
            Ok(rooms
                .await?
                .to_string()
                .contains("The ferry is late")
                .then_some(()))
        }
    })
    .await?;

    start_again(&ada, &desktop).await?;
    one_window(&desktop, &mut process).await?;
    quits(&ada, process).await
}

#[tokio::test]
async fn a_maximized_window_comes_back_maximized_and_takes_keys() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    std::fs::write(
        ada.profile().join("window.json"),
        r#"{"width":700.0,"height":500.0,"maximized":true}"#,
    )?;
    let desktop = Desktop::start(1200, 800).await?;
    let mut process = started(&ada, &desktop, &[])?;
    fills_the_screen(&desktop, &mut process).await?;
    desktop.keys(&["alt+F4"]).await?;
    no_window(&desktop, &mut process).await?;
    start_again(&ada, &desktop).await?;
    fills_the_screen(&desktop, &mut process).await?;

    // the dialog to jump to a room darkens what is behind it; a window manager may give the focus a little later
    until(LIMIT, "what the keys opened", || {
        let (desktop, alive) = (&desktop, process.expect_running());
        async move {
            alive?;
            desktop.keys(&["ctrl+k"]).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let dark = !alike(desktop.screen().picture()?.at(1_180, 600), SURFACE);
            Ok(dark.then_some(()))
        }
    })
    .await?;
    quits(&ada, process).await
}

/// Waits until the window reaches the lower right corner.
async fn fills_the_screen(desktop: &Desktop, process: &mut Process) -> Result<()> {
    one_window(desktop, process).await?;
    until(LIMIT, "a window that fills the screen", || {
        let picture = desktop.screen().picture();
        async move { Ok(alike(picture?.at(1_180, 780), SURFACE).then_some(())) }
    })
    .await
}

/// Bo, in an unencrypted room with Ada.
async fn talking_with(ada: &Hardline, server: &HardlineServer) -> Result<(Hardline, String)> {
    let mut bo = at_home()?;
    bo.set_env("HARDLINE_PASSWORD", password("bo"));
    bo.ok(&["register", "--server", server.base_url(), "bo"])
        .await?;
    let invitee = server.user_id("ada");
    let made = bo
        .ok(&[
            "create",
            "--name",
            "Ferry",
            "--unencrypted",
            "--invite",
            &invitee,
        ])
        .await?;
    let room = made["room_id"].as_str().context("no room was made")?;
    ada.ok(&["accept", room]).await?;
    Ok((bo, room.to_owned()))
}

fn started(ada: &Hardline, desktop: &Desktop, args: &[&str]) -> Result<Process> {
    ada.launch()?
        .args(["--renderer", "software"])
        .args(args)
        .env("DISPLAY", desktop.screen().display())
        .spawn()
}

/// A second start hands over to the first and ends at once.
async fn start_again(ada: &Hardline, desktop: &Desktop) -> Result<()> {
    let second = ada
        .launch()?
        .env("DISPLAY", desktop.screen().display())
        .output(LIMIT)
        .await?;
    ensure!(second.status.success(), "{}", second.stderr);
    Ok(())
}

async fn has_synced(ada: &Hardline) -> Result<()> {
    until(LIMIT, "an answer of the program in the background", || {
        let answer = ada.run(&["rooms"]);
        async move { Ok(answer.await?.json().ok().map(drop)) }
    })
    .await
}

async fn one_window(desktop: &Desktop, process: &mut Process) -> Result<()> {
    let titles = windows(desktop, process, 1).await?;
    ensure!(titles[0].contains("Hardline"), "{titles:?}");
    Ok(())
}

async fn no_window(desktop: &Desktop, process: &mut Process) -> Result<()> {
    windows(desktop, process, 0).await.map(drop)
}

/// Waits until the process has this many windows and keeps them for a second.
async fn windows(desktop: &Desktop, process: &mut Process, wanted: usize) -> Result<Vec<String>> {
    let pid = process.pid();
    until(LIMIT, &format!("{wanted} windows"), || {
        let alive = process.expect_running();
        async move {
            alive?;
            if desktop.windows(pid).await?.len() != wanted {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let titles = desktop.windows(pid).await?;
            Ok((titles.len() == wanted).then_some(titles))
        }
    })
    .await
}
