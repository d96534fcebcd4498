//! An open room over the SDK's own mock server: what comes from the wire, as rows; what is done, as requests.

use std::{sync::Arc, time::Duration};

use eyeball_im::{Vector, VectorDiff};
use futures_util::StreamExt as _;
use matrix_sdk::{Client, test_utils::mocks::MatrixMockServer};
use matrix_sdk_test::{ALICE, BOB, JoinedRoomBuilder, event_factory::EventFactory};
use ruma::{
    EventId, RoomId, event_id,
    events::{AnySyncTimelineEvent, receipt::ReceiptThread, receipt::ReceiptType},
    room_id,
    serde::Raw,
};
use serde_json::{Value, json};
use tokio::{runtime::Handle, sync::broadcast, time::timeout};

use super::*;
use crate::view::room::{Completion, DeliveryState, MembershipChange, RowKind};

const LIMIT: Duration = Duration::from_secs(15);

struct Watcher {
    room: RoomViewModel,
    rows: Vector<Row>,
    diffs: futures_util::stream::BoxStream<'static, Vec<VectorDiff<Row>>>,
    effects: broadcast::Receiver<RoomEffect>,
}

impl Watcher {
    fn open(client: &Client, room_id: &RoomId) -> Self {
        let tasks = Tasks::new(Handle::current());
        let of_media = client.clone();
        let media = MediaService::new(tasks.clone(), Arc::new(move || Some(of_media.clone())));
        let room = RoomViewModel::begin(client.clone(), &media, &tasks, room_id.to_owned(), None);
        let effects = room.effects();
        let (rows, diffs) = room.rows();
        Self {
            room,
            rows,
            diffs: diffs.boxed(),
            effects,
        }
    }

    /// Takes changes until the rows are as wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Vector<Row>) -> bool) {
        let waiting = async {
            while !wanted(&self.rows) {
                let diffs = self.diffs.next().await.expect("the room is open");
                diffs
                    .into_iter()
                    .for_each(|diff| diff.apply(&mut self.rows));
            }
        };
        if timeout(LIMIT, waiting).await.is_err() {
            panic!("{what} did not come:\n{}", self.show());
        }
    }

    async fn effect(&mut self, what: &str, wanted: impl Fn(&RoomEffect) -> bool) -> RoomEffect {
        let waiting = async {
            loop {
                let effect = self.effects.recv().await.expect("the room is open");
                if wanted(&effect) {
                    return effect;
                }
            }
        };
        timeout(LIMIT, waiting)
            .await
            .unwrap_or_else(|_| panic!("{what} did not come"))
    }

    async fn state(&self, what: &str, wanted: impl Fn(&RoomState) -> bool) -> RoomState {
        let mut state = self.room.state();
        let waiting = state.wait_for(|state| wanted(state));
        match timeout(LIMIT, waiting).await {
            Ok(state) => state.expect("the room is open").clone(),
            Err(_) => panic!("{what} did not come: {:?}", self.room.state().borrow()),
        }
    }

    fn show(&self) -> String {
        self.rows.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    fn row(&self, plain: &str) -> (String, MessageRow) {
        let found = self.rows.iter().find_map(|row| match &row.kind {
            RowKind::Message(message) if message.plain == plain => {
                Some((row.id.clone(), message.clone()))
            }
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no row says {plain:?}:\n{}", self.show()))
    }

    fn says(plain: &str) -> impl Fn(&Vector<Row>) -> bool + use<'_> {
        move |rows| {
            rows.iter()
                .any(|row| matches!(&row.kind, RowKind::Message(message) if message.plain == plain))
        }
    }
}

use crate::view::room::MessageRow;

fn show(row: &Row) -> String {
    match &row.kind {
        RowKind::Message(message) => {
            let mut marks = String::new();
            if message.redacted {
                marks.push_str(" redacted");
            }
            if message.edited {
                marks.push_str(" edited");
            }
            if message.emote {
                marks.push_str(" emote");
            }
            if message.notice {
                marks.push_str(" notice");
            }
            if message.undecryptable.is_some() {
                marks.push_str(" undecryptable");
            }
            if let Some(attachment) = &message.attachment {
                marks.push_str(&format!(" [{:?} {}]", attachment.kind, attachment.name));
            }
            if let Some(reply) = &message.reply {
                marks.push_str(&format!(" re({}: {})", reply.sender_name, reply.preview));
            }
            for chip in &message.reactions {
                marks.push_str(&format!(" {}×{}", chip.key, chip.count));
            }
            format!("{}: {}{marks}", message.sender_name, message.plain)
        }
        RowKind::DayDivider(_) => "day".into(),
        RowKind::ReadMarker => "read".into(),
        RowKind::Start => "start".into(),
        RowKind::Members(changes) => format!("members {}", changes.len()),
        RowKind::Change { sender, change } => format!("{sender} changed {change:?}"),
        RowKind::Unknown { event_type } => format!("unknown {event_type}"),
    }
}

fn raw(event: &Value) -> Raw<AnySyncTimelineEvent> {
    Raw::from_json_string(event.to_string()).expect("JSON")
}

async fn setup() -> (MatrixMockServer, Client, &'static RoomId) {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    client.event_cache().subscribe().expect("subscribed");
    let room_id = room_id!("!a:example.org");
    server.mock_room_state_encryption().plain().mount().await;
    (server, client, room_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_on_the_wire_becomes_a_row_and_nothing_malformed_breaks_it() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new()
        .room(room_id)
        .sender(&ALICE)
        .server_ts(1_700_000_000_000);
    let bad = |n: u64, kind: &str, content: Value| {
        raw(&json!({
            "type": kind, "event_id": format!("$bad{n}"), "sender": &*ALICE,
            "origin_server_ts": 1_700_000_100_000_u64 + n, "content": content,
        }))
    };
    let bad_state = |n: u64, kind: &str, content: Value| {
        raw(&json!({
            "type": kind, "state_key": "", "event_id": format!("$state{n}"), "sender": &*ALICE,
            "origin_server_ts": 1_700_000_200_000_u64 + n, "content": content,
        }))
    };
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(f.member(&ALICE).display_name("Alice"))
        .add_timeline_event(f.member(&BOB).display_name("Bob"))
        .add_timeline_event(f.text_msg("hello").event_id(event_id!("$1")))
        .add_timeline_event(f.text_html("bold", "<b>bold</b>").event_id(event_id!("$2")))
        .add_timeline_event(f.text_msg("an answer").reply_to(event_id!("$1")).event_id(event_id!("$3")))
        .add_timeline_event(f.emote("waves"))
        .add_timeline_event(f.notice("beep"))
        .add_timeline_event(f.reaction(event_id!("$1"), "👍").sender(&BOB))
        .add_timeline_event(f.text_msg("wrong").event_id(event_id!("$4")))
        .add_timeline_event(f.redaction(event_id!("$4")))
        .add_timeline_event(f.room_topic("Ships"))
        .add_timeline_bulk([
            bad(1, "m.room.message", json!({})),
            bad(2, "m.room.message", json!({"msgtype": "m.text"})),
            bad(3, "m.room.message", json!({"msgtype": "m.text", "body": 5})),
            bad(4, "m.room.message", json!({"msgtype": "m.image", "body": "no source"})),
            bad(5, "m.room.message", json!({"msgtype": "m.image", "body": "x.png", "url": "http://not.mxc/x",
                "info": {"w": 0, "h": 3_000_000_000_u64, "size": 1, "mimetype": "\n", "xyz.amorgan.blurhash": "?"}})),
            bad(6, "m.room.message", json!({"msgtype": "m.file", "body": "../../etc/passwd", "url": "mxc://a/b"})),
            bad(7, "m.room.message", json!({"msgtype": "org.custom", "body": "custom"})),
            bad(8, "m.room.message", json!({"msgtype": "m.text", "body": "deep", "format": "org.matrix.custom.html",
                "formatted_body": format!("{}deep", "<blockquote>".repeat(3000))})),
            bad(9, "m.sticker", json!({"body": "s"})),
            bad(10, "m.room.encrypted", json!({"algorithm": "m.unknown"})),
            bad(11, "m.room.encrypted", json!({"algorithm": "m.megolm.v1.aes-sha2"})),
            bad(12, "m.reaction", json!({})),
            bad(13, "m.reaction", json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1"}})),
            bad(14, "m.poll.start", json!({})),
            bad(15, "m.location", json!({})),
            bad(16, "m.call.invite", json!({})),
            bad(17, "m.room.redaction", json!({})),
            bad(18, "org.example.thing", json!({"x": [1, {}, null]})),
            bad(19, "m.room.message", json!({"msgtype": "m.text", "body": "edit", "m.new_content": 3,
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}})),
            bad_state(1, "m.room.name", json!({"name": 7})),
            bad_state(2, "m.room.topic", json!({})),
            bad_state(3, "m.room.member", json!({"membership": "sideways"})),
            bad_state(4, "m.room.create", json!([])),
            bad_state(5, "m.room.power_levels", json!({"users": "all"})),
            bad_state(6, "org.example.state", json!({})),
        ])
        .add_timeline_event(f.text_msg("the end").server_ts(1_700_000_300_000));
    server.sync_room(&client, builder).await;

    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .until("the last message", Watcher::says("the end"))
        .await;
    // The SDK shows twenty items first; the rest comes with the next page.
    watcher.room.send(RoomAction::PaginateBack);
    watcher
        .until("the first message", Watcher::says("hello"))
        .await;
    watcher
        .until("the quote", |rows| {
            rows.iter().any(|row| {
                matches!(&row.kind, RowKind::Message(message)
                    if message.reply.as_ref().is_some_and(|reply| reply.preview == "hello"))
            })
        })
        .await;
    watcher
        .until("Alice's name", |rows| {
            rows.iter().any(|row| show(row).starts_with("Alice: "))
        })
        .await;
    let shown = watcher.show();
    for line in [
        "members 2",
        "Alice: hello 👍×1",
        "Alice: an answer re(Alice: hello)",
        "Alice: waves emote",
        "Alice: beep notice",
        "Alice:  redacted",
        "Alice changed Topic(\"Ships\")",
        "Alice: custom",
        "Alice: deep",
        "Alice: the end",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "no line {line:?} in\n{shown}"
        );
    }
    assert!(
        shown.contains("[File passwd]") || shown.contains("[File ../../etc/passwd]"),
        "{shown}"
    );
    assert!(watcher.rows.iter().all(|row| !row.id.is_empty()));
}

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
        matches!(state.composer.mode, super::super::ComposerMode::Reply { ref preview, .. } if preview == "question")
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
        matches!(&state.composer.mode, super::super::ComposerMode::Reply { preview, .. } if preview == "question")
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
async fn ignoring_somebody_takes_out_their_rows_and_leaves_the_others_in_place() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id);
    let mut builder = JoinedRoomBuilder::new(room_id).set_timeline_prev_batch("older");
    for n in 0..6 {
        let sender = if n % 2 == 0 { *ALICE } else { *BOB };
        let id = EventId::parse(format!("$m{n}")).expect("an id");
        builder = builder.add_timeline_event(
            f.text_msg(format!("message {n}"))
                .sender(sender)
                .event_id(&id),
        );
    }
    server.sync_room(&client, builder).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .until("the messages", |rows| {
            (0..6).all(|n| Watcher::says(&format!("message {n}"))(rows))
        })
        .await;
    let kept: Vec<String> = [0, 2, 4]
        .map(|n| watcher.row(&format!("message {n}")).0)
        .to_vec();

    let again: Vec<_> = [4, 2, 0]
        .into_iter()
        .map(|n| {
            let id = EventId::parse(format!("$m{n}")).expect("an id");
            f.text_msg(format!("message {n}"))
                .sender(&ALICE)
                .event_id(&id)
                .into_raw_timeline()
        })
        .collect();
    server
        .mock_room_messages()
        .ok(matrix_sdk::test_utils::mocks::RoomMessagesResponseTemplate::default().events(again))
        .mount()
        .await;
    let ignored = f.ignored_user_list([BOB.to_owned()]);
    server
        .mock_sync()
        .ok_and_run(&client, |sync| {
            sync.add_global_account_data(ignored);
            sync.add_joined_room(
                JoinedRoomBuilder::new(room_id)
                    .set_timeline_prev_batch("older")
                    .set_timeline_limited(),
            );
        })
        .await;
    watcher
        .until("Bob's rows are gone and the others are there", |rows| {
            !Watcher::says("message 1")(rows)
                && [0, 2, 4]
                    .iter()
                    .all(|n| Watcher::says(&format!("message {n}"))(rows))
        })
        .await;
    let after: Vec<String> = [0, 2, 4]
        .map(|n| watcher.row(&format!("message {n}")).0)
        .to_vec();
    assert_eq!(
        after,
        kept,
        "what is still there keeps its place\n{}",
        watcher.show()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_more_news_than_fit_one_answer_older_rows_are_there_to_be_fetched() {
    use matrix_sdk::test_utils::mocks::RoomMessagesResponseTemplate;
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id).sender(&ALICE);
    let text = |n: u32| {
        let id = EventId::parse(format!("$m{n}")).expect("an id");
        f.text_msg(format!("message {n}")).event_id(&id)
    };
    let mut pages = Vec::new();
    for (from, n, end) in [
        ("first", 1, None),
        ("gap", 8, Some("older")),
        ("older", 7, Some("oldest")),
    ] {
        let page = RoomMessagesResponseTemplate::default();
        let page = page.events(vec![text(n).into_raw_timeline()]);
        let page = match end {
            Some(end) => page.end_token(end),
            None => page,
        };
        let mock = server.mock_room_messages().match_from(from).ok(page);
        pages.push(mock.mount_as_scoped().await);
    }
    let known = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(text(2))
        .set_timeline_prev_batch("first")
        .set_timeline_limited();
    server.sync_room(&client, known).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .until("what is known", Watcher::says("message 2"))
        .await;
    watcher.room.send(RoomAction::PaginateBack);
    watcher.until("the first", Watcher::says("message 1")).await;
    watcher.state("the start", |state| state.at_start).await;

    let news = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(text(9))
        .set_timeline_prev_batch("gap")
        .set_timeline_limited();
    server.sync_room(&client, news).await;
    watcher
        .until("the newest", Watcher::says("message 9"))
        .await;
    watcher
        .state("that there is more", |state| !state.at_start)
        .await;
    // One who scrolls up asks again and again.
    let room = watcher.room.clone();
    let scrolling = async {
        loop {
            room.send(RoomAction::PaginateBack);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = watcher.until("older", Watcher::says("message 7")) => {}
        () = scrolling => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_changes_are_told_in_one_row_and_typing_by_name() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id);
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(f.member(&ALICE).display_name("Alice").sender(&ALICE))
        .add_timeline_event(f.member(&BOB).display_name("Bob").sender(&BOB));
    server.sync_room(&client, builder).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher
        .until("the members", |rows| {
            rows.iter().any(|row| {
                row.kind
                    == RowKind::Members(vec![
                        MembershipChange::Joined {
                            name: "Alice".into(),
                        },
                        MembershipChange::Joined { name: "Bob".into() },
                    ])
            })
        })
        .await;
    let typing = f.typing(vec![&*BOB]);
    server
        .sync_room(&client, JoinedRoomBuilder::new(room_id).add_typing(typing))
        .await;
    watcher
        .state("Bob types", |state| state.typing == ["Bob"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_a_room_opens_is_shown_once() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    client.event_cache().subscribe().expect("subscribed");
    let room_id = room_id!("!a:example.org");
    // The SDK's builder asks this between listening to changes and taking what is there.
    wiremock::Mock::given(wiremock::matchers::path_regex("/state/m.*room.*encryption"))
        .respond_with(
            wiremock::ResponseTemplate::new(404)
                .set_body_json(json!({ "errcode": "M_NOT_FOUND", "error": "none" }))
                .set_delay(Duration::from_millis(800)),
        )
        .mount(server.server())
        .await;
    let f = EventFactory::new().room(room_id).sender(&ALICE);
    server.sync_joined_room(&client, room_id).await;
    let mut watcher = Watcher::open(&client, room_id);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(f.text_msg("one").event_id(event_id!("$1")))
        .add_timeline_event(f.text_msg("two").event_id(event_id!("$2")));
    server.sync_room(&client, builder).await;
    watcher.until("the messages", Watcher::says("two")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let says = |rows: &Vector<Row>, plain: &str| {
        rows.iter()
            .filter(|row| matches!(&row.kind, RowKind::Message(message) if message.plain == plain))
            .count()
    };
    watcher
        .until("each once", |rows| {
            says(rows, "one") == 1 && says(rows, "two") == 1
        })
        .await;
}
