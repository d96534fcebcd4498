//! Asking a person for files to send, or for a place to save one.

mod fake;
mod portal_chooser;

use std::path::PathBuf;

pub use self::{fake::FakeFileChooser, portal_chooser::PortalFileChooser};

/// Which files are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenQuestion {
    /// Title of the dialog.
    pub title: String,
    /// More than one may be chosen.
    pub multiple: bool,
    /// MIME types to offer with a name for the lot, such as `("Pictures", ["image/*"])`; empty: all files.
    pub filters: Vec<(String, Vec<String>)>,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ChooserError {
    /// The desktop has no chooser: let the person type or drop a path.
    #[error("the desktop has no file chooser")]
    Absent,
    /// The person closed it.
    #[error("cancelled")]
    Cancelled,
    /// It failed otherwise.
    #[error("the file chooser failed: {0}")]
    Failed(String),
}

/// The desktop's file chooser.
#[async_trait::async_trait]
pub trait FileChooser: Send + Sync + std::fmt::Debug {
    /// Files to read.
    async fn open(&self, question: OpenQuestion) -> Result<Vec<PathBuf>, ChooserError>;
    /// A place to write to, with a suggested name.
    async fn save(&self, title: &str, name: &str) -> Result<PathBuf, ChooserError>;
}
