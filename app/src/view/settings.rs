//! Settings: account, devices, appearance, notifications, about.

pub(crate) mod model;

pub use model::{APPEARANCE, NOTIFICATIONS, SettingsViewModel};

use super::{Avatar, Pending};
use crate::ids::{OwnedDeviceId, OwnedUserId};
pub use crate::{calls::CallSettings, own_server::OwnServerDetails};

/// What the screens show.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsState {
    /// Who we are.
    pub account: AccountState,
    /// Our devices, this one first.
    pub devices: Vec<DeviceRow>,
    /// Fetching or changing devices.
    pub devices_pending: Pending,
    /// How it looks.
    pub appearance: Appearance,
    /// What notifies.
    pub notifications: Notifications,
    /// Who may call, and how.
    pub calls: CallSettings,
    /// People ignored.
    pub ignored: Vec<OwnedUserId>,
    /// The homeserver on this device, if it was ever set up.
    pub own_server: Option<OwnServerDetails>,
    /// Changing how far it reaches.
    pub own_server_pending: Pending,
    /// Versions and paths.
    pub about: About,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountState {
    /// Our id.
    pub user_id: OwnedUserId,
    /// Our name.
    pub display_name: String,
    /// Our picture.
    pub avatar: Avatar,
    /// The homeserver's base address.
    pub homeserver: String,
    /// Changing name or picture.
    pub pending: Pending,
    /// Changing the password.
    pub password_pending: Pending,
}

/// One of our devices.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRow {
    /// Which.
    pub device_id: OwnedDeviceId,
    /// Its name.
    pub name: String,
    /// It is this one.
    pub is_current: bool,
    /// Verified by us.
    pub is_verified: bool,
    /// Last seen, milliseconds since 1970.
    pub last_seen: Option<u64>,
}

/// How it looks; kept in the profile's settings.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Appearance {
    /// Light, dark or as the system says.
    pub scheme: Scheme,
    /// Index into the theme's accents; `None`: the system's.
    pub accent: Option<u8>,
    /// Text size in percent of the system's (80–200).
    pub text_scale: u16,
    /// Compact rows in the timeline.
    pub compact: bool,
    /// No motion.
    pub reduced_motion: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            scheme: Scheme::System,
            accent: None,
            text_scale: 100,
            compact: false,
            reduced_motion: false,
        }
    }
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Scheme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What notifies; kept in the profile's settings (per device).
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Notifications {
    /// At all.
    pub enabled: bool,
    /// With the text of the message.
    pub show_text: bool,
    /// With a sound.
    pub sound: bool,
    /// Start in the background when the person logs in to the machine.
    pub autostart: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            enabled: true,
            show_text: true,
            sound: true,
            autostart: false,
        }
    }
}

/// Versions and paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Program version.
    pub version: String,
    /// Where the data is.
    pub data_dir: String,
    /// The server's software and version, if it says.
    pub server: Option<String>,
    /// Renderer in use.
    pub renderer: String,
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingsAction {
    /// Change our name.
    SetDisplayName(String),
    /// Change our picture to this file.
    SetAvatar {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// Remove our picture.
    RemoveAvatar,
    /// Change the password.
    ChangePassword {
        /// The one in use.
        old: String,
        /// The new one.
        new: String,
    },
    /// Fetch the devices again.
    RefreshDevices,
    /// Rename a device.
    RenameDevice {
        /// Which device.
        device_id: OwnedDeviceId,
        /// Its name.
        name: String,
    },
    /// Sign a device out; needs the password.
    RemoveDevice {
        /// Which device.
        device_id: OwnedDeviceId,
        /// The password, asked for again.
        password: String,
    },
    /// Change how it looks.
    SetAppearance(Appearance),
    /// Change what notifies.
    SetNotifications(Notifications),
    /// Who may call, and how.
    SetCalls(CallSettings),
    /// Let other devices reach the homeserver on this one, or no longer.
    ShareOwnServer(bool),
    /// No longer ignore a person.
    Unignore(OwnedUserId),
    /// Sign out and remove this session's data.
    SignOut,
}
