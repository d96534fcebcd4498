//! Keys that reach the backup after a device looked for them: messages become readable by themselves, in a room that
//! stays open.

mod support;

use std::time::Duration;

use hardline_app::{
    rooms::actions,
    view::{
        recovery::{BackupStatus, RecoveryAction, RecoveryStatus},
        room::{MessageRow, UndecryptableReason},
        room_list::RowMembership,
    },
};
use hardline_testkit::{HardlineServer, Homeserver, Synapse};
use ruma::{
    RoomId,
    api::client::backup::{
        RoomKeyBackup, add_backup_keys_for_room, delete_backup_keys_for_room,
        get_backup_keys_for_room, get_latest_backup_info,
    },
};
use support::Person;

#[test]
fn are_read_without_opening_the_room_again_on_our_own_server() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime
        .block_on(HardlineServer::start())
        .expect("the server starts");
    story(server.base_url());
}

#[test]
fn are_read_without_opening_the_room_again_on_synapse() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime
        .block_on(Synapse::start())
        .expect("the server starts");
    story(server.base_url());
}

fn story(base_url: &str) {
    let first = Person::register(base_url, "ada");
    let notes = actions::NewRoom {
        name: "Notes".to_owned(),
        encrypted: true,
        ..actions::NewRoom::default()
    };
    let room_id = {
        let session = first.core.session().expect("signed in");
        first
            .core
            .block_on(actions::create(&session, &notes, &|_| {}))
            .expect("a room")
    };
    first.room("the room", |row| {
        row.room_id == room_id && row.membership == RowMembership::Joined
    });
    let mut room = first.open(&room_id);
    room.state("encryption", |state| state.is_encrypted);
    room.say("written long ago");
    room.message("that it was sent", |message| {
        message.plain == "written long ago" && message.event_id.is_some()
    });
    drop(room);
    let recovery = first.core.recovery();
    recovery.send(RecoveryAction::SetUp);
    let state = first.wait("the key", recovery.state(), |state| {
        state.new_key.is_some() && state.backup == BackupStatus::On
    });
    let key = state.new_key.expect("a key");
    let (version, kept) = take_out_of_the_backup(&first, &room_id);
    // It must not answer for the backup.
    first.core.clone().shutdown();

    let third = Person::sign_in(base_url, "ada");
    third.room("the room", |row| row.room_id == room_id);
    let recovery = third.core.recovery();
    third.wait("that keys are missing", recovery.state(), |state| {
        state.status == RecoveryStatus::Incomplete
    });
    let mut room = third.open(&room_id);
    recovery.send(RecoveryAction::Recover { key });
    third.wait("recovery", recovery.state(), |state| {
        state.device_verified && state.status == RecoveryStatus::Enabled
    });
    let waits = |message: &MessageRow| {
        matches!(
            message.undecryptable,
            Some(UndecryptableReason::Waiting | UndecryptableReason::BeforeSignIn)
        )
    };
    room.message("a message that cannot be read", waits);
    std::thread::sleep(Duration::from_secs(4));
    room.message("still", waits);

    let client = third.core.session().expect("signed in").client().clone();
    let request =
        add_backup_keys_for_room::v3::Request::new(version, room_id.clone(), kept.sessions);
    third
        .core
        .block_on(async move { client.send(request).await })
        .expect("the keys are put back");
    room.hear("written long ago");
}

/// Takes the room's keys out of the backup once they are there.
fn take_out_of_the_backup(person: &Person, room_id: &RoomId) -> (String, RoomKeyBackup) {
    let client = person.core.session().expect("signed in").client().clone();
    person.core.block_on(async move {
        let info = client
            .send(get_latest_backup_info::v3::Request::new())
            .await
            .expect("there is a backup");
        let version = info.version;
        let steady = client.encryption().backups().wait_for_steady_state().await;
        steady.expect("the keys went up");
        let request =
            get_backup_keys_for_room::v3::Request::new(version.clone(), room_id.to_owned());
        let kept = client.send(request).await.expect("the room's keys");
        assert!(!kept.sessions.is_empty());
        let request =
            delete_backup_keys_for_room::v3::Request::new(version.clone(), room_id.to_owned());
        client.send(request).await.expect("they are taken out");
        (version, RoomKeyBackup::new(kept.sessions))
    })
}
