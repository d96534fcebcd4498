//! Starting something: a person, a room, an address.

pub(crate) mod model;

pub use model::NewConversationViewModel;

use super::{Avatar, Pending};
use crate::ids::{OwnedRoomId, OwnedUserId};

/// What the screen shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewConversationState {
    /// People found by the search text.
    pub people: Vec<PersonRow>,
    /// Searching.
    pub searching: Pending,
    /// Creating or joining.
    pub submit: Pending,
    /// People chosen.
    pub chosen: Vec<PersonRow>,
}

/// A person found.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRow {
    /// Who.
    pub user_id: OwnedUserId,
    /// Their name.
    pub name: String,
    /// Their picture.
    pub avatar: Avatar,
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum NewConversationAction {
    /// Look for people by name or id.
    Search(String),
    /// Choose or unchoose.
    Toggle(OwnedUserId),
    /// Open (or create) the direct room with the one chosen.
    StartDirect(OwnedUserId),
    /// Create a room with those chosen.
    CreateRoom {
        /// Its name.
        name: String,
        /// What it is about.
        topic: String,
        /// Encrypted from the start.
        encrypted: bool,
        /// Open to anybody.
        public: bool,
        /// The local part of its address.
        alias: Option<String>,
    },
    /// Join by alias, id, `matrix:` or matrix.to link.
    Join {
        /// Where.
        address: String,
    },
    /// Clear for a fresh start.
    Reset,
}

/// One-shot effects.
#[derive(Clone, Debug, PartialEq)]
pub enum NewConversationEffect {
    /// Go to the room.
    Open(OwnedRoomId),
}
