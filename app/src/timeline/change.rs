//! Changes of the room's state.

use matrix_sdk_ui::timeline::{
    AnyOtherStateEventContentChange as Content, EventTimelineItem, OtherState,
};
use ruma::events::{
    RedactContent, RedactedStateEventContent, StateEventContentChange as Change,
    StaticStateEventContent,
};

use super::{MapContext, list::Mapped};
use crate::{
    text::one_line,
    view::room::{RoomChange, RowKind},
};

/// So long after a room was made it is still being made, milliseconds.
const SETTING_UP: u64 = 60_000;

/// A row for a change of state; state that says nothing to people is not shown.
pub(super) fn map(event: &EventTimelineItem, state: &OtherState, context: &MapContext) -> Mapped {
    let Some(change) = room_change(state.content()) else {
        return Mapped::Hidden;
    };
    let at = u64::from(event.timestamp().get());
    if change == RoomChange::Created {
        context.created.learn(at);
    }
    if is_first_name(state.content()) && is_setting_up(event, at, context) {
        return Mapped::Hidden;
    }
    row(event, change, context)
}

/// Whether whoever made the room was still making it: they changed nothing then.
fn is_setting_up(event: &EventTimelineItem, at: u64, context: &MapContext) -> bool {
    let by_creator = context
        .creators
        .iter()
        .any(|creator| creator == event.sender());
    by_creator && context.created.is_just_before(at, SETTING_UP)
}

/// A row that tells a change and who made it.
pub(super) fn row(event: &EventTimelineItem, change: RoomChange, context: &MapContext) -> Mapped {
    let sender = context
        .names
        .of(event.sender(), Some(event.sender_profile()))
        .name(event.sender());
    Mapped::Other(RowKind::Change { sender, change })
}

fn room_change(content: &Content) -> Option<RoomChange> {
    if is_first_rule(content) {
        return None;
    }
    Some(match content {
        Content::RoomCreate(_) => RoomChange::Created,
        Content::RoomEncryption(_) => RoomChange::Encrypted,
        Content::RoomName(change) => RoomChange::Name(match change {
            Change::Original { content, .. } => one_line(&content.name, 200),
            Change::Redacted(_) => String::new(),
        }),
        Content::RoomTopic(change) => RoomChange::Topic(match change {
            Change::Original { content, .. } => one_line(&content.topic, 500),
            Change::Redacted(_) => String::new(),
        }),
        Content::RoomAvatar(_) => RoomChange::Avatar,
        Content::RoomCanonicalAlias(change) => RoomChange::Alias(match change {
            Change::Original { content, .. } => content.alias.as_ref().map(ToString::to_string),
            Change::Redacted(_) => None,
        }),
        Content::RoomJoinRules(_) => RoomChange::JoinRule,
        Content::RoomHistoryVisibility(_) => RoomChange::HistoryVisibility,
        Content::RoomPowerLevels(_) => RoomChange::PowerLevels,
        Content::RoomPinnedEvents(_) => RoomChange::Pinned,
        Content::RoomTombstone(_) => RoomChange::Upgraded,
        // Bookkeeping between programs and servers.
        Content::RoomGuestAccess(_) | Content::SpaceParent(_) | Content::SpaceChild(_) => {
            return None;
        }
        other => RoomChange::Other(other.event_type().to_string()),
    })
}

fn is_first<C: StaticStateEventContent + RedactContent>(change: &Change<C>) -> bool
where
    C::Redacted: RedactedStateEventContent,
{
    matches!(
        change,
        Change::Original {
            prev_content: None,
            ..
        }
    )
}

/// What the header shows of a room from its first moment.
fn is_first_name(content: &Content) -> bool {
    match content {
        Content::RoomName(change) => is_first(change),
        Content::RoomTopic(change) => is_first(change),
        Content::RoomAvatar(change) => is_first(change),
        Content::RoomEncryption(change) => is_first(change),
        _ => false,
    }
}

/// Rules a room begins with: nobody changed anything.
fn is_first_rule(content: &Content) -> bool {
    match content {
        Content::RoomJoinRules(change) => is_first(change),
        Content::RoomHistoryVisibility(change) => is_first(change),
        Content::RoomPowerLevels(change) => is_first(change),
        _ => false,
    }
}
