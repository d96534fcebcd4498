//! Messages that meet trouble on their way: sent once, not lost, not twice.

use std::time::Duration;

use anyhow::{Result, ensure};
use hardline_testkit::{
    Fault, HardlineServer, Homeserver, Process, Proxy, hardline::LIMIT, wait::until,
};
use serde_json::json;

use crate::person::{Desk, Person, encrypted_room, said};

/// The program is killed while the server's answer is on its way.
#[tokio::test]
async fn killed_after_the_server_took_it_a_message_is_there_once() -> Result<()> {
    killed_in_mid_send(Fault::DelayAnswer(Duration::from_secs(30))).await
}

/// The program is killed before the server heard of the message.
#[tokio::test]
async fn killed_before_the_server_took_it_a_message_is_there_once() -> Result<()> {
    killed_in_mid_send(Fault::Hang).await
}

async fn killed_in_mid_send(fault: Fault) -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let proxy = Proxy::before(&server).await?;
    let mut ada = desk.signed_in(&proxy, "ada").await?;
    let mut bo = desk.signed_in(&server, "bo").await?;
    ada.start().await?;
    bo.start().await?;
    let room = encrypted_room(&ada, &bo).await?;
    ada.send(&room, "before").await?;
    bo.reads(&room, "before").await?;

    let sends = proxy.seen("PUT", "/send/m.room.encrypted").len();
    proxy.fault("PUT", "/send/m.room.encrypted", 1, fault);
    let sending = send_without_waiting(&ada, &room, "in the middle")?;
    proxy
        .wait_seen("PUT", "/send/m.room.encrypted", sends + 1, LIMIT)
        .await?;
    ada.kill().await?;
    sending.kill().await?;
    proxy.heal();

    ada.start().await?;
    bo.reads(&room, "in the middle").await?;
    ada.send(&room, "after").await?;
    bo.reads(&room, "after").await?;
    for person in [&ada, &bo] {
        let rows = person.timeline(&room).await?;
        let bodies: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["body"].as_str())
            .filter(|body| !body.is_empty())
            .collect();
        ensure!(
            bodies == ["before", "in the middle", "after"],
            "{} sees {bodies:?}",
            person.name
        );
    }
    Ok(())
}

/// Starts `send` and leaves it.
fn send_without_waiting(person: &Person, room: &str, text: &str) -> Result<Process> {
    person
        .hardline
        .launch()?
        .args(["--json", "send", room, text])
        .spawn()
}

#[tokio::test]
async fn a_lost_answer_does_not_send_twice() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let proxy = Proxy::before(&server).await?;
    let mut ada = desk.signed_in(&proxy, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "first").await?;
    proxy.fault("PUT", "/send/m.room.encrypted", 1, Fault::LoseAnswer);
    ada.send(&room, "second").await?;
    let by_hand = hardline_testkit::Client::login(
        server.base_url(),
        "ada",
        &crate::person::password_of("ada"),
    )
    .await?;
    let events = by_hand.latest(&room, 50).await?;
    let sent = events
        .iter()
        .filter(|event| event["type"] == "m.room.encrypted")
        .count();
    ensure!(sent == 2, "{sent} messages on the server");
    Ok(())
}

#[tokio::test]
async fn messages_written_offline_go_out_in_order_when_the_server_is_back() -> Result<()> {
    let (desk, mut server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    ada.send(&room, "online").await?;
    server.kill().await?;
    let waiting: Vec<Process> = ["offline 1", "offline 2", "offline 3"]
        .iter()
        .map(|text| queue(&ada, &room, text))
        .collect::<Result<_>>()?;
    // Each is in the list as a local echo before the next.
    until(LIMIT, "the local echoes", || async {
        let rows = ada.timeline(&room).await?;
        let n = rows
            .iter()
            .filter(|row| {
                row["body"]
                    .as_str()
                    .is_some_and(|b| b.starts_with("offline"))
            })
            .count();
        Ok((n == 3).then_some(()))
    })
    .await?;
    server.resume().await?;
    until(LIMIT, "the messages to be sent", || async {
        let rows = ada.timeline(&room).await?;
        let sent = rows.iter().filter(|row| {
            row["event_id"].is_string()
                && row["body"]
                    .as_str()
                    .is_some_and(|b| b.starts_with("offline"))
        });
        Ok((sent.count() == 3).then_some(()))
    })
    .await?;
    drop(waiting);
    Ok(())
}

fn queue(person: &Person, room: &str, text: &str) -> Result<Process> {
    person
        .hardline
        .launch()?
        .args(["--json", "send", "--no-wait", room, text])
        .spawn()
}

#[tokio::test]
async fn two_hundred_kilobytes_typed_are_offered_as_a_file() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let room = ada.create_room("Alone").await?;
    let long = "A sentence of forty-one letters, or more. ".repeat(5_000);
    let output = ada
        .hardline
        .launch()?
        .args(["--json", "send", &room, "-"])
        .input(&long)
        .output(LIMIT)
        .await?;
    let told = said(&output, "too_long_for_message")?;
    ensure!(told["bytes"] == long.len(), "{told}");
    let file = ada.hardline.home().join("long.txt");
    std::fs::write(&file, &long)?;
    let sent = ada.send_file(&room, &file.display().to_string()).await?;
    let read = ada
        .reads_where(&room, "the file", |row| row["event_id"] == sent.as_str())
        .await?;
    ensure!(
        read["attachment"]["kind"] == "file" && read["attachment"]["size"] == long.len(),
        "{read}"
    );
    Ok(())
}

#[tokio::test]
async fn sixty_kilobytes_received_are_read_whole() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let bo = server.register("bo").await?;
    let room = bo
        .create_room(json!({ "name": "Long", "invite": [ada.user_id] }))
        .await?;
    ada.accept(&room).await?;
    let long = format!("begin {} end", "x".repeat(60_000));
    bo.send_text(&room, &long).await?;
    ada.reads(&room, &long).await.map(drop)
}
