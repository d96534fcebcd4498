//! Notifications: one a room, replaced when more arrives, taken away when read.

mod fake;
mod freedesktop;
mod portal;

use tokio::sync::broadcast;

pub use self::{fake::FakeNotifier, freedesktop::FreedesktopNotifier, portal::PortalNotifier};
use crate::bus::BusError;

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Whose it is, such as a room id: a later one with the same tag takes its place.
    pub tag: String,
    /// First line, plain text.
    pub title: String,
    /// The rest, plain text.
    pub body: String,
    /// A picture file.
    pub image: Option<std::path::PathBuf>,
    /// How much it presses.
    pub urgency: Urgency,
    /// What it is about.
    pub purpose: Purpose,
    /// Without a sound of the desktop's.
    pub silent: bool,
    /// Buttons.
    pub actions: Vec<NotificationAction>,
    /// Offer to reply in place, with this placeholder, where the desktop can.
    pub reply: Option<String>,
}

/// How much a notification presses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Can wait.
    Low,
    /// A message.
    #[default]
    Normal,
    /// A call.
    Critical,
}

/// What a notification is about, for the desktop's sounds, vibration and looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A message came.
    #[default]
    Message,
    /// Somebody calls: it stays until it is taken away.
    Ring,
    /// A call was not taken.
    MissedCall,
}

/// A button of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationAction {
    /// Comes back in [`NotificationEvent::Action`].
    pub id: String,
    /// What it says.
    pub label: String,
}

/// What a person did with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationEvent {
    /// Opened it.
    Activated {
        /// Whose.
        tag: String,
        /// Lets the compositor raise our window.
        token: Option<String>,
    },
    /// Pressed a button.
    Action {
        /// Whose.
        tag: String,
        /// Which.
        action: String,
        /// As above.
        token: Option<String>,
    },
    /// Wrote a reply in place.
    Replied {
        /// Whose.
        tag: String,
        /// The reply; never logged.
        text: String,
    },
    /// Put it away, or it ran out.
    Closed {
        /// Whose.
        tag: String,
    },
}

/// Why a notification could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No session bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The desktop shows no notifications.
    #[error("the desktop shows no notifications")]
    Absent,
    /// The call failed otherwise.
    #[error("notification failed: {0}")]
    Failed(zbus::Error),
}

impl From<zbus::Error> for NotifyError {
    fn from(error: zbus::Error) -> Self {
        if crate::bus::is_absent(&error) {
            Self::Absent
        } else {
            Self::Failed(error)
        }
    }
}

/// Shows notifications and tells what became of them.
#[async_trait::async_trait]
pub trait Notifier: Send + Sync + std::fmt::Debug {
    /// Shows one, in place of the last with the same tag.
    async fn show(&self, notification: Notification) -> Result<(), NotifyError>;
    /// Takes one away; a tag that shows nothing is fine.
    async fn close(&self, tag: &str) -> Result<(), NotifyError>;
    /// What people do from now on.
    fn events(&self) -> broadcast::Receiver<NotificationEvent>;
}
