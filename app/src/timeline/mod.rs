//! A room's timeline: the SDK's items become the rows of [`crate::view::room`], change by change.

mod attachment;
mod change;
mod delivery;
mod encryption_mark;
mod list;
mod membership;
mod message;
mod minimize;
pub(crate) mod names;
mod row;
mod rows;

use std::sync::Arc;

use ruma::OwnedUserId;

pub(crate) use self::{
    list::RowList,
    message::{preview, text_of},
    names::{Names, Person},
};
use crate::media::MediaKeys;

/// What rows need beside their items.
pub(crate) struct MapContext {
    /// Our own id.
    pub own_id: OwnedUserId,
    /// What we may do.
    pub can: Can,
    /// Names and pictures the items do not carry.
    pub names: Names,
    /// Where pictures are asked for.
    pub media: Arc<MediaKeys>,
}

/// What we may do in the room, as rows show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Can {
    /// Send messages.
    pub send: bool,
    /// Remove our own messages.
    pub redact_own: bool,
    /// Remove others' messages.
    pub redact_others: bool,
}
