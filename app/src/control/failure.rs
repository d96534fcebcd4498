//! Why a command failed, and the exit code that says so.

use crate::{
    calls::CallFault,
    notice::Notice,
    rooms::actions::RoomError,
    session::{SessionError, SessionState},
};

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// In terms a script can tell apart.
    #[serde(flatten)]
    pub reason: Reason,
    /// For people, in English.
    pub message: String,
}

/// Reasons: every [`Notice`], and what only a command line meets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Reason {
    /// As the window would tell it.
    Notice(Notice),
    /// See [`CommandReason`].
    Command(CommandReason),
}

/// What only a command line meets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum CommandReason {
    /// Nobody is signed in.
    NotSignedIn,
    /// Somebody is signed in already.
    AlreadySignedIn,
    /// The command makes no sense as given.
    Usage,
    /// There is no such event in this room.
    EventNotFound,
    /// A comparison of emoji ended without success.
    NotVerified,
    /// The connection to the running program broke.
    Disconnected,
    /// Several rooms have this name.
    AmbiguousRoom,
    /// A call was not answered: rejected, busy, nobody there.
    CallNotTaken {
        /// In a word.
        why: String,
    },
    /// A call failed: no way, no sound.
    CallFailed {
        /// In a word.
        why: String,
        /// What is wrong on this side, if it is that.
        cause: Option<CallFault>,
    },
}

impl Failure {
    /// A failure for a reason of the command line.
    pub fn command(reason: CommandReason, message: impl Into<String>) -> Self {
        Self {
            reason: Reason::Command(reason),
            message: message.into(),
        }
    }

    /// Nobody is signed in.
    pub fn not_signed_in() -> Self {
        Self::command(
            CommandReason::NotSignedIn,
            "nobody is signed in; use `hardline login`",
        )
    }

    /// There is no program to end.
    pub fn not_running() -> Self {
        Self::usage("the program does not run on this profile")
    }

    /// The command makes no sense as given.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::command(CommandReason::Usage, message)
    }

    /// Why a session that is not ready cannot be used.
    pub(super) fn of_state(state: &SessionState) -> Self {
        match state {
            SessionState::Locked {
                failed: Some(notice),
                ..
            }
            | SessionState::StoreTrouble(notice) => notice.clone().into(),
            SessionState::Locked { .. } | SessionState::Unprotected { .. } => {
                Notice::KeyringUnavailable { locked: false }.into()
            }
            SessionState::SignInAgain { .. } => Notice::SignedOutByServer { soft: true }.into(),
            SessionState::SignedOut {
                because: Some(notice),
            } => notice.clone().into(),
            SessionState::SignedOut { because: None } => Self::not_signed_in(),
            SessionState::Starting | SessionState::Ready(_) => Notice::ProfileBusy.into(),
        }
    }

    /// The exit code; `docs/command-line.md` lists them.
    pub fn exit_code(&self) -> u8 {
        match &self.reason {
            Reason::Notice(notice) => of_notice(notice),
            Reason::Command(reason) => match reason {
                CommandReason::Usage => 2,
                CommandReason::NotSignedIn | CommandReason::AlreadySignedIn => 3,
                CommandReason::EventNotFound | CommandReason::AmbiguousRoom => 6,
                CommandReason::NotVerified => 9,
                CommandReason::Disconnected => 1,
                CommandReason::CallNotTaken { .. } => 12,
                CommandReason::CallFailed { .. } => 13,
            },
        }
    }
}

fn of_notice(notice: &Notice) -> u8 {
    match notice {
        Notice::WrongPassword
        | Notice::AccountDisabled
        | Notice::UserNameTaken
        | Notice::UserNameInvalid
        | Notice::PasswordTooWeak
        | Notice::RegistrationClosed
        | Notice::RegistrationTokenRefused
        | Notice::NoKnownLogin { .. }
        | Notice::SignedOutByServer { .. } => 4,
        Notice::ServerUnreachable { .. }
        | Notice::NotMatrix { .. }
        | Notice::BadCertificate { .. }
        | Notice::NotAnAddress { .. }
        | Notice::Offline
        | Notice::RateLimited { .. } => 5,
        Notice::RoomNotFound | Notice::UserNotFound { .. } | Notice::FileUnreadable { .. } => 6,
        Notice::NotAllowed | Notice::CallCannot | Notice::TooManyCalls => 7,
        Notice::KeyringUnavailable { .. } | Notice::PassphraseNeeded | Notice::WrongPassphrase => 8,
        Notice::WrongRecoveryKey => 9,
        Notice::DiskFull
        | Notice::StoreDamaged { .. }
        | Notice::StoreTooNew { .. }
        | Notice::ProfileBusy => 10,
        Notice::SendFailed { .. }
        | Notice::TooLongForMessage { .. }
        | Notice::FileTooLarge { .. } => 11,
        Notice::ClockWrong { .. }
        | Notice::OwnServerFailed { .. }
        | Notice::TaskFailed { .. }
        | Notice::Unexpected { .. } => 1,
    }
}

/// A notice in English, for terminals; the window has its own, translated.
fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::WrongPassword => "wrong user name or password".into(),
        Notice::AccountDisabled => "the account is disabled".into(),
        Notice::ServerUnreachable { server } => format!("cannot reach {server}"),
        Notice::NotMatrix { server } => format!("{server} is not a Matrix server"),
        Notice::BadCertificate { server } => format!("the certificate of {server} is not trusted"),
        Notice::NoKnownLogin { server } => format!("{server} offers no way to sign in that is known here"),
        Notice::NotAnAddress { text } => format!("“{text}” is not an address"),
        Notice::UserNameTaken => "that user name is taken".into(),
        Notice::UserNameInvalid => "the server does not take that user name".into(),
        Notice::PasswordTooWeak => "the password is too weak for the server".into(),
        Notice::RegistrationClosed => "the server takes no new accounts".into(),
        Notice::RegistrationTokenRefused => "the registration token is missing or refused".into(),
        Notice::RateLimited { retry_after } => {
            format!("the server asks to wait {} seconds", retry_after.as_secs())
        }
        Notice::SignedOutByServer { soft: true } => "the server asks you to sign in again".into(),
        Notice::SignedOutByServer { soft: false } => "the server signed this device out".into(),
        Notice::Offline => "the homeserver does not answer".into(),
        Notice::KeyringUnavailable { locked: true } => "the keyring is locked".into(),
        Notice::KeyringUnavailable { locked: false } => {
            "the keyring does not answer; the session is kept (or give a passphrase: --passphrase-file, \
             HARDLINE_PASSPHRASE)"
                .into()
        }
        Notice::PassphraseNeeded => {
            "the session is protected by a passphrase: give it (--passphrase-file, HARDLINE_PASSPHRASE)".into()
        }
        Notice::WrongPassphrase => "wrong passphrase".into(),
        Notice::DiskFull => "no space left where the profile is".into(),
        Notice::StoreDamaged { kept_as: Some(path) } => {
            format!("the profile's data is damaged; it was kept as {path}")
        }
        Notice::StoreDamaged { kept_as: None } => "the profile's data is damaged".into(),
        Notice::StoreTooNew { found, supported } => {
            format!("the profile is of version {found}; this program knows {supported}")
        }
        Notice::ProfileBusy => "another program uses the profile and does not answer".into(),
        Notice::ClockWrong { seconds } => format!("this device's clock is off by {seconds} seconds"),
        Notice::RoomNotFound => "no such room".into(),
        Notice::NotAllowed => "not allowed".into(),
        Notice::CallCannot => "the other side's program cannot do that".into(),
        Notice::TooManyCalls => "there are too many calls at a time".into(),
        Notice::UserNotFound { user } => format!("{user} is not known"),
        Notice::SendFailed { .. } => "the message could not be sent".into(),
        Notice::TooLongForMessage { bytes, limit } => {
            format!("{bytes} bytes are too long for a message ({limit} fit); send them as a file")
        }
        Notice::FileTooLarge { bytes, limit } => {
            format!("the file has {bytes} bytes; the server takes {limit}")
        }
        Notice::FileUnreadable { name } => format!("{name} cannot be read"),
        Notice::WrongRecoveryKey => "the recovery key is wrong".into(),
        Notice::OwnServerFailed { detail } => format!("the homeserver on this device: {detail}"),
        Notice::TaskFailed { task } => format!("the task {task} failed"),
        Notice::Unexpected { detail } => detail.clone(),
    }
}

impl From<Notice> for Failure {
    fn from(notice: Notice) -> Self {
        Self {
            message: sentence(&notice),
            reason: Reason::Notice(notice),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::SignedOut => Self::not_signed_in(),
            SessionError::SignedIn(_) => {
                Self::command(CommandReason::AlreadySignedIn, error.to_string())
            }
            other => other.notice().into(),
        }
    }
}

impl From<RoomError> for Failure {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Ambiguous { .. } => {
                Self::command(CommandReason::AmbiguousRoom, error.to_string())
            }
            other => other.notice().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_socket() {
        for failure in [
            Failure::from(Notice::StoreTooNew {
                found: 9,
                supported: 1,
            }),
            Failure::from(Notice::WrongPassword),
            Failure::not_signed_in(),
        ] {
            let json = serde_json::to_string(&failure).unwrap();
            assert_eq!(
                serde_json::from_str::<Failure>(&json).unwrap(),
                failure,
                "{json}"
            );
        }
    }

    #[test]
    fn a_script_can_tell_the_notice() {
        let json = serde_json::to_value(Failure::from(Notice::KeyringUnavailable { locked: true }))
            .unwrap();
        assert_eq!(json["notice"], "keyring_unavailable");
        assert_eq!(json["locked"], true);
        assert_eq!(
            serde_json::to_value(Failure::not_signed_in()).unwrap()["notice"],
            "not_signed_in"
        );
    }
}
