//! What is written and sent, as requests and echoes.

use std::time::Duration;

use matrix_sdk_test::{ALICE, BOB, JoinedRoomBuilder, event_factory::EventFactory};
use ruma::{
    event_id,
    events::{receipt::ReceiptThread, receipt::ReceiptType},
};
use serde_json::json;
use tokio::time::timeout;

use super::super::*;
use super::support::*;
use crate::view::room::{Completion, ComposerMode, DeliveryState, RowKind};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_an_echo_then_sent_then_seen_and_keeps_its_row() {
    let (server, client, room_id) = setup().await;
    server.sync_joined_room(&client, room_id).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .state("the right to send", |state| state.can_send)
        .await;
    server
        .mock_room_send()
        .ok(event_id!("$sent"))
        .mock_once()
        .mount()
        .await;

    watcher.room.send(RoomAction::TextChanged {
        text: "hi **there**".into(),
        cursor: 12,
    });
    let state = watcher
        .state("something to send", |state| state.composer.can_send)
        .await;
    assert_eq!(state.composer.note, None);
    watcher.room.send(RoomAction::Send);
    watcher
        .effect(
            "an empty composer",
            |effect| matches!(effect, RoomEffect::SetText { text, .. } if text.is_empty()),
        )
        .await;
    watcher
        .effect("the end", |effect| *effect == RoomEffect::ScrollToEnd)
        .await;
    watcher.until("the echo", Watcher::says("hi there")).await;
    let (id, _) = watcher.row("hi there");
    let sent = |rows: &Vector<Row>| {
        rows.iter().any(|row| {
        matches!(&row.kind, RowKind::Message(message) if message.delivery == DeliveryState::Sent)
    })
    };
    watcher.until("sent", sent).await;
    assert_eq!(watcher.row("hi there").0, id);

    let f = EventFactory::new().room(room_id);
    let own = client.user_id().expect("signed in").to_owned();
    let remote = f
        .text_html("hi **there**", "hi <strong>there</strong>")
        .sender(&own)
        .event_id(event_id!("$sent"));
    let receipt = f.read_receipts().add(
        event_id!("$sent"),
        &BOB,
        ReceiptType::Read,
        ReceiptThread::Unthreaded,
    );
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(remote)
        .add_receipt(receipt.into_event());
    server.sync_room(&client, builder).await;
    watcher
        .until("seen", |rows| {
            rows.iter().any(|row| {
        matches!(&row.kind, RowKind::Message(message) if message.delivery == DeliveryState::Seen)
    })
        })
        .await;
    let (seen, message) = watcher.row("hi there");
    assert_eq!(seen, id, "the echo and the event are one row");
    assert_eq!(message.read_by.len(), 1);
    assert!(message.can_edit && message.can_reply && message.can_redact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_can_be_dropped() {
    let (server, client, room_id) = setup().await;
    server.sync_joined_room(&client, room_id).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .state("the right to send", |state| state.can_send)
        .await;
    server.mock_room_send().error_too_large().mount().await;
    watcher.room.send(RoomAction::TextChanged {
        text: "refused".into(),
        cursor: 7,
    });
    watcher.room.send(RoomAction::Send);
    watcher
        .until("the failure", |rows| {
            rows.iter().any(|row| {
                matches!(&row.kind, RowKind::Message(message)
            if matches!(message.delivery, DeliveryState::Failed { recoverable: false, .. }))
            })
        })
        .await;
    let (row, _) = watcher.row("refused");
    watcher.room.send(RoomAction::CancelSend { row });
    watcher
        .until("it was dropped", |rows| !Watcher::says("refused")(rows))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_too_long_is_offered_as_a_file_and_sent_as_one() {
    let (server, client, room_id) = setup().await;
    server.sync_joined_room(&client, room_id).await;
    server
        .mock_authenticated_media_config()
        .ok_default()
        .mount()
        .await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .state("the right to send", |state| state.can_send)
        .await;
    let text = "long ".repeat(40_000);
    watcher.room.send(RoomAction::TextChanged {
        cursor: text.len(),
        text: text.clone(),
    });
    watcher
        .state("the note", |state| {
            matches!(
                state.composer.note,
                Some(crate::notice::Notice::TooLongForMessage { bytes: 200_000, .. })
            )
        })
        .await;
    watcher.room.send(RoomAction::Send);
    let offer = watcher
        .effect("the offer", |effect| {
            matches!(effect, RoomEffect::OfferFile { .. })
        })
        .await;
    assert_eq!(
        offer,
        RoomEffect::OfferFile {
            bytes: 200_000,
            limit: 60_000
        }
    );
    server
        .mock_upload()
        .ok(ruma::mxc_uri!("mxc://example.org/long"))
        .mock_once()
        .mount()
        .await;
    server
        .mock_room_send()
        .ok(event_id!("$file"))
        .mock_once()
        .mount()
        .await;
    watcher.room.send(RoomAction::SendTextAsFile);
    watcher.until("the file", |rows| rows.iter().any(|row| {
        matches!(&row.kind, RowKind::Message(message)
            if message.attachment.as_ref().is_some_and(|file| file.name == "message.txt" && file.size == Some(200_000))
                && message.delivery == DeliveryState::Sent)
    })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_replies_outlive_the_room_being_closed() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id).sender(&ALICE);
    let event = f.text_msg("question").event_id(event_id!("$q"));
    server
        .sync_room(
            &client,
            JoinedRoomBuilder::new(room_id).add_timeline_event(event),
        )
        .await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .until("the question", Watcher::says("question"))
        .await;
    let (row, _) = watcher.row("question");
    watcher.room.send(RoomAction::Reply { row });
    watcher.room.send(RoomAction::TextChanged {
        text: "half an ans".into(),
        cursor: 11,
    });
    let state = watcher
        .state("the reply", |state| state.composer.can_send)
        .await;
    assert!(
        matches!(state.composer.mode, ComposerMode::Reply { ref preview, .. } if preview == "question")
    );
    drop(watcher);
    let kept = async {
        loop {
            let room = client.get_room(room_id).expect("known");
            if room
                .load_composer_draft(None)
                .await
                .expect("read")
                .is_some()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, kept)
        .await
        .expect("the draft is kept when the room is closed");

    let mut again = Watcher::open(&client, room_id);
    let restored = again
        .effect("the draft", |effect| {
            matches!(effect, RoomEffect::SetText { .. })
        })
        .await;
    assert_eq!(
        restored,
        RoomEffect::SetText {
            text: "half an ans".into(),
            cursor: 11
        }
    );
    again.state("the reply", |state| {
        matches!(&state.composer.mode, ComposerMode::Reply { preview, .. } if preview == "question")
    }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_completed_and_mentioned() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id);
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(
            f.member(&ALICE)
                .display_name("Alice in Chains")
                .sender(&ALICE),
        )
        .add_timeline_event(f.member(&BOB).display_name("Bob").sender(&BOB));
    server.sync_room(&client, builder).await;
    let members = [f
        .member(&ALICE)
        .display_name("Alice in Chains")
        .sender(&ALICE)
        .into_raw()];
    server.mock_get_members().ok(members.to_vec()).mount().await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .state("the right to send", |state| state.can_send)
        .await;
    watcher.room.send(RoomAction::TextChanged {
        text: "hi @al".into(),
        cursor: 6,
    });
    let state = watcher
        .state("a completion", |state| {
            !state.composer.completions.is_empty()
        })
        .await;
    let offered: &Completion = &state.composer.completions[0];
    assert_eq!(offered.title, "Alice in Chains");
    watcher.room.send(RoomAction::Complete { index: 0 });
    let text = watcher
        .effect("the name", |effect| {
            matches!(effect, RoomEffect::SetText { .. })
        })
        .await;
    assert_eq!(
        text,
        RoomEffect::SetText {
            text: "hi @Alice in Chains ".into(),
            cursor: 20
        }
    );
    server
        .mock_room_send()
        .body_matches_partial_json(json!({
            "body": "hi @Alice in Chains",
            "m.mentions": { "user_ids": [&*ALICE] },
        }))
        .ok(event_id!("$m"))
        .mock_once()
        .mount()
        .await;
    watcher.room.send(RoomAction::Send);
    watcher
        .until("sent", |rows| {
            rows.iter().any(|row| {
        matches!(&row.kind, RowKind::Message(message) if message.delivery == DeliveryState::Sent)
    })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_wait_outlive_the_room_being_closed() {
    let (server, client, room_id) = setup().await;
    server
        .sync_room(&client, JoinedRoomBuilder::new(room_id))
        .await;
    let unsent = UnsentFiles::default();
    let watcher = Watcher::open_with(&client, room_id, unsent.clone());
    watcher.room.send(RoomAction::AttachBytes {
        name: "notes.txt".into(),
        mime: "text/plain".into(),
        bytes: b"milk, bread".to_vec(),
    });
    let waits = |state: &RoomState| matches!(&state.composer.uploads[..], [file] if file.name == "notes.txt" && file.size == 11);
    watcher.state("the file", waits).await;
    drop(watcher);
    let kept = async {
        while unsent.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, kept)
        .await
        .expect("the file is kept when the room is closed");

    let again = Watcher::open_with(&client, room_id, unsent.clone());
    again.state("the file again", waits).await;
    assert!(unsent.is_empty(), "it waits in one place");
}
