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

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ruma::{OwnedEventId, OwnedUserId};

pub(crate) use self::{
    attachment::{file_of, sticker_source},
    encryption_mark::session_id,
    list::{Applied, RowList},
    message::{preview, text_of},
    minimize::minimize,
    names::{Names, Person},
    row::shows,
    rows::Rows,
};
use crate::{media::MediaKeys, notice::Notice};

/// What rows need beside their items.
pub(crate) struct MapContext {
    /// Our own id.
    pub own_id: OwnedUserId,
    /// Who made the room, as far as that is known.
    pub creators: Vec<OwnedUserId>,
    /// When the room was made, milliseconds since 1970; 0 until its first event is mapped.
    pub created: AtomicU64,
    /// What we may do.
    pub can: Can,
    /// Names and pictures the items do not carry.
    pub names: Names,
    /// Where pictures are asked for.
    pub media: Arc<MediaKeys>,
    /// What rows lack.
    pub wanted: Wanted,
    /// Files on their way down.
    pub transfers: HashMap<OwnedEventId, Transfer>,
}

/// A file on its way down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transfer {
    /// Being fetched.
    Busy,
    /// It could not be had.
    Failed(Notice),
}

/// What rows lack, noted while they are mapped.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Messages whose answered event is not known.
    replies: Mutex<HashSet<OwnedEventId>>,
    /// A message could not be decrypted.
    undecryptable: AtomicBool,
}

impl Wanted {
    fn reply(&self, event_id: &OwnedEventId) {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.insert(event_id.clone());
    }

    fn key(&self) {
        self.undecryptable.store(true, Ordering::Relaxed);
    }

    /// Messages whose answered event was found missing since the last call.
    pub fn take_replies(&mut self) -> HashSet<OwnedEventId> {
        std::mem::take(
            self.replies
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Whether messages were found undecryptable since the last call.
    pub fn take_undecryptable(&mut self) -> bool {
        std::mem::take(self.undecryptable.get_mut())
    }
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
