//! X11 with the software renderer and with OpenGL ES 2, and Wayland: the list of rooms is seen.

use anyhow::{Result, ensure};
use hardline_testkit::{
    Picture,
    display::{Weston, Xvfb},
    picture::{Rgb, alike},
    process::Process,
    server::HardlineServer,
    wait::until,
};

use super::{LIMIT, quits, signed_in};

/// Colors of the light scheme, as `ui/views/theme/theme.slint` has them.
const RAIL: Rgb = [0xec, 0xec, 0xf1];
const PANE: Rgb = [0xf7, 0xf7, 0xfa];
const AVATARS: [Rgb; 8] = [
    [0x5d, 0x5b, 0xd4],
    [0x2a, 0x6f, 0xc9],
    [0x0b, 0x7d, 0x86],
    [0x2e, 0x7d, 0x4f],
    [0x8a, 0x64, 0x10],
    [0xb4, 0x51, 0x2a],
    [0xb9, 0x3a, 0x68],
    [0x8a, 0x4a, 0xb0],
];

/// Whether the frame stands with one room in its list: rail, pane, a round avatar, and dark letters beside it.
pub fn shows_the_list(picture: &Picture) -> bool {
    let (_, _, width, height) = picture.whole();
    let list = (80, 60, 300, height.saturating_sub(60));
    let avatar = AVATARS
        .iter()
        .map(|&color| picture.count(list, |rgb| alike(rgb, color)))
        .max();
    // 48 pixels across, less the initials on it
    let has_avatar = avatar.is_some_and(|pixels| (900..1_810).contains(&pixels));
    let letters = picture.count((140, 60, 240, height), |rgb| rgb.iter().all(|&c| c < 0x60));
    width > 700
        && alike(picture.at(20, height / 2), RAIL)
        && alike(picture.at(200, height - 40), PANE)
        && has_avatar
        && letters > 60
}

/// Waits until the list is seen; keeps the last picture where `HARDLINE_TEST_PICTURES` says.
pub async fn until_list<F>(process: &mut Process, name: &str, take: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<Picture>>,
{
    let keep = |picture: &Picture| match std::env::var_os("HARDLINE_TEST_PICTURES") {
        Some(dir) => picture.save(&std::path::Path::new(&dir).join(format!("{name}.png"))),
        None => Ok(()),
    };
    until(LIMIT, "the list of rooms on the screen", || {
        let alive = process.expect_running();
        let picture = take();
        async {
            alive?;
            let picture = picture.await?;
            keep(&picture)?;
            Ok(shows_the_list(&picture).then_some(()))
        }
    })
    .await
}

async fn on_x11(renderer: &str, env: &[(&str, &str)]) -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    // as large as the window is at first: without a window manager it stands in the corner
    let screen = Xvfb::start(1100, 760).await?;
    let mut process = ada
        .launch()?
        .args(["--renderer", renderer])
        .env("DISPLAY", screen.display())
        .env("HARDLINE_LOG", "info")
        .envs(env.iter().copied())
        .spawn()?;
    until_list(&mut process, renderer, || async { screen.picture() }).await?;
    let drawn_by = if renderer == "gl" {
        "OpenGL ES"
    } else {
        "software"
    };
    ensure!(
        process.log().contains(&format!("drawn by {drawn_by}")),
        "{}",
        process.log()
    );
    quits(&ada, process).await
}

#[tokio::test]
async fn x11_with_the_software_renderer() -> Result<()> {
    on_x11("software", &[]).await
}

#[tokio::test]
async fn x11_with_opengl_es_2() -> Result<()> {
    on_x11(
        "gl",
        &[
            ("MESA_GLES_VERSION_OVERRIDE", "2.0"),
            ("MESA_GL_VERSION_OVERRIDE", "2.1"),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ],
    )
    .await
}

/// Where nobody manages windows, ours is no larger than the screen: the button at the right of a phone's list and the
/// bar at its foot are in sight.
#[tokio::test]
async fn x11_on_a_phone_without_a_window_manager() -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    let screen = Xvfb::start(360, 720).await?;
    let mut process = ada
        .launch()?
        .args(["--renderer", "software"])
        .env("DISPLAY", screen.display())
        .spawn()?;
    until(LIMIT, "a phone's list of rooms", || {
        let alive = process.expect_running();
        let picture = screen.picture();
        async move {
            alive?;
            let picture = picture?;
            let dark = |area| picture.count(area, |rgb| rgb.iter().all(|&c| c < 0x70));
            let new_conversation = dark((312, 12, 348, 44));
            let settings = dark((244, 664, 288, 696));
            let avatar = AVATARS
                .iter()
                .map(|&color| picture.count((0, 100, 80, 720), |rgb| alike(rgb, color)))
                .max();
            Ok((new_conversation > 20 && settings > 20 && avatar > Some(900)).then_some(()))
        }
    })
    .await?;
    quits(&ada, process).await
}

async fn on_wayland(renderer: &str) -> Result<()> {
    let server = HardlineServer::start().await?;
    let ada = signed_in(&server).await?;
    let compositor = Weston::start(1200, 800).await?;
    let mut process = ada
        .launch()?
        .args(["--renderer", renderer])
        .env("WAYLAND_DISPLAY", compositor.display())
        .spawn()?;
    let name = format!("wayland-{renderer}");
    until(LIMIT, "the list of rooms on the screen", || {
        let alive = process.expect_running();
        let (compositor, name) = (&compositor, &name);
        async move {
            alive?;
            let picture = compositor.picture().await?;
            if let Some(dir) = std::env::var_os("HARDLINE_TEST_PICTURES") {
                picture.save(&std::path::Path::new(&dir).join(format!("{name}.png")))?;
            }
            Ok(window_shows_the_list(&picture).then_some(()))
        }
    })
    .await?;
    quits(&ada, process).await
}

/// The same inside a compositor that puts the window where it likes, with a frame around it: the rail is as high as
/// most of the window, the pane beside it is seen, and the avatar.
fn window_shows_the_list(picture: &Picture) -> bool {
    let whole = picture.whole();
    let avatar = AVATARS
        .iter()
        .map(|&color| picture.count(whole, |rgb| alike(rgb, color)))
        .max();
    picture.count(whole, |rgb| alike(rgb, RAIL)) > 20_000
        && picture.count(whole, |rgb| alike(rgb, PANE)) > 60_000
        && avatar.is_some_and(|pixels| pixels > 900)
}

#[tokio::test]
async fn wayland_with_the_software_renderer() -> Result<()> {
    on_wayland("software").await
}
