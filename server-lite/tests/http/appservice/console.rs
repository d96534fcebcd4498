//! A room with a bridge's bot that is there without anybody having set it up.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::service::{BOT, Service};
use crate::support::{Server, User, encode};

/// The rooms somebody is invited to by the bot, waited for.
async fn invitations(user: &User, n: usize) -> Vec<(String, Value)> {
    let started = Instant::now();
    loop {
        let synced = user.sync("timeout=0").await;
        let invited = synced["rooms"]["invite"].as_object();
        let invited: Vec<_> = invited
            .into_iter()
            .flatten()
            .map(|(room, body)| (room.clone(), body["invite_state"]["events"].clone()))
            .collect();
        if invited.len() == n {
            return invited;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{invited:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn whoever_the_configuration_names_has_a_direct_room_with_the_bot() {
    let service = Service::start().await;
    let console = "console = [{ appservice = \"bridge\", users = [\"@ada:hs.test\"] }]\n";
    let section = format!("{}{console}", service.registered(""));
    let mut server = Server::start_with(&section).await;
    // The account is made after the start.
    let (mut ada, bo) = (server.register("ada").await, server.register("bo").await);
    let invited = invitations(&ada, 1).await;
    let (room, state) = &invited[0];
    let own = |event: &&Value| event["state_key"] == ada.id.as_str();
    let own = state.as_array().unwrap().iter().find(own).unwrap();
    assert_eq!(
        (&own["sender"], &own["content"]["is_direct"]),
        (&json!(BOT), &json!(true))
    );
    ada.join(room).await;
    ada.say(room, "help").await;
    service.heard_upto("help").await;
    let members = ada
        .get(&format!("/rooms/{}/joined_members", encode(room)))
        .await
        .ok();
    assert_eq!(members["joined"].as_object().unwrap().len(), 2);
    assert!(invitations(&bo, 0).await.is_empty());

    // A restart makes no second one, and whoever left is invited again.
    for is_left in [false, true] {
        if is_left {
            ada.post(&format!("/rooms/{}/leave", encode(room)), json!({}))
                .await
                .ok();
        }
        server.stop();
        server.spawn();
        ada.base.clone_from(&server.base);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let invited = invitations(&ada, usize::from(is_left)).await;
        assert!(
            invited.iter().all(|(again, _)| again == room),
            "{invited:?}"
        );
    }
}
