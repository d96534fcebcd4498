//! Two profiles talk in an encrypted room: text, reply, image, both directions, and on after a restart of either side.

use anyhow::{Result, ensure};
use hardline_testkit::{HardlineServer, Homeserver, ServerOptions, Synapse};

use crate::person::{Desk, Person, encrypted_room};

#[tokio::test]
async fn two_profiles_talk_on_our_server() -> Result<()> {
    two_profiles_talk(&HardlineServer::start().await?).await
}

#[tokio::test]
async fn two_profiles_talk_without_sliding_sync() -> Result<()> {
    let options = ServerOptions {
        sliding_sync: false,
        ..ServerOptions::default()
    };
    two_profiles_talk(&HardlineServer::start_with(options).await?).await
}

#[tokio::test]
async fn two_profiles_talk_on_synapse() -> Result<()> {
    two_profiles_talk(&Synapse::start().await?).await
}

#[tokio::test]
async fn watch_tells_messages_as_they_come_readable() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    let mut bo = desk.signed_in(&server, "bo").await?;
    ada.start().await?;
    bo.start().await?;
    let room = encrypted_room(&ada, &bo).await?;
    let mut watch = ada.watch()?;
    watch
        .until("connection", |line| line["type"] == "connection")
        .await?;
    let sent = bo.send(&room, "told at once").await?;
    let line = watch
        .until("bo's message", |line| {
            line["event"]["content"]["body"] == "told at once"
        })
        .await?;
    ensure!(
        line["room_id"] == room.as_str() && line["event"]["event_id"] == sent.as_str(),
        "{line}"
    );
    // Whoever stops listening ends the command; the program goes on.
    drop(watch);
    ada.process()?.expect_running()
}

async fn two_profiles_talk(server: &impl Homeserver) -> Result<()> {
    let desk = Desk::new().await?;
    let mut ada = desk.signed_in(server, "ada").await?;
    let mut bo = desk.signed_in(server, "bo").await?;
    ada.start().await?;
    bo.start().await?;
    let room = encrypted_room(&ada, &bo).await?;

    exchange(&ada, &bo, &room, "before").await?;
    ada.restart().await?;
    exchange(&ada, &bo, &room, "after ada's restart").await?;
    bo.restart().await?;
    exchange(&bo, &ada, &room, "after bo's restart").await?;

    nothing_was_sent_in_the_clear(server, &room).await
}

/// A text, a reply and an image each way.
async fn exchange(one: &Person, other: &Person, room: &str, when: &str) -> Result<()> {
    for (from, to) in [(one, other), (other, one)] {
        let text = format!("{} says hello {when}", from.name);
        let sent = from.send(room, &text).await?;
        let read = to.reads(room, &text).await?;
        ensure!(
            read["event_id"] == sent && read["sender"] == from.user_id,
            "{read}"
        );

        let answer = format!("{} answers {when}", to.name);
        to.reply(room, &sent, &answer).await?;
        let read = from.reads(room, &answer).await?;
        ensure!(read["reply"]["event_id"] == sent, "no reply: {read}");

        let picture = from
            .hardline
            .home()
            .join(format!("{}.png", when.replace([' ', '\''], "-")));
        image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 90]))
            .save(&picture)?;
        let sent = from.send_file(room, &picture.display().to_string()).await?;
        let read = to
            .reads_where(room, "the picture", |row| row["event_id"] == sent.as_str())
            .await?;
        ensure!(read["attachment"]["kind"] == "image", "no picture: {read}");
        let saved = to.hardline.home().join("saved.png");
        to.hardline
            .ok(&["save", room, &sent, &saved.display().to_string()])
            .await?;
        ensure!(
            std::fs::read(&saved)? == std::fs::read(&picture)?,
            "another picture came out"
        );
    }
    Ok(())
}

/// Looks at what the server holds.
async fn nothing_was_sent_in_the_clear(server: &impl Homeserver, room: &str) -> Result<()> {
    let ada = hardline_testkit::Client::login(
        server.base_url(),
        "ada",
        &crate::person::password_of("ada"),
    )
    .await?;
    let events = ada.latest(room, 100).await?;
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    ensure!(
        count("m.room.encrypted") == 18,
        "{} encrypted events of 18",
        count("m.room.encrypted")
    );
    ensure!(count("m.room.message") == 0, "a message in the clear");
    Ok(())
}
