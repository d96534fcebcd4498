//! What comes from the wire, as rows.

use std::time::Duration;

use matrix_sdk::test_utils::mocks::MatrixMockServer;
use matrix_sdk_test::{ALICE, BOB, JoinedRoomBuilder, event_factory::EventFactory};
use ruma::{EventId, event_id, room_id};
use serde_json::{Value, json};

use super::super::*;
use super::support::*;
use crate::view::room::{MembershipChange, RoomChange, RowKind};

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
    use std::time::Duration;

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
    // The timeline was made anew; what comes now has names of its own.
    let mut builder = JoinedRoomBuilder::new(room_id);
    for n in 0..8 {
        builder = builder.add_timeline_event(f.text_msg(format!("later {n}")));
    }
    server.sync_room(&client, builder).await;
    watcher.until("the rest", Watcher::says("later 7")).await;
    let ids: std::collections::HashSet<_> = watcher.rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), watcher.rows.len(), "{:?}", watcher.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_the_same_name_are_told_apart_when_they_join_and_what_a_room_is_made_with_is_no_news()
 {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id);
    let create = f.create(&ALICE, ruma::RoomVersionId::V11).sender(&ALICE);
    let builder = JoinedRoomBuilder::new(room_id)
        .add_timeline_event(create)
        .add_timeline_event(f.member(&ALICE).display_name("Alice").sender(&ALICE))
        .add_timeline_event(f.room_name("Wonderland").sender(&ALICE))
        .add_timeline_event(f.member(&BOB).display_name("Alice").sender(&BOB));
    server.sync_room(&client, builder).await;
    let mut watcher = Watcher::open(&client, room_id);
    let joined = RowKind::Members(vec![MembershipChange::Joined {
        name: format!("Alice ({})", *BOB),
    }]);
    watcher
        .until("the one who joined", |rows| {
            rows.iter().any(|row| row.kind == joined)
        })
        .await;
    let created = |row: &Row| {
        matches!(
            &row.kind,
            RowKind::Change { sender, change: RoomChange::Created }
                if *sender == format!("Alice ({})", *ALICE)
        )
    };
    assert!(watcher.rows.iter().any(created), "{}", watcher.show());
    let named = |row: &Row| {
        matches!(
            &row.kind,
            RowKind::Change {
                change: RoomChange::Name(_),
                ..
            }
        )
    };
    assert!(!watcher.rows.iter().any(named), "{}", watcher.show());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_can_be_linked_to() {
    let (server, client, room_id) = setup().await;
    let f = EventFactory::new().room(room_id).sender(&ALICE);
    let event = f.text_msg("look").event_id(event_id!("$look"));
    let builder = JoinedRoomBuilder::new(room_id).add_timeline_event(event);
    server.sync_room(&client, builder).await;
    let mut watcher = Watcher::open(&client, room_id);
    watcher.until("the message", Watcher::says("look")).await;
    let (row, _) = watcher.row("look");
    watcher.room.send(RoomAction::CopyLink { row });
    let link = watcher
        .effect("the link", |effect| matches!(effect, RoomEffect::Copy(_)))
        .await;
    assert!(
        matches!(&link, RoomEffect::Copy(text) if text.starts_with("https://matrix.to/#/!a:example.org/$look")),
        "{link:?}"
    );
}
