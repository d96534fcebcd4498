//! A row of the list, made from what the SDK knows of a room. Nothing here asks the server.

use matrix_sdk::{Room, RoomState, latest_events::LatestEventValue};
use ruma::{
    OwnedMxcUri,
    push::{Action, Ruleset},
};

use super::{Known, name::name, preview};
use crate::{
    text::tame,
    view::{
        Avatar,
        room_list::{Preview, RoomRow, RowMembership},
    },
};

/// The row of a room; `None` for rooms that are not shown: left, spaces, those replaced by a room we are in, and
/// invites of people who are ignored.
pub(super) async fn row(room: &Room, known: &Known) -> Option<RoomRow> {
    let (own, rules) = (&known.own, &known.rules);
    let membership = match room.state() {
        RoomState::Joined => RowMembership::Joined,
        RoomState::Invited => invited(room).await,
        RoomState::Knocked => RowMembership::Knocked,
        RoomState::Left | RoomState::Banned => return None,
    };
    if room.is_space() || is_replaced(room) || is_from_ignored(&membership, known) {
        return None;
    }
    let name = name(room).await;
    let is_direct = room.is_direct().await.unwrap_or_default();
    let joined = membership == RowMembership::Joined;
    let preview = if joined {
        preview::preview(room, own, is_direct).await
    } else {
        Preview::None
    };
    Some(RoomRow {
        room_id: room.room_id().to_owned(),
        avatar: avatar(room, is_direct, &name),
        name,
        membership,
        is_direct,
        is_encrypted: room.encryption_state().is_encrypted(),
        is_favourite: room.is_favourite(),
        preview,
        timestamp: timestamp(room),
        unread: unread(room),
        mentions: mentions(room),
        marked_unread: room.is_marked_unread(),
        muted: is_muted(room, rules),
        draft: draft(room).await,
    })
}

async fn invited(room: &Room) -> RowMembership {
    let inviter = match room.latest_event() {
        LatestEventValue::RemoteInvite {
            inviter: Some(inviter),
            ..
        } => Some(inviter),
        _ => match room.invite_details().await {
            Ok(details) => details.inviter.map(|member| member.user_id().to_owned()),
            Err(_) => None,
        },
    };
    let inviter_name = match &inviter {
        Some(user_id) => Some(preview::name_of(room, user_id).await),
        None => None,
    };
    RowMembership::Invited {
        inviter,
        inviter_name,
    }
}

fn is_from_ignored(membership: &RowMembership, known: &Known) -> bool {
    match membership {
        RowMembership::Invited {
            inviter: Some(inviter),
            ..
        } => known.ignored.contains(inviter),
        _ => false,
    }
}

fn is_replaced(room: &Room) -> bool {
    let Some(successor) = room.successor_room() else {
        return false;
    };
    let replacement = room.client().get_room(&successor.room_id);
    replacement.is_some_and(|room| room.state() == RoomState::Joined)
}

/// The topic of a room, ready to be shown.
pub(crate) fn topic(room: &Room) -> String {
    tame(&room.topic().unwrap_or_default()).into_owned()
}

/// The picture of a room under this name.
pub(crate) fn avatar(room: &Room, is_direct: bool, name: &str) -> Avatar {
    Avatar::new(&color_id(room, is_direct), name, picture(room, is_direct))
}

/// A direct room has the colour of the person, so that it is the same everywhere.
fn color_id(room: &Room, is_direct: bool) -> String {
    match room.direct_targets().iter().next() {
        Some(target) if is_direct => target.to_string(),
        _ => room.room_id().to_string(),
    }
}

/// The room's picture; in a direct room without one, the other person's.
fn picture(room: &Room, is_direct: bool) -> Option<OwnedMxcUri> {
    room.avatar_url().or_else(|| match &room.heroes()[..] {
        [hero] if is_direct => hero.avatar_url.clone(),
        _ => None,
    })
}

fn timestamp(room: &Room) -> Option<u64> {
    room.latest_event_timestamp()
        .map(|timestamp| timestamp.get().into())
}

/// Counted here where the events are known, else as the server counts.
fn unread(room: &Room) -> u64 {
    let server = room.unread_notification_counts().notification_count;
    room.num_unread_messages().max(server)
}

fn mentions(room: &Room) -> u64 {
    let server = room.unread_notification_counts().highlight_count;
    room.num_unread_mentions().max(server)
}

/// A rule for this room that does nothing: as the specification's "mute" is written.
fn is_muted(room: &Room, rules: &Ruleset) -> bool {
    let silent = |enabled: bool, actions: &[Action]| {
        enabled
            && !actions
                .iter()
                .any(|action| matches!(action, Action::Notify))
    };
    let id = room.room_id().as_str();
    rules
        .override_
        .iter()
        .any(|rule| rule.rule_id == id && silent(rule.enabled, &rule.actions))
}

async fn draft(room: &Room) -> Option<String> {
    let draft = room.load_composer_draft(None).await.ok()??;
    let text = draft.plain_text.trim();
    (!text.is_empty()).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}
