//! The commands.

use std::{path::PathBuf, time::Duration};

use super::Secret;
use crate::calls::CallOptions;

/// A command. Rooms are named as people name them: id, alias, link, a person's id for a direct room, or a unique name.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Bring the window up (a second start).
    Raise,
    /// Give the profile up to the program, which starts in the background, unless the program has it already.
    MakeWay,
    /// End the program.
    Quit,
    /// How the program stands: session, connection, notices.
    Status,
    /// Sign in.
    Login {
        /// Server name or address; not needed if `user` is a whole id.
        server: Option<String>,
        /// User name or whole id.
        user: String,
        /// Password.
        password: Secret,
    },
    /// Create an account and sign in.
    Register {
        /// Server name or address.
        server: String,
        /// User name.
        user: String,
        /// Password.
        password: Secret,
        /// Registration token.
        token: Option<Secret>,
    },
    /// Sign out and remove the session's data.
    Logout {
        /// Without the server's consent.
        forget: bool,
    },
    /// Who is signed in.
    Whoami,
    /// The rooms.
    Rooms,
    /// Join a room or accept an invite.
    Join {
        /// Where.
        address: String,
    },
    /// Make a room.
    Create {
        /// Its name.
        name: String,
        /// Its topic.
        topic: String,
        /// Without encryption, for good reason.
        unencrypted: bool,
        /// Open to anybody.
        public: bool,
        /// Local part of its address.
        alias: Option<String>,
        /// Whom to invite.
        invite: Vec<String>,
        /// A direct room with the one invited.
        direct: bool,
    },
    /// Invite somebody.
    Invite {
        /// Where.
        room: String,
        /// Whom.
        user: String,
    },
    /// Accept an invite.
    Accept {
        /// Where.
        room: String,
    },
    /// Decline an invite.
    Decline {
        /// Where.
        room: String,
        /// Ignore whoever sent it.
        ignore: bool,
    },
    /// Leave a room.
    Leave {
        /// Which.
        room: String,
    },
    /// Send a message or a file.
    Send {
        /// Where.
        room: String,
        /// Markdown text; with a file, its caption.
        text: Option<String>,
        /// A file; an absolute path.
        file: Option<PathBuf>,
        /// The event answered.
        reply_to: Option<String>,
        /// Wait until the server has it.
        wait: bool,
    },
    /// Add or take back a reaction.
    React {
        /// Where.
        room: String,
        /// To which event.
        event: String,
        /// Emoji or text.
        key: String,
    },
    /// Change a message of ours.
    Edit {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// The new text.
        text: String,
    },
    /// Remove a message.
    Redact {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// Why.
        reason: Option<String>,
    },
    /// The newest rows of a room, oldest first.
    Timeline {
        /// Which.
        room: String,
        /// Rows at most.
        limit: usize,
    },
    /// Save the file of a message.
    Save {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// An absolute path.
        path: PathBuf,
    },
    /// A line an event, until stopped.
    Watch {
        /// Only this room.
        room: Option<String>,
    },
    /// Compare emoji with somebody.
    Verify {
        /// With whom.
        target: VerifyTarget,
    },
    /// The recovery key.
    Recovery {
        /// What to do.
        action: RecoveryCommand,
    },
    /// Call somebody, and tell how it goes until it is over.
    Call {
        /// Whom: a room of two, or a person.
        whom: String,
        /// How it is captured, played and connected.
        options: CallOptions,
        /// Hang up so long after media flow.
        limit: Option<Duration>,
    },
    /// Answer calls as they come in, and tell how they go.
    Answer {
        /// End after the first.
        once: bool,
        /// Reject them instead.
        reject: bool,
        /// How they are captured, played and connected.
        options: CallOptions,
        /// Hang up so long after media flow.
        limit: Option<Duration>,
    },
    /// The calls that are over, the newest first.
    Calls {
        /// Calls at most.
        limit: u32,
    },
    /// Ignore somebody, or no longer; without a person, list those ignored.
    Ignore {
        /// Whom.
        user: Option<String>,
        /// No longer.
        off: bool,
    },
    /// Start the homeserver on this device.
    OwnServer {
        /// Let other devices reach it, or no longer; as it is without.
        #[serde(default)]
        share: Option<bool>,
    },
}

impl Command {
    /// Whether it needs the rooms as the server knows them now.
    pub(super) fn needs_sync(&self) -> bool {
        !matches!(
            self,
            Self::Raise
                | Self::MakeWay
                | Self::Quit
                | Self::Status
                | Self::Login { .. }
                | Self::Register { .. }
                | Self::Logout { .. }
                | Self::Whoami
                | Self::Calls { .. }
                | Self::OwnServer { .. }
        )
    }

    /// Whether it goes on until it is stopped, so that it may begin anew in another process.
    pub fn is_endless(&self) -> bool {
        matches!(self, Self::Watch { .. } | Self::Answer { once: false, .. })
    }
}

/// With whom emoji are compared.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyTarget {
    /// Our own other devices.
    OwnDevices,
    /// A person.
    User(String),
    /// Whoever asks next.
    Wait,
}

/// What to do about recovery.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryCommand {
    /// How it stands.
    Status,
    /// Make a recovery key and switch backup on.
    SetUp,
    /// Make a new key in place of the old one.
    Replace,
    /// Enter the key.
    Enter {
        /// The key or passphrase.
        key: Secret,
    },
}
