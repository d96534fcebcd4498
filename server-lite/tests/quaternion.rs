//! A person at Quaternion, a client with a window made by others, on `hardline-server`.
//!
//! What its window shows is looked at where no other can see it; all else is asked of the server, by a second person.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use hardline_testkit::{
    Client, Desktop, HardlineServer, Homeserver, Picture, Quaternion, ServerOptions,
    homeserver::password, picture::Area, wait::until,
};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);
/// Where the rooms are listed.
const ROOMS: Area = (2, 44, 250, 700);
/// Where messages are shown; what is loaded is told to the right of it.
const TIMELINE: Area = (300, 90, 380, 625);
/// Less ink than any line of text has.
const A_LINE: usize = 100;
/// In the middle of the line to write on.
const LINE: (u32, u32) = (656, 756);

/// Where a picture is kept to be looked at.
fn shot(of: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("quaternion-{of}.png"))
}

/// How much is written in an area: pixels darker than any background.
fn ink(picture: &Picture, area: Area) -> usize {
    picture.count(area, |rgb| rgb.iter().all(|&part| part < 160))
}

/// Waits until there is more ink in an area than there was.
async fn more_ink(desktop: &Desktop, area: Area, before: usize, what: &str) -> Result<usize> {
    until(LIMIT, what, || async {
        let now = ink(&desktop.screen().picture()?, area);
        Ok((now > before).then_some(now))
    })
    .await
}

/// Has the person at the window do something, for else Quaternion takes nobody to be there, until `client` sees that they
/// have read as far as an event.
async fn has_read(
    desktop: &Desktop,
    client: &Client,
    room: &str,
    reader: &str,
    event: &str,
) -> Result<()> {
    until(LIMIT, "a receipt", || async {
        desktop.click(LINE.0, LINE.1).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let sync = client.get("v3/sync?timeout=0").await?;
        let events = sync["rooms"]["join"][room]["ephemeral"]["events"].clone();
        let events = events.as_array().cloned().unwrap_or_default();
        let is_read = events
            .iter()
            .any(|found| found["content"][event]["m.read"].get(reader).is_some());
        Ok(is_read.then_some(()))
    })
    .await
}

/// Waits for a text of `sender` in a room, as `client` reads it.
async fn has_said(client: &Client, room: &str, sender: &str, text: &str) -> Result<()> {
    until(LIMIT, text, || async {
        let newest = client.latest(room, 10).await?;
        let is_there = newest
            .iter()
            .any(|event| event["content"]["body"] == text && event["sender"] == sender);
        Ok(is_there.then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_person_at_quaternion_signs_in_sees_their_rooms_and_talks() -> Result<()> {
    // Quaternion of Debian 12 is older than rooms of versions 11 and 12.
    let server = HardlineServer::start_with(ServerOptions {
        extra: "[rooms]\ndefault_version = \"10\"\n".to_owned(),
        ..ServerOptions::default()
    })
    .await?;
    let (ada, bo) = (server.register("ada").await?, server.register("bo").await?);
    let open = json!({ "preset": "public_chat", "name": "Tea room" });
    let room = ada.create_room(open).await?;
    bo.join(&room).await?;
    let first = bo.send_text(&room, "Is there any left?").await?;

    let desktop = Desktop::start(1280, 800).await?;
    let mut quaternion = Quaternion::start(&desktop).await?;
    until(LIMIT, "an empty list of rooms", || async {
        Ok((ink(&desktop.screen().picture()?, ROOMS) == 0).then_some(()))
    })
    .await?;
    quaternion
        .sign_in(&desktop, &server, &ada, &password("ada"), "teapot")
        .await?;
    more_ink(&desktop, ROOMS, A_LINE, "the room in the list").await?;
    let written = more_ink(&desktop, TIMELINE, 5 * A_LINE, "messages in the window").await?;
    desktop.screen().picture()?.save(&shot("signed-in"))?;

    desktop.click(LINE.0, LINE.1).await?;
    has_read(&desktop, &bo, &room, &ada.user_id, &first).await?;
    desktop.types("A whole pot").await?;
    desktop.keys(&["Return"]).await?;
    has_said(&bo, &room, &ada.user_id, "A whole pot").await?;
    let written = more_ink(&desktop, TIMELINE, written, "what was said in the window").await?;

    let answer = bo.send_text(&room, "I come over at once").await?;
    has_read(&desktop, &bo, &room, &ada.user_id, &answer).await?;
    let written = written + A_LINE;
    more_ink(&desktop, TIMELINE, written, "the answer in the window").await?;
    desktop.screen().picture()?.save(&shot("talked"))?;

    // Nothing was refused: that would have opened a window about it.
    let windows = quaternion.windows(&desktop).await?;
    ensure!(windows.len() == 1, "{windows:?}");
    Ok(())
}
