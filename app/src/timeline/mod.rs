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
    /// When the room was made.
    pub created: Created,
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

/// When a room was made, milliseconds since 1970; known once its first event is mapped.
#[derive(Debug)]
pub(crate) struct Created(AtomicU64);

impl Default for Created {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Created {
    fn learn(&self, at: u64) {
        self.0.store(at, Ordering::Relaxed);
    }

    /// Whether something came so soon after.
    fn is_just_before(&self, at: u64, limit: u64) -> bool {
        at.checked_sub(self.0.load(Ordering::Relaxed))
            .is_some_and(|age| age <= limit)
    }
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
