//! Which row an item of the timeline becomes.

use matrix_sdk_ui::timeline::{
    EventTimelineItem, MsgLikeKind, TimelineItem, TimelineItemContent as Content, TimelineItemKind,
    VirtualTimelineItem, default_event_filter,
};
use ruma::{
    events::{
        AnyMessageLikeEventContent, AnySyncTimelineEvent,
        room::message::{MessageType, Relation},
    },
    room_version_rules::RoomVersionRules,
};

use super::{MapContext, change, list::Mapped, membership, message};
use crate::view::room::{RoomChange, RowKind};

/// The name of an item that outlives the SDK's own numbering.
pub(super) fn lasting_id(item: &TimelineItem) -> Option<String> {
    match item.kind() {
        TimelineItemKind::Event(event) => event.event_id().map(ToString::to_string),
        TimelineItemKind::Virtual(VirtualTimelineItem::DateDivider(day)) => {
            Some(format!("day {}", u64::from(day.get()) / 86_400_000))
        }
        TimelineItemKind::Virtual(VirtualTimelineItem::ReadMarker) => Some("read marker".into()),
        TimelineItemKind::Virtual(VirtualTimelineItem::TimelineStart) => Some("start".into()),
    }
}

/// What an item becomes.
pub(super) fn map(item: &TimelineItem, context: &MapContext) -> Mapped {
    match item.kind() {
        TimelineItemKind::Event(event) => map_event(event, context),
        TimelineItemKind::Virtual(VirtualTimelineItem::DateDivider(day)) => {
            Mapped::Other(RowKind::DayDivider(day.get().into()))
        }
        TimelineItemKind::Virtual(VirtualTimelineItem::ReadMarker) => {
            Mapped::Other(RowKind::ReadMarker)
        }
        TimelineItemKind::Virtual(VirtualTimelineItem::TimelineStart) => {
            Mapped::Other(RowKind::Start)
        }
    }
}

fn map_event(event: &EventTimelineItem, context: &MapContext) -> Mapped {
    match event.content() {
        Content::MsgLike(content) => match &content.kind {
            MsgLikeKind::Other(other) => unknown(other.event_type()),
            MsgLikeKind::LiveLocation(_) => unknown("m.beacon_info"),
            MsgLikeKind::Message(message) if is_verification(message.msgtype()) => {
                // Answered in the verification screen.
                change::row(
                    event,
                    RoomChange::Other("m.key.verification.request".into()),
                    context,
                )
            }
            _ => Mapped::Message(Box::new(message::map(event, content, context))),
        },
        Content::MembershipChange(change) => membership::map(event, change, context),
        Content::ProfileChange(change) => membership::map_profile(change),
        Content::OtherState(state) => change::map(event, state, context),
        Content::FailedToParseMessageLike { event_type, .. } => unknown(event_type),
        Content::FailedToParseState { event_type, .. } => unknown(event_type),
        Content::CallInvite | Content::RtcNotification { .. } => {
            change::row(event, RoomChange::Call, context)
        }
    }
}

/// Which events get a row: those of the SDK, and messages of a kind nobody here knows, by their text.
pub(crate) fn shows(event: &AnySyncTimelineEvent, rules: &RoomVersionRules) -> bool {
    default_event_filter(event, rules) || is_custom_message(event)
}

fn is_custom_message(event: &AnySyncTimelineEvent) -> bool {
    let AnySyncTimelineEvent::MessageLike(event) = event else {
        return false;
    };
    match event.original_content() {
        Some(AnyMessageLikeEventContent::RoomMessage(content)) => {
            !matches!(content.relates_to, Some(Relation::Replacement(_)))
        }
        _ => false,
    }
}

fn is_verification(message: &MessageType) -> bool {
    matches!(message, MessageType::VerificationRequest(_))
}

fn unknown(event_type: impl ToString) -> Mapped {
    let event_type = crate::text::one_line(&event_type.to_string(), 100);
    Mapped::Other(RowKind::Unknown { event_type })
}
