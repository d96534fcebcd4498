//! Remembers what was opened, for tests.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{OpenError, Opener, may_open};

/// An opener for tests.
#[derive(Debug, Default)]
pub struct FakeOpener(Mutex<Vec<String>>);

impl FakeOpener {
    /// Links and paths opened, in order.
    pub fn opened(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, what: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }
}

#[async_trait::async_trait]
impl Opener for FakeOpener {
    async fn open_uri(&self, uri: &str) -> Result<(), OpenError> {
        if !may_open(uri) {
            return Err(OpenError::Refused);
        }
        self.note(uri.to_owned());
        Ok(())
    }

    async fn open_file(&self, path: &Path) -> Result<(), OpenError> {
        self.note(path.display().to_string());
        Ok(())
    }
}
