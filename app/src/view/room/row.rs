//! A row of the timeline as it is drawn.

use std::sync::Arc;

use super::{super::Avatar, Block};
use crate::{
    ids::{OwnedEventId, OwnedUserId},
    notice::Notice,
    view::room_list::AttachmentKind,
};

/// So many neighbouring messages that cannot be read are told in one row.
pub const LOCKED_RUN: usize = 2;

/// A row; `id` is unique in the timeline and stays when the local echo becomes a remote event.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Stable for as long as the row lives.
    pub id: String,
    /// What it is.
    pub kind: RowKind,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum RowKind {
    /// A message of any kind.
    Message(MessageRow),
    /// A new day begins: milliseconds since 1970.
    DayDivider(u64),
    /// Below are messages not read yet.
    ReadMarker,
    /// The room begins here.
    Start,
    /// Members came, went or changed, told in one line (neighbouring changes are summed up).
    Members(Vec<MembershipChange>),
    /// Neighbouring messages that cannot be read for the same reason, too many to be shown one by one.
    Locked {
        /// Why.
        reason: UndecryptableReason,
        /// The messages, at least [`LOCKED_RUN`].
        messages: Arc<Vec<Arc<MessageRow>>>,
    },
    /// Something about the room changed.
    Change {
        /// Who changed it.
        sender: String,
        /// What.
        change: RoomChange,
    },
    /// An event this program does not draw, or that is malformed; told quietly.
    Unknown {
        /// Event type.
        event_type: String,
    },
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// On the server, once it is there.
    pub event_id: Option<OwnedEventId>,
    /// Who.
    pub sender: OwnedUserId,
    /// Their name, made unambiguous.
    pub sender_name: String,
    /// Their picture.
    pub avatar: Avatar,
    /// Sent by us.
    pub own: bool,
    /// First of a group by one sender within five minutes.
    pub group_start: bool,
    /// Last of that group.
    pub group_end: bool,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// The text, or the caption of an attachment.
    pub body: Vec<Block>,
    /// The text alone, for copying and screen readers.
    pub plain: String,
    /// `m.emote` ("* Ada waves").
    pub emote: bool,
    /// `m.notice` (a bot).
    pub notice: bool,
    /// Only emoji, few: drawn large.
    pub big_emoji: bool,
    /// A picture, file, sound or video.
    pub attachment: Option<AttachmentRow>,
    /// Cannot be read; why.
    pub undecryptable: Option<UndecryptableReason>,
    /// Was removed.
    pub redacted: bool,
    /// Was changed.
    pub edited: bool,
    /// What it answers.
    pub reply: Option<ReplyQuote>,
    /// Reactions, in order of first use.
    pub reactions: Vec<ReactionChip>,
    /// Mentions us.
    pub mentions_us: bool,
    /// Where it stands on its way.
    pub delivery: DeliveryState,
    /// Names of those who read down to here, without ourselves.
    pub read_by: Vec<(OwnedUserId, String, Avatar)>,
    /// What to warn about.
    pub encryption: EncryptionMark,
    /// We may change it.
    pub can_edit: bool,
    /// We may remove it.
    pub can_redact: bool,
    /// It can be answered and reacted to.
    pub can_reply: bool,
}

/// A picture, file, sound or video.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachmentRow {
    /// Which kind.
    pub kind: AttachmentKind,
    /// File name.
    pub name: String,
    /// Bytes, if the sender said.
    pub size: Option<u64>,
    /// MIME type, if the sender said.
    pub mime: Option<String>,
    /// Pixels, if the sender said; room is kept before it loads.
    pub dimensions: Option<(u32, u32)>,
    /// Duration in milliseconds.
    pub duration: Option<u64>,
    /// Drawn until the picture is there.
    pub blurhash: Option<String>,
    /// Key under which [`crate::media`] gives the (decrypted) picture or thumbnail.
    pub image_key: Option<String>,
    /// The same for the whole file, where that is a picture: to look at it closely.
    pub full_key: Option<String>,
    /// On its way up or down, 0–100.
    pub progress: Option<u8>,
    /// Fetching failed.
    pub failed: Option<Notice>,
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndecryptableReason {
    /// The key may still come.
    Waiting,
    /// From before this device signed in; the recovery key would open it.
    BeforeSignIn,
    /// From before we were in the room.
    BeforeJoin,
    /// The sender holds the key back from this device.
    Withheld,
    /// Malformed or unknown.
    Unknown,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyQuote {
    /// The event answered.
    pub event_id: OwnedEventId,
    /// Whom; empty while it is being fetched.
    pub sender_name: String,
    /// One line of it; empty while it is being fetched.
    pub preview: String,
}

/// A reaction under a message.
#[derive(Clone, Debug, PartialEq)]
pub struct ReactionChip {
    /// The emoji or text.
    pub key: String,
    /// How many.
    pub count: u32,
    /// We are among them.
    pub own: bool,
    /// Names, for the tooltip and screen readers.
    pub senders: Vec<String>,
}

/// Where our message stands.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryState {
    /// Not ours.
    NotOurs,
    /// Waits for its turn or the network.
    Sending,
    /// Could not be sent.
    Failed {
        /// Why.
        notice: Notice,
        /// Trying again makes sense.
        recoverable: bool,
    },
    /// The server has it.
    Sent,
    /// Somebody read it.
    Seen,
}

/// What to warn about in an encrypted room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMark {
    /// Nothing to say.
    None,
    /// Sent unencrypted in an encrypted room.
    SentInClear,
    /// From a device its owner has not verified.
    UnverifiedDevice,
    /// From a person whose identity changed.
    IdentityChanged,
    /// Authenticity cannot be known (old backup).
    Unauthenticated,
    /// The sender named is not who sent it.
    Mismatched,
}

/// A change of a member.
#[derive(Clone, Debug, PartialEq)]
pub enum MembershipChange {
    /// Joined.
    Joined {
        /// Who.
        name: String,
    },
    /// Left.
    Left {
        /// Who.
        name: String,
    },
    /// Was invited.
    Invited {
        /// Who.
        name: String,
        /// By whom.
        by: String,
    },
    /// Declined the invite.
    Declined {
        /// Who.
        name: String,
    },
    /// The invite was taken back.
    Revoked {
        /// Who.
        name: String,
        /// By whom.
        by: String,
    },
    /// Was removed.
    Kicked {
        /// Who.
        name: String,
        /// By whom.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// Was banned.
    Banned {
        /// Who.
        name: String,
        /// By whom.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// May come back.
    Unbanned {
        /// Who.
        name: String,
        /// By whom.
        by: String,
    },
    /// Asked to join.
    Knocked {
        /// Who.
        name: String,
    },
    /// Changed their name.
    Renamed {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// Changed their picture.
    NewAvatar {
        /// Who.
        name: String,
    },
}

/// A change of the room.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomChange {
    /// Created.
    Created,
    /// Encryption is on.
    Encrypted,
    /// New name.
    Name(String),
    /// New topic.
    Topic(String),
    /// New picture.
    Avatar,
    /// Address changed.
    Alias(Option<String>),
    /// Who may join changed.
    JoinRule,
    /// Who may read old messages changed.
    HistoryVisibility,
    /// Powers changed.
    PowerLevels,
    /// Messages were pinned or unpinned.
    Pinned,
    /// The room was replaced.
    Upgraded,
    /// Somebody called.
    Call,
    /// Any other state, by type.
    Other(String),
}
