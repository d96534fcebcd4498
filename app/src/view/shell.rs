//! The frame around every screen: which phase the program is in, the connection, banners.

mod facts;
pub(crate) mod model;

pub use model::ShellViewModel;

use super::Pending;
use crate::{ids::OwnedUserId, notice::Notice};

/// What the frame shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ShellState {
    /// Which part of the program is in front.
    pub phase: Phase,
    /// Whether the homeserver answers.
    pub connection: Connection,
    /// Lasting banners, most urgent first.
    pub banners: Vec<Banner>,
    /// Messages unread in all rooms, for the window title and badge.
    pub unread: u64,
}

/// The part of the program in front.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The store is being opened (short; skeletons are shown).
    Starting,
    /// Nobody is signed in.
    SignedOut,
    /// A session exists, but its secrets cannot be had yet; it is kept.
    Locked {
        /// Whose session.
        user_id: Option<OwnedUserId>,
        /// Where the secrets are.
        source: SecretSource,
        /// The attempt under way or its failure.
        pending: Pending,
    },
    /// The server ended the session and kept its keys: the password is asked for again.
    SignInAgain {
        /// Whose session.
        user_id: OwnedUserId,
        /// The attempt under way or its failure.
        pending: Pending,
    },
    /// The store could not be opened; says why and what can be done.
    StoreTrouble(Notice),
    /// Signed in.
    Ready {
        /// Our own id.
        user_id: OwnedUserId,
    },
}

/// Where the secrets of a kept session are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The system keyring.
    Keyring,
    /// A file protected by a passphrase.
    PassphraseFile,
}

/// Whether the homeserver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// First contact.
    Connecting,
    /// Synced and listening.
    Online,
    /// No answer; retried by itself.
    Offline,
}

/// A lasting banner over the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Banner {
    /// This device is not verified yet, so others warn about it and old messages stay locked.
    VerifyThisDevice,
    /// No recovery key was made yet.
    SetUpRecovery,
    /// Recovery exists; this device lacks its keys.
    EnterRecoveryKey,
    /// A notice that lasts.
    Notice(Notice),
}

/// What a person can do in the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ShellAction {
    /// Ask the keyring again.
    RetryKeyring,
    /// Open the protected file.
    Unlock {
        /// The passphrase.
        passphrase: String,
    },
    /// Sign in again after a soft log-out.
    SignInAgain {
        /// The password.
        password: String,
    },
    /// Give the session up and remove its data from this device.
    Forget,
    /// Put a banner away for this run.
    Dismiss(Banner),
    /// The window came to the front or left it.
    WindowActive(bool),
    /// End the program.
    Quit,
}

/// One-shot effects of the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ShellEffect {
    /// Show a toast.
    Toast(Notice),
    /// Bring the window up and open this room (from a notification or a second start).
    OpenRoom(crate::ids::OwnedRoomId),
    /// Bring the window up.
    Raise,
    /// Another device asks to be verified.
    VerificationRequested {
        /// The flow to open.
        flow_id: String,
    },
    /// The program ends.
    Quit,
}
