//! The recovery key: made, shown once, asked for on a new device; key backup.

use super::Pending;

/// What the screen shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryState {
    /// Whether recovery is set up for the account.
    pub status: RecoveryStatus,
    /// Key backup on the server.
    pub backup: BackupStatus,
    /// The key to write down, right after it was made; never shown again.
    pub new_key: Option<String>,
    /// What is under way.
    pub pending: Pending,
    /// This device carries the account's signature.
    pub device_verified: bool,
}

/// Whether recovery is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecoveryStatus {
    /// Not known yet.
    #[default]
    Unknown,
    /// Not set up.
    Disabled,
    /// Set up, and this device has everything.
    Enabled,
    /// Set up, and this device lacks keys: enter the recovery key or verify.
    Incomplete,
}

/// Key backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackupStatus {
    /// Not known yet.
    #[default]
    Unknown,
    /// Off.
    Off,
    /// Keys are being uploaded; how many are left is unknown.
    Uploading,
    /// Keys are being fetched.
    Downloading,
    /// On and complete.
    On,
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum RecoveryAction {
    /// Make a recovery key and switch backup on.
    SetUp,
    /// Make a new recovery key in place of the old one.
    Replace,
    /// Enter the recovery key or passphrase.
    Recover {
        /// As typed.
        key: String,
    },
    /// The key was written down: forget it here.
    KeySaved,
    /// Give up all old keys and start anew; needs the password.
    Reset {
        /// The account's.
        password: String,
    },
}
