//! Other people's clients on `hardline-server`: the stories that also pass against Synapse.

use anyhow::Result;
use hardline_testkit::{
    Browser, HardlineServer, Nio,
    scenarios::{js_sdk, nio},
};

#[tokio::test]
async fn js_sdk_accounts_talk_and_verify() -> Result<()> {
    let (server, browser) = (HardlineServer::start().await?, Browser::start().await?);
    js_sdk::two_people_talk_and_verify(&server, &browser).await
}

#[tokio::test]
async fn a_second_js_sdk_device_recovers_history() -> Result<()> {
    let (server, browser) = (HardlineServer::start().await?, Browser::start().await?);
    js_sdk::a_second_device_recovers_history(&server, &browser).await
}

#[tokio::test]
async fn nio_accounts_talk() -> Result<()> {
    let (server, peer) = (HardlineServer::start().await?, Nio::start().await?);
    nio::two_people_talk(&server, &peer).await
}

#[tokio::test]
async fn a_later_nio_sign_in_reads_history() -> Result<()> {
    let (server, peer) = (HardlineServer::start().await?, Nio::start().await?);
    nio::a_later_sign_in_reads_history(&server, &peer).await
}
