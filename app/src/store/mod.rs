//! Our own small database of a profile: who is signed in, settings, and what later features add.
//!
//! Secrets are not kept here. The schema has a version; a newer one is refused, a damaged file is set aside.

mod account;
mod call_log;
mod open;
mod settings;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

pub(crate) use self::open::set_aside;
pub use self::{account::Account, call_log::LoggedCall};
use crate::notice::Notice;

/// File name of the database inside a profile's folder.
pub const FILE: &str = "hardline.sqlite3";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("the profile's database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored value is not what its key says.
    #[error("a stored value is malformed: {0}")]
    Value(#[from] serde_json::Error),
    /// A file could not be moved or made.
    #[error("the profile's folder: {0}")]
    Io(#[from] std::io::Error),
    /// No space left where the profile is.
    #[error("no space left where the profile is")]
    Full,
    /// Written by a newer version of the program.
    #[error("the profile has version {found}; this program knows {supported}")]
    TooNew {
        /// Its version.
        found: u32,
        /// The newest we know.
        supported: u32,
    },
    /// The file cannot be read and was set aside.
    #[error("the profile's database is damaged and was kept as {}", kept_as.display())]
    Damaged {
        /// Where it is now.
        kept_as: PathBuf,
    },
}

impl StoreError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::TooNew { found, supported } => Notice::StoreTooNew {
                found: *found,
                supported: *supported,
            },
            Self::Damaged { kept_as } => Notice::StoreDamaged {
                kept_as: Some(kept_as.display().to_string()),
            },
            Self::Full => Notice::DiskFull,
            other => crate::failure::of_store(other),
        }
    }
}

/// The database of a profile. Calls are short (one row or two), so they are made where they are needed.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens, or makes, the database in a profile's folder and brings it to the present schema.
    pub fn open(profile: &Path) -> Result<Self, StoreError> {
        let connection = open::open(&profile.join(FILE))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
