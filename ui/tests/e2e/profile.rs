//! The profile's folder: taken, full, damaged, too new.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    HardlineServer,
    hardline::{LIMIT, Watch},
    wait::until,
};

use crate::person::{Desk, Person, said};

#[tokio::test]
async fn a_second_start_on_a_profile_hands_over_to_the_first() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    let second = ada
        .hardline
        .launch()?
        .arg("--background")
        .output(Duration::from_secs(30))
        .await?;
    ensure!(second.status.success(), "the second start: {second:?}");
    ada.process()?.expect_running()?;
    // Many commands at once are all carried out by the first.
    let texts: Vec<String> = (0..6).map(|i| format!("at once {i}")).collect();
    let sends = texts.iter().map(|text| ada.send(&room, text));
    for sent in futures_util::future::join_all(sends).await {
        sent?;
    }
    let rows = ada.timeline(&room).await?;
    for text in &texts {
        ensure!(
            rows.iter()
                .filter(|row| row["body"] == text.as_str())
                .count()
                == 1,
            "{text} is not there once"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_command_that_stays_shares_the_profile_and_makes_way_for_the_program() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let ada = desk.signed_in(&server, "ada").await?;
    let mut watch = ada.hardline.watch(&[])?;
    watch
        .until("connection", |line| line["state"] == "online")
        .await?;
    // The watching process owns the profile, and carries out what others want.
    let room = ada.create_room("Shared").await?;
    watch
        .until("the room", |line| line["room_id"] == room.as_str())
        .await?;
    let (code, told) = ada.hardline.fails(&["quit"]).await?;
    ensure!(
        code == 2 && told.stderr.contains("does not run"),
        "{told:?}"
    );

    // The program takes the profile over; the watching goes on through it.
    let mut program = ada.hardline.launch()?.arg("--background").spawn()?;
    let (lock, pid) = (find(&ada.hardline.profile(), "lock")?, program.pid());
    until(LIMIT, "the program has the profile", || {
        let running = program.expect_running();
        let owner = fs::read_to_string(&lock);
        async move {
            running?;
            Ok((owner?.trim() == pid.to_string()).then_some(()))
        }
    })
    .await?;
    sees(&mut watch, &ada, &room, "through the program").await?;

    // It also goes on when the program ends.
    ada.hardline.ok(&["quit"]).await?;
    until(LIMIT, "the end of the program", || {
        let ended = program.ended();
        async move { ended }
    })
    .await?;
    sees(&mut watch, &ada, &room, "alone again").await
}

/// Sends until the one who watches has seen one: what is said in the moment of a change of hands may be missed.
async fn sees(watch: &mut Watch, ada: &Person, room: &str, text: &str) -> Result<()> {
    for turn in 0..20 {
        let text = format!("{text} {turn}");
        let event_id = ada.send(room, &text).await?;
        let seen = watch.until(&text, |line| line["event"]["event_id"] == event_id.as_str());
        if let Ok(seen) = tokio::time::timeout(Duration::from_secs(3), seen).await {
            return seen.map(drop);
        }
    }
    anyhow::bail!("the watching process saw none of “{text}”")
}

#[tokio::test]
async fn a_damaged_store_is_kept_aside_and_told() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let ada = desk.signed_in(&server, "ada").await?;
    let file = find(&ada.hardline.profile(), "hardline.sqlite3")?;
    fs::write(
        &file,
        b"no database at all, though it was one once; ".repeat(300),
    )?;
    let told = said(&ada.hardline.run(&["rooms"]).await?, "store_damaged")?;
    let kept = told["kept_as"].as_str().context("not told where it is")?;
    ensure!(
        fs::read(kept)?.starts_with(b"no database at all"),
        "another file was kept"
    );
    // The next start is a fresh profile, not the same error for ever.
    let (_, output) = ada.hardline.fails(&["rooms"]).await?;
    ensure!(
        !output.stderr.contains("store_damaged") && !output.stdout.contains("store_damaged"),
        "{output:?}"
    );
    desk_signs_in_again(&ada.hardline, &server).await
}

#[tokio::test]
async fn a_damaged_message_store_is_kept_aside_and_told() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let ada = desk.signed_in(&server, "ada").await?;
    for name in ["matrix-sdk-state.sqlite3", "matrix-sdk-crypto.sqlite3"] {
        let file = find(&ada.hardline.profile(), name)?;
        fs::write(
            &file,
            b"no database at all, though it was one once; ".repeat(300),
        )?;
    }
    let told = said(&ada.hardline.run(&["rooms"]).await?, "store_damaged")?;
    ensure!(
        told["kept_as"]
            .as_str()
            .is_some_and(|kept| std::path::Path::new(kept).exists()),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_alone() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let ada = desk.signed_in(&server, "ada").await?;
    let file = find(&ada.hardline.profile(), "hardline.sqlite3")?;
    let mut bytes = fs::read(&file)?;
    // The user version stands at byte 60 of an SQLite file, big-endian.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&file, &bytes)?;
    let told = said(&ada.hardline.run(&["rooms"]).await?, "store_too_new")?;
    ensure!(told["found"] == 9_999, "{told}");
    ensure!(fs::read(&file)? == bytes, "the store was touched");
    Ok(())
}

async fn desk_signs_in_again(
    hardline: &hardline_testkit::Hardline,
    server: &HardlineServer,
) -> Result<()> {
    hardline.login(server, "ada").await.map(drop)
}

fn find(dir: &std::path::Path, name: &str) -> Result<PathBuf> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() == name {
                return Ok(entry.path());
            }
        }
    }
    anyhow::bail!("no {name} below {}", dir.display())
}
