//! Somebody who looks at a room over the SDK's own mock server.

use std::{sync::Arc, time::Duration};

use eyeball_im::{Vector, VectorDiff};
use futures_util::StreamExt as _;
use matrix_sdk::{Client, test_utils::mocks::MatrixMockServer};
use ruma::{RoomId, events::AnySyncTimelineEvent, room_id, serde::Raw};
use serde_json::Value;
use tokio::{runtime::Handle, sync::broadcast, time::timeout};

use super::super::*;
use crate::view::room::{MessageRow, RowKind};

pub(super) const LIMIT: Duration = Duration::from_secs(15);

pub(super) struct Watcher {
    pub room: RoomViewModel,
    pub rows: Vector<Row>,
    diffs: futures_util::stream::BoxStream<'static, Vec<VectorDiff<Row>>>,
    effects: broadcast::Receiver<RoomEffect>,
}

impl Watcher {
    pub fn open(client: &Client, room_id: &RoomId) -> Self {
        Self::open_with(client, room_id, UnsentFiles::default())
    }

    /// Opens a room whose unsent files are kept elsewhere.
    pub fn open_with(client: &Client, room_id: &RoomId, unsent: UnsentFiles) -> Self {
        let tasks = Tasks::new(Handle::current());
        let of_media = client.clone();
        let media = MediaService::new(tasks.clone(), Arc::new(move || Some(of_media.clone())));
        let room = RoomViewModel::begin(
            client.clone(),
            &media,
            &tasks,
            unsent,
            room_id.to_owned(),
            None,
        );
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
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Vector<Row>) -> bool) {
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

    pub async fn effect(&mut self, what: &str, wanted: impl Fn(&RoomEffect) -> bool) -> RoomEffect {
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

    pub async fn state(&self, what: &str, wanted: impl Fn(&RoomState) -> bool) -> RoomState {
        let mut state = self.room.state();
        let waiting = state.wait_for(|state| wanted(state));
        match timeout(LIMIT, waiting).await {
            Ok(state) => state.expect("the room is open").clone(),
            Err(_) => panic!("{what} did not come: {:?}", self.room.state().borrow()),
        }
    }

    pub fn show(&self) -> String {
        self.rows.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    pub fn row(&self, plain: &str) -> (String, MessageRow) {
        let found = self.rows.iter().find_map(|row| match &row.kind {
            RowKind::Message(message) if message.plain == plain => {
                Some((row.id.clone(), message.clone()))
            }
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no row says {plain:?}:\n{}", self.show()))
    }

    pub fn says(plain: &str) -> impl Fn(&Vector<Row>) -> bool + use<'_> {
        move |rows| {
            rows.iter()
                .any(|row| matches!(&row.kind, RowKind::Message(message) if message.plain == plain))
        }
    }
}

pub(super) fn show(row: &Row) -> String {
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
        RowKind::Locked { messages, .. } => format!("locked {}", messages.len()),
        RowKind::Change { sender, change } => format!("{sender} changed {change:?}"),
        RowKind::Unknown { event_type } => format!("unknown {event_type}"),
    }
}

pub(super) fn raw(event: &Value) -> Raw<AnySyncTimelineEvent> {
    Raw::from_json_string(event.to_string()).expect("JSON")
}

pub(super) async fn setup() -> (MatrixMockServer, Client, &'static RoomId) {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    client.event_cache().subscribe().expect("subscribed");
    let room_id = room_id!("!a:example.org");
    server.mock_room_state_encryption().plain().mount().await;
    (server, client, room_id)
}
