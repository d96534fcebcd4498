//! One room: header, timeline, composer.

mod composer;
mod model;
mod rich_text;
mod row;

pub use composer::{Completion, ComposerMode, ComposerState, UploadRow};
pub use model::RoomViewModel;
pub use rich_text::{Block, Inline, Span, TableCell};
pub use row::{
    AttachmentRow, DeliveryState, EncryptionMark, LOCKED_RUN, MembershipChange, MessageRow,
    ReactionChip, ReplyQuote, RoomChange, Row, RowKind, UndecryptableReason,
};

use super::{Avatar, Pending};
use crate::{
    ids::{OwnedEventId, OwnedRoomId, OwnedUserId},
    notice::Notice,
};

/// What is around the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    /// Which room.
    pub room_id: OwnedRoomId,
    /// Its name.
    pub name: String,
    /// Its topic, plain.
    pub topic: String,
    /// Its picture.
    pub avatar: Avatar,
    /// With one other person.
    pub is_direct: bool,
    /// Encrypted.
    pub is_encrypted: bool,
    /// Joined members.
    pub member_count: u64,
    /// Our membership; a room may be looked at while invited or after leaving.
    pub membership: RoomMembership,
    /// We may send messages.
    pub can_send: bool,
    /// The other one can be called: two are in the room, it is not open to everybody, and we may write in it.
    pub can_call: bool,
    /// The other side of a direct room changed their identity: say so before sending.
    pub identity_changed: Option<String>,
    /// Older rows are being fetched.
    pub paginating: Pending,
    /// The first event of the room is in the list.
    pub at_start: bool,
    /// Who is typing, by name, without ourselves.
    pub typing: Vec<String>,
    /// Rows not read, below what is shown.
    pub unread_below: u64,
    /// The composer.
    pub composer: ComposerState,
}

/// Our membership in the room looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomMembership {
    /// Joined.
    Joined,
    /// Invited, by this name.
    Invited {
        /// Who invited.
        inviter: Option<OwnedUserId>,
        /// Their name.
        inviter_name: Option<String>,
    },
    /// Left, removed or banned.
    Left,
}

/// What a person does in a room. `row` is [`Row::id`].
#[derive(Clone, Debug, PartialEq)]
pub enum RoomAction {
    /// Fetch older rows.
    PaginateBack,
    /// The text of the composer changed (draft, typing notice, completion). `cursor` is a byte offset.
    TextChanged {
        /// The whole text.
        text: String,
        /// Byte offset of the cursor.
        cursor: usize,
    },
    /// Send what is in the composer (a message, a reply or an edit).
    Send,
    /// Send the composer's text as a file, because it is too long for a message.
    SendTextAsFile,
    /// Attach files.
    Attach {
        /// Which files.
        paths: Vec<std::path::PathBuf>,
    },
    /// Attach a picture from the clipboard.
    AttachBytes {
        /// File name.
        name: String,
        /// MIME type.
        mime: String,
        /// The file.
        bytes: Vec<u8>,
    },
    /// Leave an attachment out again before it is sent.
    Detach {
        /// Which, by [`UploadRow::id`].
        upload: u64,
    },
    /// Take a completion.
    Complete {
        /// Which of those offered.
        index: usize,
    },
    /// Answer this row.
    Reply {
        /// Which row.
        row: String,
    },
    /// Change this row of ours.
    Edit {
        /// Which row.
        row: String,
    },
    /// Change the last row of ours (arrow up in an empty composer).
    EditLast,
    /// End replying or editing.
    CancelMode,
    /// Add or take back a reaction.
    React {
        /// Which row.
        row: String,
        /// The emoji or text.
        key: String,
    },
    /// Remove a row.
    Redact {
        /// Which row.
        row: String,
    },
    /// Try again to send a failed row.
    Retry {
        /// Which row.
        row: String,
    },
    /// Drop a row that was not sent.
    CancelSend {
        /// Which row.
        row: String,
    },
    /// Rows down to this one were seen (read receipt).
    Seen {
        /// Which row.
        row: String,
    },
    /// Fetch the picture or file of a row; `open` shows it when it is there.
    Download {
        /// Which row.
        row: String,
        /// Show it when it is there.
        open: bool,
    },
    /// Save the file of a row.
    SaveAs {
        /// Which row.
        row: String,
        /// Where to.
        path: std::path::PathBuf,
    },
    /// Ignore a person.
    Ignore {
        /// Whom.
        user_id: OwnedUserId,
    },
    /// Copy a link to a row, which other programs understand.
    CopyLink {
        /// Which row.
        row: String,
    },
    /// Show the row that was answered.
    ShowReplied {
        /// Which row.
        row: String,
    },
    /// Go to the newest row and mark read.
    JumpToEnd,
    /// Ask again for the keys of rows that cannot be read.
    RetryDecryption,
    /// Accept the other side's new identity.
    AcceptIdentity,
    /// Accept an invite to this room.
    Accept,
    /// Decline it.
    Decline {
        /// Ignore the inviter from now on too.
        ignore_inviter: bool,
    },
}

/// One-shot effects.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomEffect {
    /// Put this text into the composer (edit begun, draft restored, message could not be sent).
    SetText {
        /// The text.
        text: String,
        /// Byte offset.
        cursor: usize,
    },
    /// Scroll to a row.
    ScrollTo {
        /// Row id.
        row: String,
    },
    /// Scroll to the newest row.
    ScrollToEnd,
    /// Ask whether to send a long text as a file.
    OfferFile {
        /// Length of the text in bytes.
        bytes: usize,
        /// The most a message may hold, in bytes.
        limit: usize,
    },
    /// Open a downloaded file.
    OpenFile {
        /// Where it is.
        path: std::path::PathBuf,
        /// Its type.
        mime: String,
    },
    /// Copy text to the clipboard.
    Copy(String),
    /// Go elsewhere.
    Open(OwnedRoomId),
    /// Highlight an event (after `ShowReplied`).
    Focus(OwnedEventId),
    /// We are no longer in the room.
    Left,
    /// Tell something.
    Toast(Notice),
}
