//! One adapter a screen: sets properties from snapshots, applies diffs to list models, turns callbacks into actions.
//!
//! Everything here runs on the window's thread and only ever awaits channels.

pub mod calls;
pub mod new_conversation;
pub mod onboarding;
pub mod recovery;
pub mod room;
pub mod room_details;
pub mod room_list;
mod screen;
pub mod settings;
mod shared;
pub mod shell;
pub mod verification;

pub use screen::{Port, Screen, Tasks};
pub use shared::{avatar_data, notice_data, pending_data};
