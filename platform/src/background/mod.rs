//! Leave to run in the background, and starting with the person's session.

mod autostart_file;
mod fake;
mod portal;

pub use self::{autostart_file::AutostartFile, fake::FakeBackground, portal::PortalBackground};

/// Why the wish was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// The person, or the system, said no.
    #[error("running in the background was refused")]
    Denied,
    /// The portal failed.
    #[error("the background portal failed: {0}")]
    Portal(String),
    /// The autostart entry could not be changed.
    #[error("autostart entry: {0}")]
    File(#[from] std::io::Error),
}

/// Running in the background.
#[async_trait::async_trait]
pub trait Background: Send + Sync + std::fmt::Debug {
    /// Asks to run without a window, and to be started with the session or not. Asking again changes the wish.
    async fn request(&self, autostart: bool) -> Result<(), BackgroundError>;
}
