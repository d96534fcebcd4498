//! A third device reads the history with the recovery key.

use anyhow::{Context, Result, ensure};
use hardline_testkit::{HardlineServer, Homeserver, Synapse, hardline::LIMIT, process::Output};

use crate::person::{Desk, Person, encrypted_room, said};

#[tokio::test]
async fn a_third_device_reads_history_with_the_recovery_key_on_our_server() -> Result<()> {
    a_third_device_reads_history(&HardlineServer::start().await?).await
}

#[tokio::test]
async fn a_third_device_reads_history_with_the_recovery_key_on_synapse() -> Result<()> {
    a_third_device_reads_history(&Synapse::start().await?).await
}

async fn a_third_device_reads_history(server: &impl Homeserver) -> Result<()> {
    let desk = Desk::new().await?;
    let mut ada = desk.signed_in(server, "ada").await?;
    let mut bo = desk.signed_in(server, "bo").await?;
    ada.start().await?;
    bo.start().await?;
    let room = encrypted_room(&ada, &bo).await?;
    ada.send(&room, "from ada, long ago").await?;
    bo.send(&room, "from bo, long ago").await?;
    ada.reads(&room, "from bo, long ago").await?;
    let made = ada.hardline.ok(&["recovery", "set-up"]).await?;
    let key = made["recovery_key"]
        .as_str()
        .context("no recovery key")?
        .to_owned();

    let mut third = desk.second_device(server, "ada").await?;
    third.start().await?;
    let locked = third
        .reads_where(&room, "a locked message", |row| {
            !row["undecryptable"].is_null()
        })
        .await?;
    ensure!(
        locked["body"] != "from bo, long ago",
        "readable without the key: {locked}"
    );
    // What was mistyped, and a key that is one, but somebody else's: both are told, and nothing is lost.
    let others = bo.hardline.ok(&["recovery", "set-up"]).await?;
    let others = others["recovery_key"].as_str().context("no recovery key")?;
    for wrong in ["not the key", others, &key[..key.len() - 5]] {
        said(&enter(&third, wrong).await?, "wrong_recovery_key")?;
    }
    enter(&third, &key).await?.json()?;
    for text in ["from ada, long ago", "from bo, long ago"] {
        third.reads(&room, text).await?;
    }
    // The key also signed the new device: what it says is not warned about.
    third.send(&room, "from the third device").await?;
    let read = bo.reads(&room, "from the third device").await?;
    ensure!(read["encryption"] == "none", "warned about: {read}");
    Ok(())
}

/// Types a recovery key.
async fn enter(person: &Person, key: &str) -> Result<Output> {
    person
        .hardline
        .launch()?
        .args(["--json", "recovery", "enter"])
        .input(key)
        .output(LIMIT)
        .await
}
