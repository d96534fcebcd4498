//! The last thing that happened in a room, in one line.

use matrix_sdk::{Room, RoomState, latest_events::LatestEventValue};
use ruma::{
    UserId,
    events::{
        AnyMessageLikeEventContent, AnySyncTimelineEvent, MessageLikeEventType,
        room::message::{MessageType, Relation, RoomMessageEventContent},
    },
};

use crate::{
    text::{formatted, gist, one_line},
    timeline::Person,
    view::room_list::{AttachmentKind, Preview},
};

/// Characters of a preview; a row shows fewer.
const LONGEST: usize = 160;

/// The preview of a room.
pub(super) async fn preview(room: &Room, own: &UserId, is_direct: bool) -> Preview {
    let found = of_latest(room, own, is_direct).await;
    match found {
        // The SDK passes over what it cannot read, which may be newer.
        Preview::None | Preview::Change { .. } if ends_unreadable(room).await => Preview::Encrypted,
        found => found,
    }
}

/// Whether the newest message known of an encrypted room cannot be read (yet).
async fn ends_unreadable(room: &Room) -> bool {
    if !room.encryption_state().is_encrypted() || room.state() != RoomState::Joined {
        return false;
    }
    let Ok((cache, _drop_handles)) = room.event_cache().await else {
        return false;
    };
    let events = cache.events().await.unwrap_or_default();
    events
        .iter()
        .rev()
        .find_map(|event| match event.raw().deserialize() {
            Ok(AnySyncTimelineEvent::MessageLike(event)) => Some(event.event_type()),
            _ => None,
        })
        .is_some_and(|kind| kind == MessageLikeEventType::RoomEncrypted)
}

async fn of_latest(room: &Room, own: &UserId, is_direct: bool) -> Preview {
    let (content, sender) = match room.latest_event() {
        LatestEventValue::None | LatestEventValue::RemoteInvite { .. } => return Preview::None,
        LatestEventValue::Remote(event) => {
            let Some(sender) = event.sender() else {
                return Preview::None;
            };
            match event.raw().deserialize() {
                Ok(AnySyncTimelineEvent::MessageLike(event)) => match event.original_content() {
                    Some(content) => (content, sender),
                    None => return Preview::Redacted,
                },
                Ok(AnySyncTimelineEvent::State(_)) => {
                    return Preview::Change {
                        sender: name_of(room, &sender).await,
                    };
                }
                Err(_) => return Preview::None,
            }
        }
        LatestEventValue::LocalIsSending(local)
        | LatestEventValue::LocalHasBeenSent { value: local, .. }
        | LatestEventValue::LocalCannotBeSent(local) => match local.content.deserialize() {
            Ok(content) => (content, own.to_owned()),
            Err(_) => return Preview::None,
        },
    };
    let is_own = sender == own;
    let sender = if is_own || is_direct {
        None
    } else {
        Some(name_of(room, &sender).await)
    };
    of_content(content, sender, is_own)
}

/// A member's name as known here, without asking the server; with their id if it could be taken for another's.
pub(crate) async fn name_of(room: &Room, user_id: &UserId) -> String {
    match room.get_member_no_sync(user_id).await {
        Ok(Some(member)) => Person::from(&member).name(user_id),
        Ok(None) | Err(_) => Person::default().name(user_id),
    }
}

/// The preview of an event, said by `sender` (`None`: it goes without saying).
pub(crate) fn of_event(event: &AnySyncTimelineEvent, sender: Option<String>, own: bool) -> Preview {
    match event {
        AnySyncTimelineEvent::MessageLike(event) => match event.original_content() {
            Some(content) => of_content(content, sender, own),
            None => Preview::Redacted,
        },
        AnySyncTimelineEvent::State(_) => Preview::Change {
            sender: sender.unwrap_or_default(),
        },
    }
}

fn of_content(content: AnyMessageLikeEventContent, sender: Option<String>, own: bool) -> Preview {
    let attachment = |kind, name: &str, caption: Option<&str>, sender| Preview::Attachment {
        sender,
        own,
        kind,
        name: one_line(caption.unwrap_or(name), LONGEST),
        captioned: caption.is_some(),
    };
    let text = |text: &str, sender| Preview::Text {
        sender,
        own,
        text: one_line(text, LONGEST),
    };
    match content {
        AnyMessageLikeEventContent::RoomMessage(message) => match current(&message) {
            MessageType::Image(image) => {
                attachment(AttachmentKind::Image, &image.body, image.caption(), sender)
            }
            MessageType::Video(video) => {
                attachment(AttachmentKind::Video, &video.body, video.caption(), sender)
            }
            MessageType::Audio(audio) => {
                attachment(AttachmentKind::Audio, &audio.body, audio.caption(), sender)
            }
            MessageType::File(file) => {
                attachment(AttachmentKind::File, &file.body, file.caption(), sender)
            }
            other if formatted(other).is_some() => Preview::Text {
                sender,
                own,
                text: gist(other, LONGEST),
            },
            other => text(without_fallback(&message, other.body()), sender),
        },
        AnyMessageLikeEventContent::Sticker(sticker) => text(&sticker.body, sender),
        AnyMessageLikeEventContent::UnstablePollStart(poll) => {
            text(&poll.poll_start().question.text, sender)
        }
        AnyMessageLikeEventContent::RoomEncrypted(_) => Preview::Encrypted,
        AnyMessageLikeEventContent::CallInvite(_) => Preview::Call { sender, own },
        _ => Preview::Change {
            sender: sender.unwrap_or_default(),
        },
    }
}

/// What a message says now: of an edit, the new content.
fn current(message: &RoomMessageEventContent) -> &MessageType {
    match &message.relates_to {
        Some(Relation::Replacement(edit)) => &edit.new_content.msgtype,
        _ => &message.msgtype,
    }
}

/// The body without the quoted lines that replies once carried.
fn without_fallback<'a>(message: &RoomMessageEventContent, body: &'a str) -> &'a str {
    if !matches!(message.relates_to, Some(Relation::Reply { .. })) || !body.starts_with("> ") {
        return body;
    }
    let mut rest = body;
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.split_once('\n').map_or("", |(_, after)| after);
    }
    let rest = rest.trim_start_matches('\n');
    if rest.is_empty() { body } else { rest }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(content: serde_json::Value) -> Preview {
        let message: RoomMessageEventContent = serde_json::from_value(content).unwrap();
        of_content(
            AnyMessageLikeEventContent::RoomMessage(message),
            None,
            false,
        )
    }

    fn text_of(preview: Preview) -> String {
        match preview {
            Preview::Text { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_is_told_as_one() {
        let invite = json!({
            "call_id": "1", "version": "0", "lifetime": 60_000,
            "offer": { "type": "offer", "sdp": "" },
        });
        let content =
            AnyMessageLikeEventContent::CallInvite(serde_json::from_value(invite).unwrap());
        let called = Preview::Call {
            sender: None,
            own: true,
        };
        assert_eq!(of_content(content, None, true), called);
    }

    #[test]
    fn a_long_message_becomes_one_short_line() {
        let body = format!("first\n\n  second\u{7} {}", "x".repeat(1000));
        let text = text_of(of(json!({ "msgtype": "m.text", "body": body })));
        assert!(text.starts_with("first second xxx"), "{text}");
        assert_eq!(text.chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_reply_shows_without_what_it_quotes() {
        let content = json!({
            "msgtype": "m.text",
            "body": "> <@ada:x> quoted\n> more\n\nthe answer",
            "m.relates_to": { "m.in_reply_to": { "event_id": "$e" } },
        });
        assert_eq!(text_of(of(content)), "the answer");
    }

    #[test]
    fn an_edit_shows_what_is_said_now() {
        let content = json!({
            "msgtype": "m.text",
            "body": "* now",
            "m.new_content": { "msgtype": "m.text", "body": "now" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$e" },
        });
        assert_eq!(text_of(of(content)), "now");
    }

    #[test]
    fn a_picture_is_an_attachment() {
        let content = json!({ "msgtype": "m.image", "body": "cat.png", "url": "mxc://x/y" });
        assert!(matches!(
            of(content),
            Preview::Attachment { kind: AttachmentKind::Image, name, .. } if name == "cat.png"
        ));
        let content = json!({
            "msgtype": "m.image", "body": "our cat", "filename": "cat.png", "url": "mxc://x/y",
        });
        assert!(matches!(
            of(content),
            Preview::Attachment { name, captioned: true, .. } if name == "our cat"
        ));
    }
}
