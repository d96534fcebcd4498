//! What the person is told when something went wrong or needs them: facts without text.
//! `.slint` turns each into a sentence and says what to do next.

use std::time::Duration;

/// A fact worth telling, from any service. Text is made by the user interface (and by the command line).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// The name or password was refused by the homeserver.
    WrongPassword,
    /// The account was deactivated or locked by the homeserver.
    AccountDisabled,
    /// No such host, or nothing listens there.
    ServerUnreachable {
        /// Which server.
        server: String,
    },
    /// Something answers there, but it does not speak Matrix.
    NotMatrix {
        /// Which server.
        server: String,
    },
    /// The server's certificate is not trusted, expired, or for another name.
    BadCertificate {
        /// Which server.
        server: String,
    },
    /// The server offers no way of signing in that this program knows.
    NoKnownLogin {
        /// Which server.
        server: String,
    },
    /// The text is not a user name, address or server name.
    NotAnAddress {
        /// What was typed.
        text: String,
    },
    /// That user name is taken.
    UserNameTaken,
    /// That user name has characters or a length the server does not take.
    UserNameInvalid,
    /// The password is too weak for the server.
    PasswordTooWeak,
    /// The server takes no new accounts.
    RegistrationClosed,
    /// The registration token is missing, unknown or used up.
    RegistrationTokenRefused,
    /// The server asked us to wait; the program retries by itself.
    RateLimited {
        /// How long.
        retry_after: Duration,
    },
    /// The homeserver ended the session but keeps its keys: sign in again to go on.
    SignedOutByServer {
        /// The keys stay: signing in again goes on where it was.
        soft: bool,
    },
    /// No network, or the homeserver does not answer; retried by itself.
    Offline,
    /// The system keyring does not answer (absent, locked or late).
    KeyringUnavailable {
        /// It is there, but locked.
        locked: bool,
    },
    /// The session is in a protected file, and its passphrase was not given yet.
    PassphraseNeeded,
    /// The passphrase does not open the protected file.
    WrongPassphrase,
    /// No space left where the data lives.
    DiskFull,
    /// The store cannot be read; the damaged files were kept under `kept_as`.
    StoreDamaged {
        /// Where the damaged files are now.
        kept_as: Option<String>,
    },
    /// The store was written by a newer version of the program.
    StoreTooNew {
        /// The version found.
        found: u32,
        /// The newest version known.
        supported: u32,
    },
    /// Another program owns the profile and does not answer.
    ProfileBusy,
    /// This device's clock differs from the server's by this many seconds (ours minus theirs).
    ClockWrong {
        /// By how many seconds.
        seconds: i64,
    },
    /// The room does not exist or is not open to us.
    RoomNotFound,
    /// We may not do that in this room.
    NotAllowed,
    /// The other side's program cannot do that in a call.
    CallCannot,
    /// There are too many calls at a time.
    TooManyCalls,
    /// The person is not known to the server.
    UserNotFound {
        /// Who.
        user: String,
    },
    /// A message could not be sent; it stays in the list with a way to retry.
    SendFailed {
        /// Trying again may help.
        recoverable: bool,
    },
    /// The text is too long for a message (bytes); it can be sent as a file.
    TooLongForMessage {
        /// Its length, bytes.
        bytes: usize,
        /// The most, bytes.
        limit: usize,
    },
    /// The file is larger than the server takes (bytes).
    FileTooLarge {
        /// Its length, bytes.
        bytes: u64,
        /// The most, bytes.
        limit: u64,
    },
    /// The file cannot be read.
    FileUnreadable {
        /// Its name.
        name: String,
    },
    /// The recovery key or passphrase is wrong.
    WrongRecoveryKey,
    /// The homeserver on this device did not do what was wanted of it.
    OwnServerFailed {
        /// What it said, or what was wrong.
        detail: String,
    },
    /// A background task failed by panic; it was restarted where possible.
    TaskFailed {
        /// Which.
        task: String,
    },
    /// Something failed that has no sentence of its own; `detail` is for the log view only.
    Unexpected {
        /// What happened.
        detail: String,
    },
}

/// How a notice is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Under the field it speaks of.
    Field,
    /// For some seconds at the bottom.
    Toast,
    /// As long as it lasts, at the top.
    Banner,
    /// In the way until answered.
    Dialog,
}
