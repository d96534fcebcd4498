//! What a notification says: sender and text, or only that there is something.

use hardline_platform::notify as platform;
use matrix_sdk::{
    Room, deserialized_responses::RawAnySyncOrStrippedTimelineEvent, sync::Notification,
};
use ruma::{MilliSecondsSinceUnixEpoch, OwnedUserId, events::TimelineEventType};

use crate::{
    rooms::preview,
    view::{room_list::Preview, settings::Notifications},
};

/// What came.
pub(super) struct Arrived {
    pub(super) sender: OwnedUserId,
    pub(super) sender_name: String,
    pub(super) timestamp: Option<MilliSecondsSinceUnixEpoch>,
    pub(super) preview: Preview,
}

/// Reads an event worth a notification; `None` if there is nothing to tell.
pub(super) async fn read(notification: &Notification, room: &Room) -> Option<Arrived> {
    let (sender, timestamp, preview) = match &notification.event {
        RawAnySyncOrStrippedTimelineEvent::Sync(raw) => {
            let event = raw.deserialize().ok()?;
            // Calls are told by themselves.
            if event.event_type() == TimelineEventType::CallInvite {
                return None;
            }
            let preview = preview::of_event(&event, None, false);
            (
                event.sender().to_owned(),
                Some(event.origin_server_ts()),
                preview,
            )
        }
        RawAnySyncOrStrippedTimelineEvent::Stripped(raw) => (
            raw.deserialize().ok()?.sender().to_owned(),
            None,
            Preview::None,
        ),
    };
    let sender_name = preview::name_of(room, &sender).await;
    Some(Arrived {
        sender,
        sender_name,
        timestamp,
        preview,
    })
}

/// One a room: what comes later takes its place.
pub(super) fn compose(
    arrived: &Arrived,
    room: &Room,
    wanted: &Notifications,
) -> platform::Notification {
    let room_name = crate::rooms::name::known_name(room);
    let text = match &arrived.preview {
        Preview::Text { text, .. } => text.as_str(),
        Preview::Attachment { name, .. } => name.as_str(),
        _ => "",
    };
    let (title, body) = words(
        &room_name,
        &arrived.sender_name,
        text,
        room.direct_targets_length() > 0,
    );
    platform::Notification {
        tag: room.room_id().to_string(),
        title,
        body: if wanted.show_text {
            body
        } else {
            String::new()
        },
        silent: !wanted.sound,
        ..platform::Notification::default()
    }
}

/// In a direct room the person is the title; elsewhere the room is, and the text says who.
fn words(room_name: &str, sender: &str, text: &str, direct: bool) -> (String, String) {
    if direct || room_name.is_empty() {
        (sender.to_owned(), text.to_owned())
    } else if text.is_empty() {
        (room_name.to_owned(), sender.to_owned())
    } else {
        (room_name.to_owned(), format!("{sender}: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_once() {
        assert_eq!(
            words("Ada", "Ada", "hello", true),
            ("Ada".into(), "hello".into())
        );
        assert_eq!(
            words("Hall", "Ada", "hello", false),
            ("Hall".into(), "Ada: hello".into())
        );
        assert_eq!(
            words("Hall", "Ada", "", false),
            ("Hall".into(), "Ada".into())
        );
        assert_eq!(
            words("", "Ada", "hello", false),
            ("Ada".into(), "hello".into())
        );
    }
}
