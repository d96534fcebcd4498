//! Rows of a timeline as JSON: the same rows the window draws. `docs/command-line.md` describes them.

use serde_json::{Value, json};

use crate::view::{
    room::{
        AttachmentRow, DeliveryState, EncryptionMark, MembershipChange, MessageRow, RoomChange,
        Row, RowKind, UndecryptableReason,
    },
    room_list::AttachmentKind,
};

/// A row, as one or several values; none for what only a screen needs (day dividers, marks).
pub(super) fn describe(row: &Row) -> Vec<Value> {
    match &row.kind {
        RowKind::Message(message) => vec![of_message(message)],
        RowKind::Locked { messages, .. } => messages
            .iter()
            .map(|message| of_message(message))
            .collect(),
        RowKind::Members(changes) => {
            let changes: Vec<Value> = changes.iter().map(of_member).collect();
            vec![json!({ "type": "members", "changes": changes })]
        }
        RowKind::Change { sender, change } => {
            vec![json!({ "type": "change", "sender_name": sender, "change": of_change(change) })]
        }
        RowKind::Unknown { event_type } => {
            vec![json!({ "type": "unknown", "event_type": event_type })]
        }
        RowKind::DayDivider(_) | RowKind::ReadMarker | RowKind::Start => Vec::new(),
    }
}

/// A message's row.
pub(super) fn of_message(message: &MessageRow) -> Value {
    json!({
        "type": "message",
        "event_id": message.event_id,
        "sender": message.sender,
        "sender_name": message.sender_name,
        "own": message.own,
        "timestamp": message.timestamp,
        "body": message.plain,
        "emote": message.emote,
        "notice": message.notice,
        "attachment": message.attachment.as_ref().map(of_attachment),
        "undecryptable": message.undecryptable.map(of_undecryptable),
        "redacted": message.redacted,
        "edited": message.edited,
        "reply": message.reply.as_ref().map(|reply| json!({
            "event_id": reply.event_id,
            "sender_name": reply.sender_name,
            "preview": reply.preview,
        })),
        "reactions": message.reactions.iter().map(|reaction| json!({
            "key": reaction.key,
            "count": reaction.count,
            "own": reaction.own,
        })).collect::<Vec<_>>(),
        "mentions_us": message.mentions_us,
        "delivery": of_delivery(&message.delivery),
        "encryption": of_mark(message.encryption),
    })
}

fn of_attachment(attachment: &AttachmentRow) -> Value {
    json!({
        "kind": match attachment.kind {
            AttachmentKind::Image => "image",
            AttachmentKind::Video => "video",
            AttachmentKind::Audio => "audio",
            AttachmentKind::File => "file",
        },
        "name": attachment.name,
        "size": attachment.size,
        "mime": attachment.mime,
        "width": attachment.dimensions.map(|(width, _)| width),
        "height": attachment.dimensions.map(|(_, height)| height),
    })
}

fn of_undecryptable(reason: UndecryptableReason) -> &'static str {
    match reason {
        UndecryptableReason::Waiting => "waiting",
        UndecryptableReason::BeforeSignIn => "before_sign_in",
        UndecryptableReason::BeforeJoin => "before_join",
        UndecryptableReason::Withheld => "withheld",
        UndecryptableReason::Unknown => "unknown",
    }
}

fn of_delivery(delivery: &DeliveryState) -> &'static str {
    match delivery {
        DeliveryState::NotOurs => "received",
        DeliveryState::Sending => "sending",
        DeliveryState::Failed { .. } => "failed",
        DeliveryState::Sent => "sent",
        DeliveryState::Seen => "seen",
    }
}

fn of_mark(mark: EncryptionMark) -> &'static str {
    match mark {
        EncryptionMark::None => "none",
        EncryptionMark::SentInClear => "sent_in_clear",
        EncryptionMark::UnverifiedDevice => "unverified_device",
        EncryptionMark::IdentityChanged => "identity_changed",
        EncryptionMark::Unauthenticated => "unauthenticated",
        EncryptionMark::Mismatched => "mismatched",
    }
}

fn of_member(change: &MembershipChange) -> Value {
    use MembershipChange as Change;
    match change {
        Change::Joined { name } => json!({ "change": "joined", "name": name }),
        Change::Left { name } => json!({ "change": "left", "name": name }),
        Change::Invited { name, by } => json!({ "change": "invited", "name": name, "by": by }),
        Change::Declined { name } => json!({ "change": "declined", "name": name }),
        Change::Revoked { name, by } => json!({ "change": "revoked", "name": name, "by": by }),
        Change::Kicked { name, by, reason } => {
            json!({ "change": "kicked", "name": name, "by": by, "reason": reason })
        }
        Change::Banned { name, by, reason } => {
            json!({ "change": "banned", "name": name, "by": by, "reason": reason })
        }
        Change::Unbanned { name, by } => json!({ "change": "unbanned", "name": name, "by": by }),
        Change::Knocked { name } => json!({ "change": "knocked", "name": name }),
        Change::Renamed { from, to } => json!({ "change": "renamed", "name": from, "to": to }),
        Change::NewAvatar { name } => json!({ "change": "new_avatar", "name": name }),
    }
}

fn of_change(change: &RoomChange) -> Value {
    match change {
        RoomChange::Created => json!("created"),
        RoomChange::Encrypted => json!("encrypted"),
        RoomChange::Name(name) => json!({ "name": name }),
        RoomChange::Topic(topic) => json!({ "topic": topic }),
        RoomChange::Avatar => json!("avatar"),
        RoomChange::Alias(alias) => json!({ "alias": alias }),
        RoomChange::JoinRule => json!("join_rule"),
        RoomChange::HistoryVisibility => json!("history_visibility"),
        RoomChange::PowerLevels => json!("power_levels"),
        RoomChange::Pinned => json!("pinned"),
        RoomChange::Upgraded => json!("upgraded"),
        RoomChange::Call => json!("call"),
        RoomChange::Other(event_type) => json!({ "other": event_type }),
    }
}
