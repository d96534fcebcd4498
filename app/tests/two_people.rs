//! Two people talk, encrypted, through the view models their windows show; on our own server and on Synapse.

mod support;

use hardline_app::{
    ids::RoomId,
    rooms::actions,
    view::{
        recovery::{RecoveryAction, RecoveryStatus},
        room::{DeliveryState, RoomAction},
        room_list::RowMembership,
        verification::{Step, VerificationAction, VerificationState},
    },
};
use hardline_testkit::{HardlineServer, Homeserver, Synapse};
use support::{Person, picture};

#[test]
fn on_our_own_server() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime
        .block_on(HardlineServer::start())
        .expect("the server starts");
    story(server.base_url());
}

#[test]
fn on_synapse() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime
        .block_on(Synapse::start())
        .expect("the server starts");
    story(server.base_url());
}

fn story(base_url: &str) {
    let ada = Person::register(base_url, "ada");
    let bo = Person::register(base_url, "bo");
    let room_id = meet(&ada, &bo);
    talk(&ada, &bo, &room_id);
    send_a_picture(&ada, &bo, &room_id);
    compare_emoji_and_read_on_another_device(base_url, &ada, &room_id);
    recover_on_a_third_device(base_url, &ada, &room_id);
}

fn meet(ada: &Person, bo: &Person) -> hardline_app::ids::OwnedRoomId {
    let session = ada.core.session().expect("signed in");
    let room_id = ada
        .core
        .block_on(actions::direct_room(&session, &bo.user_id(), &|_| {}))
        .expect("the room is made");
    let invited = bo.room("the invite", |row| {
        row.room_id == room_id && matches!(row.membership, RowMembership::Invited { .. })
    });
    let session = bo.core.session().expect("signed in");
    bo.core
        .block_on(actions::accept(&session, &invited))
        .expect("accepted");
    bo.room("the room", |row| {
        row.room_id == room_id && row.membership == RowMembership::Joined
    });
    room_id
}

fn talk(ada: &Person, bo: &Person, room_id: &RoomId) {
    let mut hers = ada.open(room_id);
    let mut his = bo.open(room_id);
    hers.state("encryption", |state| state.is_encrypted);
    his.state("encryption", |state| state.is_encrypted);
    hers.state("both are in", |state| state.member_count == 2);

    hers.say("hello **Bo**");
    let (row, heard) = his.hear("hello Bo");
    assert!(heard.undecryptable.is_none() && !heard.own);
    his.room.send(RoomAction::Seen { row: row.clone() });
    hers.message("that it was seen", |message| {
        message.own && message.delivery == DeliveryState::Seen
    });

    his.room.send(RoomAction::React {
        row: row.clone(),
        key: "👍".into(),
    });
    hers.message("the reaction", |message| {
        message
            .reactions
            .iter()
            .any(|chip| chip.key == "👍" && chip.count == 1 && !chip.own)
    });
    his.room.send(RoomAction::Reply { row });
    his.say("hello Ada");
    hers.message("the answer", |message| {
        message.plain == "hello Ada"
            && message
                .reply
                .as_ref()
                .is_some_and(|reply| reply.preview.contains("hello"))
    });

    let (mine, _) = hers.hear("hello Bo");
    hers.room.send(RoomAction::Edit { row: mine });
    hers.state("the edit", |state| {
        matches!(
            state.composer.mode,
            hardline_app::view::room::ComposerMode::Edit { .. }
        )
    });
    hers.say("hello dear Bo");
    his.message("the change", |message| {
        message.plain == "hello dear Bo" && message.edited
    });

    hers.say("a mistake");
    let (mistake, _) = hers.message("it was sent", |message| {
        message.plain == "a mistake"
            && matches!(message.delivery, DeliveryState::Sent | DeliveryState::Seen)
            && message.can_redact
    });
    his.hear("a mistake");
    hers.room.send(RoomAction::Redact { row: mistake });
    his.message("its removal", |message| message.redacted);
}

fn send_a_picture(ada: &Person, bo: &Person, room_id: &RoomId) {
    let dir = tempfile::tempdir().expect("a folder");
    let hers = ada.open(room_id);
    let mut his = bo.open(room_id);
    hers.attach(picture(&dir));
    let (_, message) = his.message("the picture", |message| message.attachment.is_some());
    let file = message.attachment.expect("a file");
    assert_eq!(file.name, "cat.png");
    assert_eq!(file.dimensions, Some((1200, 900)));
    assert!(file.blurhash.is_some());
    let key = file.image_key.expect("a picture to show");
    let shown = bo
        .core
        .block_on(bo.core.media().image(&key, 300, 300))
        .expect("decrypted and decoded");
    assert_eq!((shown.width, shown.height), (300, 225));
}

fn compare_emoji_and_read_on_another_device(base_url: &str, ada: &Person, room_id: &RoomId) {
    let other = Person::sign_in(base_url, "ada");
    other.room("the room", |row| row.room_id == *room_id);
    let (here, there) = (ada.core.verification(), other.core.verification());
    there.send(VerificationAction::RequestSelf);
    let step = |wanted: fn(&Step) -> bool| {
        move |state: &Option<VerificationState>| {
            state.as_ref().is_some_and(|state| wanted(&state.step))
        }
    };
    ada.wait(
        "the request",
        here.state(),
        step(|step| *step == Step::Asked),
    );
    here.send(VerificationAction::Accept);
    let compare = step(|step| matches!(step, Step::Compare(_)));
    let seen_here = ada.wait("the emoji here", here.state(), compare);
    let seen_there = other.wait("the emoji there", there.state(), compare);
    let emoji = |state: Option<VerificationState>| match state.expect("a flow").step {
        Step::Compare(emoji) => emoji,
        other => panic!("{other:?}"),
    };
    let (here_emoji, there_emoji) = (emoji(seen_here), emoji(seen_there));
    assert_eq!(here_emoji.len(), 7);
    assert_eq!(here_emoji, there_emoji);
    here.send(VerificationAction::Match);
    there.send(VerificationAction::Match);
    ada.wait(
        "the end here",
        here.state(),
        step(|step| *step == Step::Done),
    );
    other.wait(
        "the end there",
        there.state(),
        step(|step| *step == Step::Done),
    );
    other.wait("the signature", other.core.recovery().state(), |state| {
        state.device_verified
    });
    // The keys came from the other device, through the backup.
    other.open(room_id).hear("hello dear Bo");
}

fn recover_on_a_third_device(base_url: &str, ada: &Person, room_id: &RoomId) {
    let recovery = ada.core.recovery();
    recovery.send(RecoveryAction::SetUp);
    let state = ada.wait("the key", recovery.state(), |state| state.new_key.is_some());
    let key = state.new_key.expect("a key");
    recovery.send(RecoveryAction::KeySaved);
    ada.wait("that it is forgotten", recovery.state(), |state| {
        state.new_key.is_none()
    });

    let third = Person::sign_in(base_url, "ada");
    third.room("the room", |row| row.room_id == *room_id);
    let recovery = third.core.recovery();
    third.wait("that keys are missing", recovery.state(), |state| {
        state.status == RecoveryStatus::Incomplete
    });
    recovery.send(RecoveryAction::Recover {
        key: "not the key".into(),
    });
    third.wait("the refusal", recovery.state(), |state| {
        state.pending
            == hardline_app::view::Pending::Failed(hardline_app::notice::Notice::WrongRecoveryKey)
    });
    let mut room = third.open(room_id);
    recovery.send(RecoveryAction::Recover { key });
    third.wait("recovery", recovery.state(), |state| {
        state.device_verified && state.status == RecoveryStatus::Enabled
    });
    room.hear("hello dear Bo");
}
