//! One view model a screen: plain state down, typed actions up. Types here are what a screen shows;
//! they are `Clone + PartialEq` and hold no text that would need translating.
//!
//! Each view model offers `state()` (a `watch::Receiver`), `rows()` where it has a list (a snapshot and a
//! stream of diff batches), `effects()` (one-shot), and `send(Action)`, which never blocks and never fails.

mod avatar;
pub mod calls;
pub mod handle;
pub mod new_conversation;
pub mod onboarding;
pub mod recovery;
pub mod room;
pub mod room_details;
pub mod room_list;
pub mod settings;
pub mod shell;
pub mod verification;

use crate::{ids::OwnedMxcUri, notice::Notice};

/// A picture to show for a person or a room: the address if there is one, else initials on a colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avatar {
    /// Where the picture is; fetched through [`crate::media`].
    pub mxc: Option<OwnedMxcUri>,
    /// One or two grapheme clusters drawn when there is no picture.
    pub initials: String,
    /// Index into the theme's palette of avatar colours, stable for an id (0–7).
    pub color: u8,
}

/// An action under way or its failure, shown next to the control that began it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pending {
    /// Nothing under way.
    #[default]
    Idle,
    /// Under way.
    Busy,
    /// Waiting on the server's rate limit; retried by itself after so many seconds.
    Waiting {
        /// Seconds left.
        seconds: u32,
    },
    /// Failed.
    Failed(Notice),
}

impl Pending {
    /// Waiting on a rate limit for so many seconds, or busy again.
    pub fn waiting(left: Option<u32>) -> Self {
        left.map_or(Self::Busy, |seconds| Self::Waiting { seconds })
    }
}
