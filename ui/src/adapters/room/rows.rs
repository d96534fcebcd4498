//! A row of the timeline as Slint draws it.

use hardline_app::view::room::{
    AttachmentRow, DeliveryState, EncryptionMark, MembershipChange, MessageRow, RoomChange, Row,
    RowKind, UndecryptableReason,
};
use hardline_views as views;
use slint::{Image, ModelRc, SharedString, VecModel};

use super::blocks::{blocks, is_right_to_left};
use crate::{
    adapters::{avatar_data, notice_data, room_list::attachment_kind, shared::clamp},
    format::{Day, clock, day, day_name, duration, file_size, long_time},
    images::{Images, Pixels, image_of},
    models::Keyed,
};

impl Keyed for Row {
    fn key(&self) -> &str {
        &self.id
    }
}

/// Whether a picture of this key is drawn in the row.
pub fn shows_picture(row: &Row, key: &str) -> bool {
    let RowKind::Message(message) = &row.kind else {
        return false;
    };
    let is_key = |avatar: &hardline_app::view::Avatar| {
        avatar.mxc.as_ref().is_some_and(|mxc| mxc.as_str() == key)
    };
    message
        .attachment
        .as_ref()
        .and_then(|file| file.image_key.as_deref())
        == Some(key)
        || is_key(&message.avatar)
        || message.read_by.iter().any(|(_, _, avatar)| is_key(avatar))
}

/// The Slint struct of a row.
pub fn row_data(row: &Row, revealed: bool, images: &Images) -> views::RowData {
    let plain = |kind| views::RowData {
        id: row.id.as_str().into(),
        kind,
        ..Default::default()
    };
    match &row.kind {
        RowKind::Message(message) => {
            message_data(message, revealed, images, plain(views::RowKind::Message))
        }
        RowKind::DayDivider(millis) => views::RowData {
            day: match day(*millis) {
                Day::Today => views::DayKind::Today,
                Day::Yesterday => views::DayKind::Yesterday,
                Day::Weekday(_) | Day::Date { .. } => views::DayKind::Other,
            },
            text: day_name(*millis).into(),
            ..plain(views::RowKind::Day)
        },
        RowKind::ReadMarker => plain(views::RowKind::ReadMarker),
        RowKind::Start => plain(views::RowKind::Start),
        RowKind::Members(changes) => {
            let members: VecModel<_> = changes.iter().map(member_change).collect();
            views::RowData {
                members: ModelRc::new(members),
                ..plain(views::RowKind::Members)
            }
        }
        RowKind::Locked { reason, messages } => views::RowData {
            undecryptable: undecryptable(Some(*reason)),
            count: clamp(messages.len()),
            ..plain(views::RowKind::Locked)
        },
        RowKind::Change { sender, change } => {
            let (change, text) = room_change(change);
            views::RowData {
                sender_name: sender.as_str().into(),
                change,
                text,
                ..plain(views::RowKind::Change)
            }
        }
        RowKind::Unknown { event_type } => views::RowData {
            text: event_type.as_str().into(),
            ..plain(views::RowKind::Unknown)
        },
    }
}

fn message_data(
    message: &MessageRow,
    revealed: bool,
    images: &Images,
    base: views::RowData,
) -> views::RowData {
    let (delivery, failure, recoverable) = delivery_data(&message.delivery);
    let readers: VecModel<_> = message
        .read_by
        .iter()
        .map(|(user_id, name, avatar)| views::ReaderData {
            user_id: user_id.as_str().into(),
            name: name.as_str().into(),
            avatar: avatar_data(avatar, images),
        })
        .collect();
    views::RowData {
        sender_id: message.sender.as_str().into(),
        sender_name: message.sender_name.as_str().into(),
        avatar: avatar_data(&message.avatar, images),
        own: message.own,
        on_server: message.event_id.is_some(),
        group_start: message.group_start,
        group_end: message.group_end,
        time: clock(message.timestamp).into(),
        long_time: long_time(message.timestamp).into(),
        body: blocks(&message.body, &base.id, revealed),
        plain: message.plain.as_str().into(),
        emote: message.emote,
        notice: message.notice,
        big_emoji: message.big_emoji,
        rtl: is_right_to_left(&message.plain),
        has_attachment: message.attachment.is_some(),
        attachment: message
            .attachment
            .as_ref()
            .map(|file| attachment(file, images))
            .unwrap_or_default(),
        undecryptable: undecryptable(message.undecryptable),
        redacted: message.redacted,
        edited: message.edited,
        has_reply: message.reply.is_some(),
        reply: reply(message),
        reactions: reactions(message),
        mentions_us: message.mentions_us,
        delivery,
        failure,
        recoverable,
        read_by: ModelRc::new(readers),
        encryption: encryption(message.encryption),
        can_edit: message.can_edit,
        can_redact: message.can_redact,
        can_reply: message.can_reply,
        revealed,
        ..base
    }
}

fn delivery_data(delivery: &DeliveryState) -> (views::DeliveryState, views::NoticeData, bool) {
    let plain = |state| (state, views::NoticeData::default(), false);
    match delivery {
        DeliveryState::NotOurs => plain(views::DeliveryState::NotOurs),
        DeliveryState::Sending => plain(views::DeliveryState::Sending),
        DeliveryState::Failed {
            notice,
            recoverable,
        } => (
            views::DeliveryState::Failed,
            notice_data(notice),
            *recoverable,
        ),
        DeliveryState::Sent => plain(views::DeliveryState::Sent),
        DeliveryState::Seen => plain(views::DeliveryState::Seen),
    }
}

fn reply(message: &MessageRow) -> views::ReplyData {
    message
        .reply
        .as_ref()
        .map_or_else(views::ReplyData::default, |reply| views::ReplyData {
            sender_name: reply.sender_name.as_str().into(),
            preview: reply.preview.as_str().into(),
            ..Default::default()
        })
}

fn reactions(message: &MessageRow) -> ModelRc<views::ReactionData> {
    let chips: VecModel<_> = message
        .reactions
        .iter()
        .map(|chip| views::ReactionData {
            key: chip.key.as_str().into(),
            count: clamp(chip.count),
            own: chip.own,
            senders: chip.senders.join(", ").into(),
        })
        .collect();
    ModelRc::new(chips)
}

fn attachment(file: &AttachmentRow, images: &Images) -> views::AttachmentData {
    let picture = file
        .image_key
        .as_deref()
        .and_then(|key| images.picture(key));
    let blur = file
        .blurhash
        .as_deref()
        .filter(|_| picture.is_none())
        .and_then(blurred);
    let (width, height) = file.dimensions.unwrap_or_default();
    views::AttachmentData {
        kind: attachment_kind(file.kind),
        name: file.name.as_str().into(),
        size: file
            .size
            .map(|bytes| file_size(bytes).to_string())
            .unwrap_or_default()
            .into(),
        width: clamp(width),
        height: clamp(height),
        duration: file.duration.map(duration).unwrap_or_default().into(),
        has_image: picture.is_some(),
        image: picture.unwrap_or_default(),
        has_blur: blur.is_some(),
        blur: blur.unwrap_or_default(),
        progress: file.progress.map_or(-1, i32::from),
        failed: file.failed.as_ref().map(notice_data).unwrap_or_default(),
    }
}

/// A blurhash as a tiny picture, drawn large; nothing if it is malformed.
fn blurred(hash: &str) -> Option<Image> {
    const SIDE: u32 = 24;
    let rgba = blurhash::decode(hash, SIDE, SIDE, 1.0).ok()?;
    image_of(&Pixels {
        rgba: rgba.into(),
        width: SIDE,
        height: SIDE,
    })
    .map(|(image, _)| image)
}

fn undecryptable(reason: Option<UndecryptableReason>) -> views::UndecryptableReason {
    match reason {
        None => views::UndecryptableReason::None,
        Some(UndecryptableReason::Waiting) => views::UndecryptableReason::Waiting,
        Some(UndecryptableReason::BeforeSignIn) => views::UndecryptableReason::BeforeSignIn,
        Some(UndecryptableReason::BeforeJoin) => views::UndecryptableReason::BeforeJoin,
        Some(UndecryptableReason::Withheld) => views::UndecryptableReason::Withheld,
        Some(UndecryptableReason::Unknown) => views::UndecryptableReason::Unknown,
    }
}

fn encryption(mark: EncryptionMark) -> views::EncryptionMark {
    match mark {
        EncryptionMark::None => views::EncryptionMark::None,
        EncryptionMark::SentInClear => views::EncryptionMark::SentInClear,
        EncryptionMark::UnverifiedDevice => views::EncryptionMark::UnverifiedDevice,
        EncryptionMark::IdentityChanged => views::EncryptionMark::IdentityChanged,
        EncryptionMark::Unauthenticated => views::EncryptionMark::Unauthenticated,
        EncryptionMark::Mismatched => views::EncryptionMark::Mismatched,
    }
}

fn member_change(change: &MembershipChange) -> views::MemberChangeData {
    use views::MemberChangeKind as Kind;
    let data = |kind, name: &str, by: &str, reason: Option<&str>| views::MemberChangeData {
        kind,
        name: name.into(),
        by: by.into(),
        reason: reason.unwrap_or_default().into(),
    };
    match change {
        MembershipChange::Joined { name } => data(Kind::Joined, name, "", None),
        MembershipChange::Left { name } => data(Kind::Left, name, "", None),
        MembershipChange::Invited { name, by } => data(Kind::Invited, name, by, None),
        MembershipChange::Declined { name } => data(Kind::Declined, name, "", None),
        MembershipChange::Revoked { name, by } => data(Kind::Revoked, name, by, None),
        MembershipChange::Kicked { name, by, reason } => {
            data(Kind::Kicked, name, by, reason.as_deref())
        }
        MembershipChange::Banned { name, by, reason } => {
            data(Kind::Banned, name, by, reason.as_deref())
        }
        MembershipChange::Unbanned { name, by } => data(Kind::Unbanned, name, by, None),
        MembershipChange::Knocked { name } => data(Kind::Knocked, name, "", None),
        MembershipChange::Renamed { from, to } => data(Kind::Renamed, from, to, None),
        MembershipChange::NewAvatar { name } => data(Kind::NewAvatar, name, "", None),
    }
}

fn room_change(change: &RoomChange) -> (views::RoomChangeKind, SharedString) {
    use views::RoomChangeKind as Kind;
    let none = SharedString::default();
    match change {
        RoomChange::Created => (Kind::Created, none),
        RoomChange::Encrypted => (Kind::Encrypted, none),
        RoomChange::Name(name) => (Kind::Name, name.as_str().into()),
        RoomChange::Topic(topic) => (Kind::Topic, topic.as_str().into()),
        RoomChange::Avatar => (Kind::Avatar, none),
        RoomChange::Alias(alias) => (Kind::Alias, alias.as_deref().unwrap_or_default().into()),
        RoomChange::JoinRule => (Kind::JoinRule, none),
        RoomChange::HistoryVisibility => (Kind::HistoryVisibility, none),
        RoomChange::PowerLevels => (Kind::PowerLevels, none),
        RoomChange::Pinned => (Kind::Pinned, none),
        RoomChange::Upgraded => (Kind::Upgraded, none),
        RoomChange::Call => (Kind::Call, none),
        RoomChange::Other(event_type) => (Kind::Other, event_type.as_str().into()),
    }
}
