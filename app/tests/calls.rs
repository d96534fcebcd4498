//! Calls through the service that window and command line use: real signalling in encrypted rooms, pretended media processes.

mod support;

use std::time::Duration;

use hardline_app::{
    calls::{
        AudioDevice, AudioDevices, Call, CallFault, CallKey, CallNews, CallOptions, Calls,
        ChosenDevices, EndReason, EndedCall, Others, Side, Stage,
    },
    ids::OwnedRoomId,
    notice::Notice,
    rooms::actions::{self, NewRoom},
    view::{
        calls::{CallAction, CallEffect, CallsState},
        room::MessageRow,
        room_list::RowMembership,
    },
};
use hardline_platform::{
    media::{
        FakeMedia, FakeMediaProcess,
        protocol::{
            AudioSink, AudioSource, Event, LocalStream, Purpose as StreamPurpose, Request, Sdp,
            Sound, Tones,
        },
    },
    notify::{Notification, NotificationEvent, Purpose, Urgency},
};
use hardline_testkit::{HardlineServer, Homeserver};
use support::{LIMIT, Person};
use tokio::{runtime::Runtime, sync::broadcast::Receiver, time::timeout};

const DESCRIPTION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendrecv\r\n";

struct World {
    _runtime: Runtime,
    server: HardlineServer,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime
            .block_on(HardlineServer::start())
            .expect("the server starts");
        Self {
            _runtime: runtime,
            server,
        }
    }

    fn person(&self, name: &str) -> Person {
        let person = Person::register(self.server.base_url(), name);
        oblige_all(&person);
        person
    }
}

/// Takes a call that rings.
fn take(person: &Person, key: CallKey, options: CallOptions) {
    let taken = person.core.calls().answer(key, options);
    assert_eq!(person.core.block_on(taken).expect("told"), Ok(()));
}

/// Every media process of a person does what it is asked for.
fn oblige_all(person: &Person) {
    let (media, tasks) = (person.media.clone(), person.core.tasks().clone());
    person.core.tasks().detach("media", async move {
        let (mut started, mut n_obliged) = (media.started(), 0);
        loop {
            let processes = started.borrow_and_update().clone();
            for process in &processes[n_obliged..] {
                tasks.detach("media-process", oblige(process.clone()));
            }
            n_obliged = processes.len();
            if started.changed().await.is_err() {
                return;
            }
        }
    });
}

async fn oblige(process: FakeMediaProcess) {
    let (mut asked, mut n_done) = (process.asked(), 0);
    loop {
        let requests = asked.borrow_and_update().clone();
        for request in &requests[n_done..] {
            answer(&process, request).await;
        }
        n_done = requests.len();
        if asked.changed().await.is_err() {
            return;
        }
    }
}

/// How long it takes to connect after an answer is described: longer than signalling waits for candidates to go with it.
const CONNECTING: Duration = Duration::from_millis(500);

async fn answer(process: &FakeMediaProcess, request: &Request) {
    let streams = vec![LocalStream {
        id: "ours".to_owned(),
        purpose: StreamPurpose::UserMedia,
    }];
    let sdp = Sdp(DESCRIPTION.to_owned());
    match request {
        Request::Start(_) => process.say(Event::Started),
        Request::Offer { round, .. } => process.say(Event::Offer {
            round: *round,
            sdp,
            streams,
        }),
        Request::Answer { round, .. } => {
            process.say(Event::Answer {
                round: *round,
                sdp,
                streams,
                fresh: true,
            });
            tokio::time::sleep(CONNECTING).await;
            process.say(Event::Connected);
        }
        Request::Accept { .. } => process.say(Event::Connected),
        _ => {}
    }
}

fn join(host: &Person, guest: &Person, room_id: &OwnedRoomId) {
    let invited = guest.room("the invite", |row| {
        row.room_id == *room_id && matches!(row.membership, RowMembership::Invited { .. })
    });
    let session = guest.core.session().expect("signed in");
    guest
        .core
        .block_on(actions::accept(&session, &invited))
        .expect("accepted");
    let joined = |row: &hardline_app::view::room_list::RoomRow| {
        row.room_id == *room_id && row.membership == RowMembership::Joined
    };
    guest.room("the room", joined);
    host.room("the room", joined);
}

/// An encrypted room of these.
fn room_of(host: &Person, guests: &[&Person]) -> OwnedRoomId {
    let new = NewRoom {
        name: "Team".to_owned(),
        encrypted: true,
        invite: guests.iter().map(|guest| guest.user_id()).collect(),
        ..NewRoom::default()
    };
    let session = host.core.session().expect("signed in");
    let made = host.core.block_on(actions::create(&session, &new, &|_| {}));
    let room_id = made.expect("the room is made");
    for guest in guests {
        join(host, guest, &room_id);
    }
    room_id
}

/// Ada and Bo in an encrypted room.
fn two_in_a_room() -> (World, Person, Person, OwnedRoomId) {
    let world = World::new();
    let (ada, bo) = (world.person("ada"), world.person("bo"));
    let room_id = room_of(&ada, &[&bo]);
    (world, ada, bo, room_id)
}

/// Ada calls Bo, who takes it.
fn talk(ada: &Person, bo: &Person, room_id: &OwnedRoomId) -> CallKey {
    let key = place(ada, room_id);
    reaches(bo, Stage::Ringing);
    take(bo, key.clone(), CallOptions::default());
    for person in [ada, bo] {
        reaches(person, Stage::Connected);
    }
    key
}

fn place(person: &Person, room_id: &OwnedRoomId) -> CallKey {
    let calls = person.core.calls();
    calls
        .place(room_id.clone(), None, CallOptions::default())
        .expect("an id")
}

/// Waits for a call at a stage.
fn reaches(person: &Person, stage: Stage) -> Call {
    let at = |calls: &Calls| calls.iter().any(|call| call.stage == stage);
    let calls = person.wait(&format!("{stage:?}"), person.core.calls().calls(), at);
    calls
        .into_iter()
        .find(|call| call.stage == stage)
        .expect("just seen")
}

fn ended(person: &Person, news: &mut Receiver<CallNews>) -> EndedCall {
    let waiting = async {
        loop {
            if let CallNews::Ended(ended) = news.recv().await.expect("the core lives") {
                return *ended;
            }
        }
    };
    let ended = person
        .core
        .block_on(async { timeout(LIMIT, waiting).await });
    ended.expect("the call ends")
}

fn last_process(media: &FakeMedia) -> FakeMediaProcess {
    let started = media.started().borrow().clone();
    started.last().expect("a process was started").clone()
}

fn closes(person: &Person) {
    let asked = last_process(&person.media).asked();
    person.wait("the end of the process", asked, |asked| {
        asked.last() == Some(&Request::Close)
    });
}

#[test]
fn a_call_rings_is_taken_and_ends_on_both_sides() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let mut hers = ada.core.calls().news();
    let mut his = bo.core.calls().news();
    let key = place(&ada, &room_id);

    let ring = reaches(&bo, Stage::Ringing);
    assert_eq!(ring.key, key);
    assert_eq!(ring.peer, Some(ada.user_id()));
    reaches(&ada, Stage::Calling);
    // It stands ready, and does not listen yet.
    let ready = bo.wait("a process", bo.media.started(), |all| !all.is_empty());
    let asked = asks(&bo, &ready[0], &plays(Sound::Ringtone));
    assert_eq!(asked.len(), 1, "{asked:?}");

    take(&bo, key.clone(), CallOptions::default());
    for person in [&ada, &bo] {
        reaches(person, Stage::Connected);
    }
    assert_eq!(
        bo.media.started().borrow().len(),
        1,
        "the one that stood ready"
    );
    let heard = |calls: &Calls| calls.iter().any(|call| call.heard);
    last_process(&bo.media).say(Event::Heard);
    bo.wait("that she is heard", bo.core.calls().calls(), heard);

    bo.core.calls().mute(key.clone(), true);
    let muted = |calls: &Calls| calls.iter().any(|call| call.peer_muted);
    ada.wait("that he is muted", ada.core.calls().calls(), muted);

    bo.core.calls().hang_up(key);
    let (hers, his) = (ended(&ada, &mut hers), ended(&bo, &mut his));
    assert_eq!((hers.reason, hers.by), (EndReason::HungUp, Side::There));
    assert_eq!((his.reason, his.by), (EndReason::HungUp, Side::Here));
    assert!(hers.connected_for.is_some() && his.connected_for.is_some());
    for person in [&ada, &bo] {
        closes(person);
        assert!(person.core.calls().calls().borrow().is_empty());
    }
}

#[test]
fn a_call_nobody_took_is_missed_and_its_process_goes() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let mut his = bo.core.calls().news();
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    ada.core.calls().hang_up(key);
    let his = ended(&bo, &mut his);
    assert!(his.missed && his.rang, "{his:?}");
    closes(&bo);
}

#[test]
fn a_media_process_that_dies_ends_its_call_and_says_so() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let mut hers = ada.core.calls().news();
    let mut his = bo.core.calls().news();
    let key = place(&ada, &room_id);

    reaches(&bo, Stage::Ringing);
    bo.wait("a process", bo.media.started(), |all| !all.is_empty());
    // One that only stands ready is replaced.
    last_process(&bo.media).die();
    std::thread::sleep(Duration::from_millis(300));
    take(&bo, key, CallOptions::default());
    reaches(&bo, Stage::Connected);
    reaches(&ada, Stage::Connected);
    assert_eq!(bo.media.started().borrow().len(), 2);

    last_process(&bo.media).die();
    let his = ended(&bo, &mut his);
    assert_eq!((his.reason, his.by), (EndReason::MediaCrashed, Side::Here));
    assert_eq!(his.fault, Some(CallFault::MediaFailed));
    assert_eq!(ended(&ada, &mut hers).by, Side::There);
}

#[test]
fn what_is_missing_is_named() {
    let (_world, ada, _bo, room_id) = two_in_a_room();
    let mut hers = ada.core.calls().news();
    ada.media.set_missing(true);
    place(&ada, &room_id);
    let missing = ended(&ada, &mut hers);
    assert_eq!(missing.fault, Some(CallFault::NotInstalled));
    assert_eq!(missing.reason, EndReason::MediaCrashed);
}

#[test]
fn a_call_in_clear_counts_for_nothing_in_an_encrypted_room() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let session = ada.core.session().expect("signed in");
    let invite = serde_json::json!({
        "call_id": "clear", "party_id": "P", "version": "1", "lifetime": 60_000,
        "offer": { "type": "offer", "sdp": DESCRIPTION },
    });
    let content = ruma::serde::Raw::new(&invite)
        .expect("JSON")
        .cast_unchecked();
    let request = ruma::api::client::message::send_message_event::v3::Request::new_raw(
        room_id.clone(),
        "clear".into(),
        "m.call.invite".into(),
        content,
    );
    ada.core
        .block_on(async { session.client().send(request).await })
        .expect("the server takes it");
    ada.open(&room_id).say("after it");
    bo.open(&room_id).hear("after it");
    assert!(bo.core.calls().calls().borrow().is_empty());
    // And one that is encrypted as the room is does ring.
    place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
}

#[test]
fn a_second_answer_leaves_the_call_to_the_first() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    let calls = bo.core.calls();
    let first = calls.answer(key.clone(), CallOptions::default());
    let second = calls.answer(key.clone(), CallOptions::default());
    calls.reject(key);
    assert_eq!(bo.core.block_on(first).expect("told"), Ok(()));
    assert!(bo.core.block_on(second).expect("told").is_err());
    reaches(&bo, Stage::Connected);
    reaches(&ada, Stage::Connected);
}

#[test]
fn a_stranger_in_a_group_does_not_ring() {
    let world = World::new();
    let (ada, bo, eve) = (world.person("ada"), world.person("bo"), world.person("eve"));
    let room_id = room_of(&ada, &[&bo, &eve]);
    let bos_id = bo.user_id();
    let counted = eve.core.session().expect("signed in");
    let members = || {
        let room = counted.client().get_room(&room_id);
        room.map_or(0, |room| room.joined_members_count())
    };
    while members() < 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let options = CallOptions::default();
    let key = eve
        .core
        .calls()
        .place(room_id.clone(), Some(bos_id), options);
    let mut his = bo.core.calls().news();
    let call = reaches(&bo, Stage::Silent);
    assert_eq!(Some(call.key.clone()), key);
    assert!(bo.media.started().borrow().is_empty());
    eve.core.calls().hang_up(call.key);
    let his = ended(&bo, &mut his);
    assert!(!his.rang && !his.missed, "{his:?}");
}

#[test]
fn signing_out_ends_the_call_for_both() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let mut hers = ada.core.calls().news();
    let mut his = bo.core.calls().news();
    talk(&ada, &bo, &room_id);
    let sessions = bo.core.sessions().clone();
    bo.core
        .block_on(async move { sessions.log_out().await })
        .expect("signed out");
    let (hers, his) = (ended(&ada, &mut hers), ended(&bo, &mut his));
    assert_eq!((hers.reason, hers.by), (EndReason::HungUp, Side::There));
    assert_eq!((his.reason, his.by), (EndReason::HungUp, Side::Here));
    closes(&bo);
}

#[test]
fn a_call_where_one_may_not_write_is_told_as_forbidden() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let session = ada.core.session().expect("signed in");
    let levels = serde_json::json!({ "events_default": 50, "users": {} });
    ada.core
        .block_on(async {
            let room = session.client().get_room(&room_id).expect("joined");
            room.send_state_event_raw("m.room.power_levels", "", levels)
                .await
        })
        .expect("the room is for reading");
    let mut his = bo.core.calls().news();
    place(&bo, &room_id);
    let his = ended(&bo, &mut his);
    assert_eq!((his.reason, his.by), (EndReason::Forbidden, Side::Here));
}

#[test]
fn an_invite_that_an_answer_leaves_out_rings() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let sync = bo.core.session().expect("signed in").sync().clone();
    bo.core.block_on(sync.stop());
    place(&ada, &room_id);
    reaches(&ada, Stage::Calling);
    let mut room = ada.open(&room_id);
    for n in 0..12 {
        let text = format!("message {n}");
        room.say(&text);
        let sent = |message: &MessageRow| message.plain == text && message.event_id.is_some();
        room.message("that it is sent", sent);
    }
    sync.resume();
    reaches(&bo, Stage::Ringing);
}

#[test]
fn a_ring_is_shown_by_the_desktop_and_taken_there() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    let ring = shown(&bo, Purpose::Ring);
    assert_eq!((&*ring.title, &*ring.body), ("ada", "Incoming call · Team"));
    assert_eq!(ring.urgency, Urgency::Critical);
    bo.notifier.happen(NotificationEvent::Action {
        tag: ring.tag.clone(),
        action: "accept".to_owned(),
        token: None,
    });
    reaches(&bo, Stage::Connected);
    until(|| !bo.notifier.shown().contains_key(&ring.tag));
    ada.core.calls().hang_up(key);

    // One that nobody takes is told afterwards, and called back from there.
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    ada.core.calls().hang_up(key);
    let missed = shown(&bo, Purpose::MissedCall);
    assert_eq!(missed.title, "ada");
    bo.notifier.happen(NotificationEvent::Action {
        tag: missed.tag,
        action: "call-back".to_owned(),
        token: None,
    });
    reaches(&ada, Stage::Ringing);
}

/// Waits for a notification.
fn shown(person: &Person, purpose: Purpose) -> Notification {
    let find = || {
        let all = person.notifier.shown();
        all.into_values().find(|it| it.purpose == purpose)
    };
    until(|| find().is_some());
    find().expect("just seen")
}

fn until(holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "it did not happen in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the process of a call was asked for, once it was.
fn asks(person: &Person, process: &FakeMediaProcess, wanted: &Request) -> Vec<Request> {
    let what = format!("{wanted:?}");
    person.wait(&what, process.asked(), |asked| asked.contains(wanted))
}

fn plays(sound: Sound) -> Request {
    Request::Play {
        sound,
        sink: AudioSink::Device { name: None },
    }
}

#[test]
fn one_hears_that_it_rings_there_and_that_it_is_turned_down() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    let hers = last_process(&ada.media);
    asks(&ada, &hers, &plays(Sound::Ringback));
    bo.core.calls().reject(key.clone());
    let all = ada.wait("another process", ada.media.started(), |all| all.len() == 2);
    let busy = last_process(&ada.media);
    asks(&ada, &busy, &plays(Sound::Busy));
    asks(&ada, &busy, &Request::Close);
    assert_eq!(all.len(), 2);

    talk(&ada, &bo, &room_id);
    let (hers, his) = (last_process(&ada.media), last_process(&bo.media));
    let quiet = |asked: &[Request]| asked.contains(&Request::Silence);
    assert!(quiet(&asks(&ada, &hers, &plays(Sound::Ringback))));
    assert!(quiet(&asks(&bo, &his, &plays(Sound::Ringtone))));
}

#[test]
fn a_second_call_is_heard_softly_and_takes_the_place_of_the_first() {
    let world = World::new();
    let (ada, bo, eve) = (world.person("ada"), world.person("bo"), world.person("eve"));
    let (hers, eves) = (room_of(&ada, &[&bo]), room_of(&eve, &[&bo]));
    let first = talk(&ada, &bo, &hers);
    let second = place(&eve, &eves);
    reaches(&bo, Stage::Ringing);
    let both = bo.wait("a process for it", bo.media.started(), |all| all.len() == 2);
    asks(&bo, &both[1], &plays(Sound::Waiting));
    bo.core.calls().take(second.clone(), Others::Hold);
    let held = |calls: &Calls| {
        let is = |key: &CallKey, held| {
            calls
                .iter()
                .any(|call| call.key == *key && call.held == held)
        };
        is(&first, true) && is(&second, false)
    };
    bo.wait("the first on hold", bo.core.calls().calls(), held);
}

#[test]
fn keys_and_devices_reach_the_process() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let key = talk(&ada, &bo, &room_id);
    let process = last_process(&ada.media);
    ada.core.calls().dial(key.clone(), "12#".to_owned());
    let tones = Tones("12#".to_owned());
    asks(&ada, &process, &Request::Dial { tones });

    asks(&ada, &process, &Request::Devices);
    let headset = AudioDevice {
        name: "headset".to_owned(),
        label: "Headset".to_owned(),
        is_default: false,
    };
    process.say(Event::Devices {
        microphones: vec![headset.clone()],
        speakers: vec![headset],
    });
    let known = |devices: &AudioDevices| devices.speakers.len() == 1;
    ada.wait("the headset", ada.core.calls().devices(), known);
    let chosen = ChosenDevices {
        microphone: Some("headset".to_owned()),
        speaker: None,
    };
    ada.core.calls().choose_devices(chosen);
    let used = Request::UseDevices {
        microphone: Some("headset".to_owned()),
        speaker: None,
    };
    asks(&ada, &process, &used);

    // The next call begins with it.
    ada.core.calls().hang_up(key);
    closes(&ada);
    place(&ada, &room_id);
    reaches(&ada, Stage::Calling);
    let asked = last_process(&ada.media).asked().borrow().clone();
    let begins_with_it = asked.iter().any(|request| match request {
        Request::Start(setup) => {
            let name = Some("headset".to_owned());
            setup.source == AudioSource::Device { name }
        }
        _ => false,
    });
    assert!(begins_with_it, "{asked:?}");
}

#[test]
fn a_call_that_was_taken_and_fails_is_told() {
    let (_world, ada, bo, room_id) = two_in_a_room();
    let key = place(&ada, &room_id);
    reaches(&bo, Stage::Ringing);
    let view = bo.core.calls_view();
    view.send(CallAction::Answer {
        call: key,
        end_others: false,
    });
    reaches(&bo, Stage::Answering);
    last_process(&bo.media).die();
    let over = |state: &CallsState| state.ended.is_some();
    let state = bo.wait("that it failed", view.state(), over);
    let ended = state.ended.expect("just seen");
    assert_eq!(ended.reason, EndReason::MediaCrashed);
    assert_eq!(ended.who.name, "ada");
    assert!(!ended.went_well());
}

#[test]
fn nobody_in_particular_is_called_in_a_larger_room_only_by_name() {
    let world = World::new();
    let (ada, bo, eve) = (world.person("ada"), world.person("bo"), world.person("eve"));
    let room_id = room_of(&ada, &[&bo, &eve]);
    let view = ada.core.calls_view();
    let mut effects = view.effects();
    view.send(CallAction::Place {
        room_id: room_id.clone(),
        invitee: None,
    });
    let refused = ada
        .core
        .block_on(async { timeout(LIMIT, effects.recv()).await });
    let refused = refused.expect("told").expect("the core lives");
    assert_eq!(refused, CallEffect::Toast(Notice::NotAllowed));
    assert!(ada.core.calls().calls().borrow().is_empty());
    view.send(CallAction::Place {
        room_id,
        invitee: Some(bo.user_id()),
    });
    reaches(&ada, Stage::Calling);
}
