//! The list of rooms.

pub(crate) mod model;

pub use model::RoomListViewModel;

use super::Avatar;
use crate::ids::{OwnedRoomId, OwnedUserId};

/// What is around the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomListState {
    /// The filter in force.
    pub filter: Filter,
    /// Text looked for in names.
    pub search: String,
    /// Rows are not known yet (skeletons are shown).
    pub loading: bool,
    /// Rows in all, whatever the filter.
    pub total: usize,
    /// Invites waiting.
    pub invites: usize,
    /// Of these, those the filter in force leaves out.
    pub folded_invites: usize,
}

/// Which rooms are shown. "All" is never hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Everything joined and invited.
    #[default]
    All,
    /// With unread messages or a mark.
    Unread,
    /// Direct rooms.
    People,
    /// All others.
    Rooms,
    /// Tagged as favourite.
    Favourites,
    /// Invites.
    Invites,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomRow {
    /// Which room.
    pub room_id: OwnedRoomId,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub avatar: Avatar,
    /// Joined, invited, knocked.
    pub membership: RowMembership,
    /// With one other person.
    pub is_direct: bool,
    /// Encrypted.
    pub is_encrypted: bool,
    /// Tagged as favourite.
    pub is_favourite: bool,
    /// Last thing that happened.
    pub preview: Preview,
    /// When (milliseconds since 1970), if anything did.
    pub timestamp: Option<u64>,
    /// Unread messages.
    pub unread: u64,
    /// Of these, those that mention us.
    pub mentions: u64,
    /// Marked unread by hand.
    pub marked_unread: bool,
    /// Notifications off.
    pub muted: bool,
    /// Text not sent yet.
    pub draft: Option<String>,
}

/// Our membership as a row shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum RowMembership {
    /// Joined.
    Joined,
    /// Invited.
    Invited {
        /// By whom.
        inviter: Option<OwnedUserId>,
        /// Their name.
        inviter_name: Option<String>,
    },
    /// We asked to join.
    Knocked,
}

/// The last thing that happened in a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Preview {
    /// Nothing yet.
    #[default]
    None,
    /// Text of a message, plain, one line.
    Text {
        /// Who said it (`None` in a direct room, or ourselves with `own`).
        sender: Option<String>,
        /// We said it.
        own: bool,
        /// The text.
        text: String,
    },
    /// A picture, file, sound or video.
    Attachment {
        /// Who sent it.
        sender: Option<String>,
        /// We sent it.
        own: bool,
        /// What.
        kind: AttachmentKind,
        /// File name or caption.
        name: String,
        /// The name is a caption.
        captioned: bool,
    },
    /// Cannot be read yet.
    Encrypted,
    /// Was removed.
    Redacted,
    /// Somebody is typing.
    Typing {
        /// Who.
        names: Vec<String>,
    },
    /// A call.
    Call {
        /// Who called (`None` in a direct room, or ourselves with `own`).
        sender: Option<String>,
        /// We called.
        own: bool,
    },
    /// A change of the room or its members; the row says only that something changed.
    Change {
        /// Who did it.
        sender: String,
    },
}

/// Kinds of attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A sound.
    Audio,
    /// Any other file.
    File,
}

/// What a person does in the list.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomListAction {
    /// Choose a filter.
    SetFilter(Filter),
    /// Look for rooms by name.
    Search(String),
    /// The rows now visible (first, last), so that these rooms are kept fresh.
    Visible {
        /// Index of the first.
        first: usize,
        /// Index of the last.
        last: usize,
    },
    /// Accept an invite.
    Accept(OwnedRoomId),
    /// Decline an invite.
    Decline {
        /// Which room.
        room_id: OwnedRoomId,
        /// Ignore the inviter from now on too.
        ignore_inviter: bool,
    },
    /// Decline every invite there is.
    DeclineAll,
    /// Leave a room.
    Leave(OwnedRoomId),
    /// Mark read or unread.
    MarkUnread {
        /// Which room.
        room_id: OwnedRoomId,
        /// Unread.
        unread: bool,
    },
    /// Favourite or not.
    Favourite {
        /// Which room.
        room_id: OwnedRoomId,
        /// On or off.
        on: bool,
    },
    /// Notifications on or off.
    Mute {
        /// Which room.
        room_id: OwnedRoomId,
        /// On or off.
        on: bool,
    },
}

/// One-shot effects.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomListEffect {
    /// Go to a room (after an accepted invite).
    Open(OwnedRoomId),
    /// Tell something.
    Toast(crate::notice::Notice),
}
