//! The keyring absent, locked, late: the session is kept, the program says so and goes on when it can.

use std::time::Duration;

use anyhow::{Result, ensure};
use hardline_testkit::{
    Bus, Hardline, HardlineServer, Homeserver, Keyring, hardline::LIMIT, keyring::KeyringStore,
    wait::until,
};
use tokio::time::sleep;

use crate::person::{Person, password_of, said};

#[tokio::test]
async fn without_a_keyring_a_passphrase_protects_the_session() -> Result<()> {
    let server = HardlineServer::start().await?;
    server.register("ada").await?;
    let bus = Bus::start().await?;
    let mut hardline = Hardline::on(&bus)?;
    let refused = hardline
        .login_with(server.base_url(), "ada", &password_of("ada"))
        .await?;
    said(&refused, "keyring_unavailable")?;

    hardline.set_env("HARDLINE_PASSPHRASE", "correct horse");
    hardline.login(&server, "ada").await?;
    ensure!(
        hardline.ok(&["whoami"]).await?["user_id"] == server.user_id("ada"),
        "not signed in"
    );
    no_token_lies_open(&hardline)?;

    hardline.set_env("HARDLINE_PASSPHRASE", "wrong horse");
    said(&hardline.run(&["whoami"]).await?, "wrong_passphrase")?;
    hardline.set_env("HARDLINE_PASSPHRASE", "");
    said(&hardline.run(&["whoami"]).await?, "passphrase_needed")?;
    hardline.set_env("HARDLINE_PASSPHRASE", "correct horse");
    hardline.ok(&["whoami"]).await.map(drop)
}

#[tokio::test]
async fn a_locked_keyring_keeps_the_session_until_it_is_unlocked() -> Result<()> {
    let server = HardlineServer::start().await?;
    server.register("ada").await?;
    let (bus, store) = (Bus::start().await?, KeyringStore::new()?);
    let keyring = Keyring::unlocked(&bus, &store).await?;
    let hardline = Hardline::on(&bus)?;
    hardline.login(&server, "ada").await?;
    no_token_lies_open(&hardline)?;
    keyring.stop().await?;

    let keyring = Keyring::locked(&bus, &store).await?;
    let told = said(&hardline.run(&["rooms"]).await?, "keyring_unavailable")?;
    ensure!(told["locked"] == true, "{told}");
    keyring.stop().await?;

    let _keyring = Keyring::unlocked(&bus, &store).await?;
    hardline.ok(&["rooms"]).await.map(drop)
}

#[tokio::test]
async fn a_late_keyring_is_waited_for_and_the_session_goes_on() -> Result<()> {
    let server = HardlineServer::start().await?;
    server.register("ada").await?;
    let (bus, store) = (Bus::start().await?, KeyringStore::new()?);
    let keyring = Keyring::unlocked(&bus, &store).await?;
    let mut ada = Person::new(Hardline::on(&bus)?, &server, "ada");
    ada.hardline.login(&server, "ada").await?;
    keyring.stop().await?;

    let mut process = ada.hardline.start_background().await?;
    sleep(Duration::from_secs(3)).await;
    process.expect_running()?;
    said(&ada.hardline.run(&["rooms"]).await?, "keyring_unavailable")?;

    let _keyring = Keyring::unlocked(&bus, &store).await?;
    let hardline = &ada.hardline;
    until(LIMIT, "the session to go on by itself", || async move {
        Ok(hardline
            .run(&["rooms"])
            .await?
            .status
            .success()
            .then_some(()))
    })
    .await?;
    ada.stop().await
}

/// No file of the profile holds an access token in the clear.
fn no_token_lies_open(hardline: &Hardline) -> Result<()> {
    let mut folders = vec![hardline.home().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_type()?.is_file() {
                let bytes = std::fs::read(entry.path())?;
                let open = [&b"access_token"[..], b"syt_", b"hls_"]
                    .iter()
                    .any(|sign| bytes.windows(sign.len()).any(|w| w == *sign));
                ensure!(!open, "{} holds a token", entry.path().display());
            }
        }
    }
    Ok(())
}
