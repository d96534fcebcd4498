//! The program itself on the displays and with the renderers it is for: what is on the screen, which windows there are,
//! and that it goes on without one.

mod own_server;
mod seen;
mod windows;

use std::time::Duration;

use anyhow::{Result, ensure};
use hardline_testkit::{
    hardline::Hardline,
    homeserver::{Homeserver, password},
    process::Process,
    server::HardlineServer,
};

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Somebody who has signed in without a keyring, and has a room.
async fn signed_in(server: &HardlineServer) -> Result<Hardline> {
    let mut ada = at_home()?;
    ada.set_env("HARDLINE_PASSWORD", password("ada"));
    ada.ok(&["register", "--server", server.base_url(), "ada"])
        .await?;
    ada.ok(&["create", "--name", "Harbor crew"]).await?;
    Ok(ada)
}

/// Somebody who has not.
fn at_home() -> Result<Hardline> {
    let mut ada = Hardline::without_bus()?;
    ada.set_env("HARDLINE_PASSPHRASE", "for the tests");
    Ok(ada)
}

/// Quits the program by its command; it ends well.
async fn quits(ada: &Hardline, mut process: Process) -> Result<()> {
    ada.ok(&["quit"]).await?;
    let status = process.wait(Duration::from_secs(20)).await?;
    ensure!(status.success(), "ended with {status}:\n{}", process.log());
    Ok(())
}
