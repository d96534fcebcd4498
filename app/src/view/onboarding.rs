//! Signing in, creating an account, using this device's own server.

pub(crate) mod model;

pub use model::OnboardingViewModel;

use super::Pending;

/// What the first screens show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnboardingState {
    /// The server that was found, once it was.
    pub server: Option<ServerOffer>,
    /// Looking for the server.
    pub discovery: Pending,
    /// Signing in or creating the account.
    pub submit: Pending,
    /// This device's own server: can it be used, is it running.
    pub own_server: OwnServer,
    /// Keyring missing at sign-in: ask for a passphrase that protects the session file.
    pub needs_passphrase: bool,
}

/// What a homeserver offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerOffer {
    /// As typed or discovered, for people ("matrix.org").
    pub name: String,
    /// What the ids of people on it end with, where the server said so.
    pub server_name: Option<String>,
    /// Base address of the Client-Server API.
    pub base_url: String,
    /// Signs in by password.
    pub password: bool,
    /// Takes new accounts.
    pub registration: Registration,
    /// Has sliding sync (MSC4186).
    pub sliding_sync: bool,
}

/// Whether a server takes new accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Not known or closed.
    #[default]
    Closed,
    /// Anybody.
    Open,
    /// With a token.
    Token,
    /// In a way this program does not know (a web page).
    Elsewhere,
}

/// This device's own server.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OwnServer {
    /// The program `hardline-server` is not installed.
    #[default]
    Absent,
    /// Installed; not set up.
    Available,
    /// Starting.
    Starting,
    /// Running and ready.
    Running {
        /// Its permanent name.
        server_name: String,
        /// Base address.
        base_url: String,
    },
    /// It did not start; `detail` is its last line.
    Failed {
        /// What it said.
        detail: String,
    },
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum OnboardingAction {
    /// Look for a server by name, address or user id.
    FindServer {
        /// What was typed.
        text: String,
    },
    /// Sign in; `user` may be a whole Matrix id.
    SignIn {
        /// Who.
        user: String,
        /// The password.
        password: String,
    },
    /// Create an account.
    Register {
        /// The name wanted.
        user: String,
        /// The password.
        password: String,
        /// The registration token, where the server asks for one.
        token: Option<String>,
    },
    /// Start this device's own server and use it.
    UseOwnServer,
    /// Protect the session by a passphrase because there is no keyring.
    SetPassphrase {
        /// The passphrase.
        passphrase: String,
    },
    /// Try the keyring again.
    RetryKeyring,
    /// Stop what is under way.
    Cancel,
}
