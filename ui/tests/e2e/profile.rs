//! The profile's folder: taken, full, damaged, too new.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use hardline_testkit::HardlineServer;

use crate::person::{Desk, said};

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
