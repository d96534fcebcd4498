//! A command in a process of its own, the first after a while: it answers with what the server has by now.

use anyhow::{Result, ensure};
use hardline_testkit::{HardlineServer, Homeserver, Synapse};
use serde_json::json;

use crate::person::Desk;

#[tokio::test]
async fn a_fresh_process_knows_of_a_new_invitation_on_our_server() -> Result<()> {
    a_fresh_process_knows_of_a_new_invitation(&HardlineServer::start().await?).await
}

#[tokio::test]
async fn a_fresh_process_knows_of_a_new_invitation_on_synapse() -> Result<()> {
    a_fresh_process_knows_of_a_new_invitation(&Synapse::start().await?).await
}

async fn a_fresh_process_knows_of_a_new_invitation(server: &impl Homeserver) -> Result<()> {
    let desk = Desk::new().await?;
    let ada = desk.signed_in(server, "ada").await?;
    let bo = server.register("bo").await?;
    for n in 1..=4 {
        let room = bo
            .create_room(json!({ "name": format!("Room {n}"), "invite": [ada.user_id] }))
            .await?;
        let rooms = ada.hardline.ok(&["rooms"]).await?;
        let rooms = rooms.as_array().cloned().unwrap_or_default();
        ensure!(
            rooms.len() == n
                && rooms
                    .iter()
                    .any(|r| r["room_id"] == room.as_str() && r["membership"] == "invited"),
            "after {n} invitations: {rooms:#?}"
        );
    }
    let status = ada.hardline.ok(&["status"]).await?;
    ensure!(status["connection"] == "online", "{status}");
    Ok(())
}
