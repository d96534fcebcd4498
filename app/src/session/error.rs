//! What can go wrong with a session.

use crate::{
    failure::{self, Doing},
    notice::Notice,
};

/// An error of a session, with what was being tried where it matters.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A fact already in terms of a notice.
    #[error("{0:?}")]
    Told(Notice),
    /// A request failed.
    #[error("{0}")]
    Sdk(#[from] matrix_sdk::Error),
    /// The client could not be built.
    #[error("{0}")]
    Build(#[from] matrix_sdk::ClientBuildError),
    /// Our own small store failed.
    #[error("{0}")]
    Store(#[from] crate::store::StoreError),
    /// Files of the profile could not be written or removed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// Somebody is signed in already.
    #[error("{0} is signed in already")]
    SignedIn(crate::ids::OwnedUserId),
}

impl SessionError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::Told(notice) => notice.clone(),
            Self::Sdk(error) => failure::of_sdk(error, Doing::Other),
            Self::Build(error) => failure::of_build(error, Doing::Other),
            Self::Store(error) => error.notice(),
            Self::Io(error) => failure::of_any(error),
            Self::SignedOut | Self::SignedIn(_) => Notice::Unexpected {
                detail: self.to_string(),
            },
        }
    }
}

impl From<Notice> for SessionError {
    fn from(notice: Notice) -> Self {
        Self::Told(notice)
    }
}
