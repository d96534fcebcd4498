//! A clock that is wrong by a day: told, and nothing else breaks.

use anyhow::{Result, ensure};
use hardline_testkit::{HardlineServer, Proxy, hardline::LIMIT, wait::until};

use crate::person::Desk;

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_clock_a_day_behind_is_told_and_messages_pass() -> Result<()> {
    a_clock_off_by(-DAY).await
}

#[tokio::test]
async fn a_clock_a_day_ahead_is_told_and_messages_pass() -> Result<()> {
    a_clock_off_by(DAY).await
}

async fn a_clock_off_by(seconds: i64) -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    // The server's clock, as its answers tell it, differs from ours the other way round.
    let proxy = Proxy::before(&server).await?;
    proxy.skew_dates(-seconds);
    let mut ada = desk.signed_in(&proxy, "ada").await?;
    ada.start().await?;
    let hardline = &ada.hardline;
    let told = until(LIMIT, "the wrong clock to be told", || async move {
        let status = hardline.ok(&["status"]).await?;
        Ok(status["notices"]
            .as_array()
            .and_then(|all| all.iter().find(|n| n["notice"] == "clock_wrong").cloned()))
    })
    .await?;
    let found = told["seconds"].as_i64().unwrap_or_default();
    ensure!(
        (found - seconds).abs() < 120,
        "told {found} s instead of {seconds}"
    );
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "whatever the time is").await?;
    ada.reads(&room, "whatever the time is").await.map(drop)
}
