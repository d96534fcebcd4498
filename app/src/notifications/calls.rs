//! Calls that ring are shown by the desktop, with a way to take or decline them; missed ones are told afterwards.

use std::collections::BTreeMap;

use hardline_platform::notify::{
    Notification, NotificationAction, NotificationEvent, Purpose, Urgency,
};
use tokio::sync::{broadcast, broadcast::error::RecvError};

use super::words;
use crate::{
    calls::{CallId, CallKey, Stage},
    core::Shared,
    ids::{OwnedRoomId, OwnedUserId, RoomId},
    view::{
        calls::{CallAction, CallEffect, CallRow, CallsState, CallsViewModel, Who},
        settings::{NOTIFICATIONS, Notifications},
        shell::ShellEffect,
    },
};

const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";
const CALL_BACK: &str = "call-back";
/// Before the ids of a call that rings.
const RINGING: &str = "call ";
/// Before the id of a room with a call that was missed.
const MISSED: &str = "missed ";

/// Starts following the calls.
pub(crate) fn start(shared: &Shared, calls: CallsViewModel, frame: broadcast::Sender<ShellEffect>) {
    let service = Service {
        shared: shared.clone(),
        calls,
        frame,
        ringing: BTreeMap::new(),
        missed: BTreeMap::new(),
    };
    shared.tasks.detach("call-notifications", service.run());
}

struct Service {
    shared: Shared,
    calls: CallsViewModel,
    frame: broadcast::Sender<ShellEffect>,
    /// Calls whose ring is shown, by tag.
    ringing: BTreeMap<String, CallKey>,
    /// Rooms with a missed call that is shown, and who called.
    missed: BTreeMap<OwnedRoomId, Option<OwnedUserId>>,
}

impl Service {
    async fn run(mut self) {
        let mut state = self.calls.state();
        let mut effects = self.calls.effects();
        let mut events = self.shared.platform.notifier.events();
        let mut active = self.shared.window_active.subscribe();
        loop {
            tokio::select! {
                changed = state.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = state.borrow_and_update().clone();
                    self.on_state(&now).await;
                }
                changed = active.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = state.borrow().clone();
                    self.on_state(&now).await;
                }
                effect = effects.recv() => match effect {
                    Ok(CallEffect::Missed { room_id, peer, who }) => {
                        self.tell_missed(room_id, peer, &who).await;
                    }
                    Ok(CallEffect::Toast(_)) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                event = events.recv() => match event {
                    Ok(event) => self.on_event(event).await,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    /// Where the window is in front it shows the call itself.
    async fn on_state(&mut self, state: &CallsState) {
        let in_front = *self.shared.window_active.borrow();
        let rings = |call: &&CallRow| call.stage == Stage::Ringing && !in_front;
        let ringing: BTreeMap<String, &CallRow> = state
            .calls
            .iter()
            .filter(rings)
            .map(|call| (tag(&call.key), call))
            .collect();
        // They were looked at, or nobody is signed in any more.
        if state.missed == 0 {
            for room_id in std::mem::take(&mut self.missed).into_keys() {
                self.take_away(&missed_tag(&room_id)).await;
            }
        }
        let over: Vec<String> = self
            .ringing
            .keys()
            .filter(|tag| !ringing.contains_key(*tag))
            .cloned()
            .collect();
        for tag in over {
            self.ringing.remove(&tag);
            self.take_away(&tag).await;
        }
        for (tag, call) in ringing {
            if !self.ringing.contains_key(&tag) {
                self.ringing.insert(tag.clone(), call.key.clone());
                self.show(ring(tag, &call.who)).await;
            }
        }
    }

    async fn tell_missed(&mut self, room_id: OwnedRoomId, peer: Option<OwnedUserId>, who: &Who) {
        let shown = Notification {
            tag: missed_tag(&room_id),
            title: who.name.clone(),
            body: words::MISSED_CALL.to_owned(),
            purpose: Purpose::MissedCall,
            silent: !self.wanted().sound,
            actions: vec![button(CALL_BACK, words::CALL_BACK)],
            ..Notification::default()
        };
        self.missed.insert(room_id, peer);
        self.show(shown).await;
    }

    fn wanted(&self) -> Notifications {
        self.shared.store.setting(NOTIFICATIONS).unwrap_or_default()
    }

    async fn show(&self, notification: Notification) {
        if !self.wanted().enabled {
            return;
        }
        if let Err(error) = self.shared.platform.notifier.show(notification).await {
            tracing::info!(%error, "a call is not shown by the desktop");
        }
    }

    async fn take_away(&self, tag: &str) {
        if let Err(error) = self.shared.platform.notifier.close(tag).await {
            tracing::info!(%error, "the notification of a call stays");
        }
    }

    async fn on_event(&mut self, event: NotificationEvent) {
        let (tag, action) = match event {
            NotificationEvent::Action { tag, action, .. } => (tag, Some(action)),
            NotificationEvent::Activated { tag, .. } => (tag, None),
            NotificationEvent::Replied { .. } | NotificationEvent::Closed { .. } => return,
        };
        // The ring may have gone with the click that brought the window up.
        if let Some(call) = ringing_in(&tag) {
            self.on_ring_button(call, action.as_deref().unwrap_or_default());
        } else if let Some(room_id) = missed_in(&tag) {
            self.take_away(&tag).await;
            let invitee = self.missed.remove(&room_id).flatten();
            if action.as_deref() == Some(CALL_BACK) {
                self.calls.send(CallAction::Place { room_id, invitee });
                self.raise();
            } else {
                let _ = self.frame.send(ShellEffect::OpenRoom(room_id));
            }
        }
    }

    fn on_ring_button(&self, call: CallKey, action: &str) {
        match action {
            ACCEPT => {
                let end_others = false;
                self.calls.send(CallAction::Answer { call, end_others });
                self.raise();
            }
            DECLINE => self.calls.send(CallAction::Decline(call)),
            _ => self.raise(),
        }
    }

    fn raise(&self) {
        let _ = self.frame.send(ShellEffect::Raise);
    }
}

fn tag(call: &CallKey) -> String {
    format!("{RINGING}{} {}", call.room_id, call.call_id.as_str())
}

/// The call of a ring's tag; no room id has a space in it.
fn ringing_in(tag: &str) -> Option<CallKey> {
    let (room_id, call_id) = tag.strip_prefix(RINGING)?.split_once(' ')?;
    let room_id = RoomId::parse(room_id).ok()?;
    Some(CallKey::new(room_id, CallId::parse(call_id)?))
}

fn missed_tag(room_id: &RoomId) -> String {
    format!("{MISSED}{room_id}")
}

fn missed_in(tag: &str) -> Option<OwnedRoomId> {
    RoomId::parse(tag.strip_prefix(MISSED)?).ok()
}

fn ring(tag: String, who: &Who) -> Notification {
    let body = match &who.room_name {
        Some(room) => format!("{} · {room}", words::INCOMING_CALL),
        None => words::INCOMING_CALL.to_owned(),
    };
    Notification {
        tag,
        title: who.name.clone(),
        body,
        urgency: Urgency::Critical,
        purpose: Purpose::Ring,
        // We ring ourselves.
        silent: true,
        actions: vec![
            button(DECLINE, words::DECLINE),
            button(ACCEPT, words::ACCEPT),
        ],
        ..Notification::default()
    }
}

fn button(id: &str, label: &str) -> NotificationAction {
    NotificationAction {
        id: id.to_owned(),
        label: label.to_owned(),
    }
}
