//! Two people talk, encrypted, through the real program with matrix-sdk: over sliding sync and over
//! `/sync`.

#![recursion_limit = "256"]

#[allow(dead_code, reason = "shared with the tests over plain HTTP")]
#[path = "http/support.rs"]
mod support;

use std::time::{Duration, Instant};

use matrix_sdk::{
    Client, Room, RoomState,
    config::SyncSettings,
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, UserId,
        api::client::room::create_room::v3::Request as CreateRoom,
        events::room::message::RoomMessageEventContent,
    },
};
use matrix_sdk_ui::sync_service::SyncService;
use support::Server;

/// How a client is told what is new.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    SlidingSync,
    SyncV2,
}

/// A client that syncs until it is dropped.
struct Talker {
    client: Client,
    sliding: Option<SyncService>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Talker {
    async fn start(server: &Server, name: &str, way: Way) -> Self {
        server.register(name).await;
        let client = Client::builder()
            .homeserver_url(&server.base)
            .build()
            .await
            .unwrap();
        client
            .matrix_auth()
            .login_username(name, "correct horse battery")
            .await
            .unwrap();
        let mut talker = Self {
            client: client.clone(),
            sliding: None,
            task: None,
        };
        match way {
            Way::SlidingSync => {
                let service = SyncService::builder(client).build().await.unwrap();
                service.start().await;
                talker.sliding = Some(service);
            }
            Way::SyncV2 => {
                let settings = SyncSettings::default().timeout(Duration::from_secs(10));
                talker.task = Some(tokio::spawn(async move {
                    client.sync(settings).await.unwrap();
                }));
            }
        }
        talker
    }

    async fn stop(mut self) {
        if let Some(service) = self.sliding.take() {
            service.stop().await;
        }
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    async fn room(&self, room_id: &OwnedRoomId, state: RoomState) -> Room {
        until("the room", || async {
            self.client
                .get_room(room_id)
                .filter(|room| room.state() == state)
        })
        .await
    }

    async fn say(&self, room_id: &OwnedRoomId, text: &str) -> OwnedEventId {
        let room = self.room(room_id, RoomState::Joined).await;
        let content = RoomMessageEventContent::text_plain(text);
        room.send(content).await.unwrap().response.event_id
    }

    /// Waits until the event can be read, and returns its text.
    async fn read(&self, room_id: &OwnedRoomId, event_id: &EventId) -> String {
        let room = self.room(room_id, RoomState::Joined).await;
        until("a readable event", || async {
            let event = room.event(event_id, None).await.ok()?;
            event.encryption_info()?;
            let json: serde_json::Value = serde_json::from_str(event.raw().json().get()).ok()?;
            json["content"]["body"].as_str().map(str::to_owned)
        })
        .await
    }
}

async fn until<T, Fut: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> Fut) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "no sight of {what}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn two_people_talk(way: Way) {
    let sections = match way {
        Way::SlidingSync => "",
        Way::SyncV2 => "[sync]\nsliding_sync = false\n",
    };
    let server = Server::start_with(sections).await;
    let ada = Talker::start(&server, "ada", way).await;
    let bo = Talker::start(&server, "bo", way).await;

    let bo_id = UserId::parse("@bo:hs.test").unwrap();
    let mut request = CreateRoom::new();
    request.invite = vec![bo_id.clone()];
    request.is_direct = true;
    let room_id = ada
        .client
        .create_room(request)
        .await
        .unwrap()
        .room_id()
        .to_owned();
    ada.room(&room_id, RoomState::Joined)
        .await
        .enable_encryption()
        .await
        .unwrap();
    bo.room(&room_id, RoomState::Invited)
        .await
        .join()
        .await
        .unwrap();
    until("the joined guest", || async {
        let room = ada.client.get_room(&room_id)?;
        (room.joined_members_count() == 2 && room.encryption_state().is_encrypted()).then_some(())
    })
    .await;
    until("encryption", || async {
        let room = bo.client.get_room(&room_id)?;
        room.latest_encryption_state()
            .await
            .ok()?
            .is_encrypted()
            .then_some(())
    })
    .await;

    for round in 0..2 {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        let event = ada.say(&room_id, &question).await;
        assert_eq!(bo.read(&room_id, &event).await, question);
        let event = bo.say(&room_id, &answer).await;
        assert_eq!(ada.read(&room_id, &event).await, answer);
    }
    ada.stop().await;
    bo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_encrypted_over_sliding_sync() {
    two_people_talk(Way::SlidingSync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_encrypted_over_sync_v2() {
    two_people_talk(Way::SyncV2).await;
}
