//! What a room is: name, topic, members, encryption; leaving it.

mod members;
pub(crate) mod model;

pub use model::RoomDetailsViewModel;

use super::{Avatar, Pending};
use crate::ids::{OwnedRoomId, OwnedUserId};

/// What the screen shows around the members.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomDetailsState {
    /// Which room.
    pub room_id: OwnedRoomId,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Its picture.
    pub avatar: Avatar,
    /// Its main address.
    pub alias: Option<String>,
    /// Encrypted.
    pub encrypted: bool,
    /// With one other person.
    pub direct: bool,
    /// Open to anybody.
    pub public: bool,
    /// Joined members as the server counts them.
    pub member_count: u64,
    /// Members are being fetched.
    pub members_loading: bool,
    /// What we may do.
    pub can: Permissions,
    /// Notifications here.
    pub notify: RoomNotify,
    /// What is under way.
    pub pending: Pending,
}

/// What we may do in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Send messages.
    pub send: bool,
    /// Invite people.
    pub invite: bool,
    /// Remove people.
    pub kick: bool,
    /// Ban people.
    pub ban: bool,
    /// Remove others' messages.
    pub redact_others: bool,
    /// Change the name, topic, picture.
    pub change_name: bool,
    /// Switch encryption on.
    pub encrypt: bool,
}

/// What notifies in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomNotify {
    /// As for all rooms.
    #[default]
    Default,
    /// Every message.
    All,
    /// Mentions and keywords.
    Mentions,
    /// Nothing.
    Mute,
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRow {
    /// Who.
    pub user_id: OwnedUserId,
    /// Their name, made unambiguous.
    pub name: String,
    /// Their picture.
    pub avatar: Avatar,
    /// Their role.
    pub role: Role,
    /// Invited, not yet joined.
    pub invited: bool,
    /// We verified them.
    pub verified: bool,
    /// We ignore them.
    pub ignored: bool,
}

/// A member's role, from their power level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Created the room (room version 12: above all others).
    Creator,
    /// 100 or more.
    Admin,
    /// 50 or more.
    Moderator,
    /// Everybody else.
    Member,
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomDetailsAction {
    /// Change the name.
    SetName(String),
    /// Change the topic.
    SetTopic(String),
    /// Change the picture.
    SetAvatar {
        /// The picture.
        path: std::path::PathBuf,
    },
    /// Invite somebody.
    Invite {
        /// Their id, as typed.
        user: String,
    },
    /// Remove somebody.
    Kick {
        /// Whom.
        user_id: OwnedUserId,
        /// Why; may be empty.
        reason: String,
    },
    /// Ban somebody.
    Ban {
        /// Whom.
        user_id: OwnedUserId,
        /// Why; may be empty.
        reason: String,
    },
    /// Ignore or no longer ignore somebody.
    Ignore {
        /// Whom.
        user_id: OwnedUserId,
        /// Ignore, or no longer.
        on: bool,
    },
    /// Change what notifies here.
    SetNotify(RoomNotify),
    /// Switch encryption on, for good.
    EnableEncryption,
    /// Look for members by name.
    SearchMembers(String),
    /// Leave the room.
    Leave,
}

/// One-shot effects.
#[derive(Clone, Debug, PartialEq)]
pub enum RoomDetailsEffect {
    /// We left: go back to the list.
    Left,
    /// Tell something.
    Toast(crate::notice::Notice),
}
