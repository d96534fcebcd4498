//! A message is removed also while the server cannot be reached; what the server refuses comes back, with the reason.

mod support;

use std::time::Duration;

use hardline_app::{
    ids::OwnedRoomId,
    notice::Notice,
    rooms::actions,
    view::{
        room::{DeliveryState, RoomAction, RoomEffect},
        room_list::RowMembership,
    },
};
use hardline_testkit::{
    HardlineServer, Homeserver,
    proxy::{Fault, Proxy},
};
use serde_json::json;
use support::{LIMIT, Opened, Person};
use tokio::runtime::Runtime;

struct Case {
    runtime: Runtime,
    proxy: Proxy,
    ada: Person,
    room_id: OwnedRoomId,
    _server: HardlineServer,
}

fn case() -> Case {
    let runtime = Runtime::new().expect("a runtime");
    let (server, proxy) = runtime.block_on(async {
        let server = HardlineServer::start().await.expect("the server starts");
        let proxy = Proxy::before(&server).await.expect("the proxy starts");
        (server, proxy)
    });
    let ada = Person::register(proxy.base_url(), "ada");
    let session = ada.core.session().expect("signed in");
    let notes = actions::NewRoom {
        name: "Notes".to_owned(),
        ..actions::NewRoom::default()
    };
    let room_id = ada
        .core
        .block_on(actions::create(&session, &notes, &|_| {}))
        .expect("a room");
    ada.room("the room", |row| {
        row.room_id == room_id && row.membership == RowMembership::Joined
    });
    Case {
        runtime,
        proxy,
        ada,
        room_id,
        _server: server,
    }
}

/// Says something and gives its row once the server has it.
fn said(room: &mut Opened<'_>, text: &str) -> String {
    room.say(text);
    let (row, _) = room.message("that it was sent", |message| {
        message.plain == text && message.delivery == DeliveryState::Sent && message.can_redact
    });
    row
}

#[test]
fn a_removal_waits_for_the_connection() {
    let case = case();
    let mut room = case.ada.open(&case.room_id);
    let row = said(&mut room, "a mistake");
    let mut effects = room.room.effects();
    case.proxy
        .fault("PUT", "/redact/", u32::MAX, Fault::LoseRequest);
    room.room.send(RoomAction::Redact { row });
    room.message("its removal here", |message| message.redacted);
    case.runtime
        .block_on(case.proxy.wait_seen("PUT", "/redact/", 1, LIMIT))
        .expect("it was tried");

    case.proxy.heal();
    let arrived = || {
        let seen = case.proxy.seen("PUT", "/redact/");
        seen.iter().any(|request| request.status == Some(200))
    };
    let begin = std::time::Instant::now();
    while !arrived() && begin.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(arrived(), "it was not tried again");
    assert!(
        !matches!(effects.try_recv(), Ok(RoomEffect::Toast(_))),
        "the person was bothered"
    );
}

#[test]
fn a_refused_removal_is_told_and_undone() {
    let case = case();
    let mut room = case.ada.open(&case.room_id);
    let row = said(&mut room, "it stays");
    let mut effects = room.room.effects();
    let refusal = json!({ "errcode": "M_FORBIDDEN", "error": "no" });
    case.proxy
        .fault("PUT", "/redact/", u32::MAX, Fault::Answer(403, refusal));
    room.room.send(RoomAction::Redact { row });
    let told = case.ada.core.block_on(async {
        tokio::time::timeout(LIMIT, async {
            loop {
                if let Ok(RoomEffect::Toast(notice)) = effects.recv().await {
                    return notice;
                }
            }
        })
        .await
    });
    assert_eq!(told.expect("a word about it"), Notice::NotAllowed);
    room.message("the message again", |message| {
        message.plain == "it stays" && !message.redacted
    });
}
