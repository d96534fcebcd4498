//! matrix-nio, with its own encryption, as a client of this server.

use anyhow::Result;
use hardline_testkit::{HardlineServer, Nio, scenarios};

#[tokio::test]
async fn two_people_talk_encrypted() -> Result<()> {
    let server = HardlineServer::start().await?;
    scenarios::nio::two_people_talk(&server, &Nio::start().await?).await
}

#[tokio::test]
async fn a_later_sign_in_reads_history() -> Result<()> {
    let server = HardlineServer::start().await?;
    scenarios::nio::a_later_sign_in_reads_history(&server, &Nio::start().await?).await
}
