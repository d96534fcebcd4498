//! A person whose choice a test states.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use super::{ChooserError, FileChooser, OpenQuestion};

/// A file chooser for tests; without a choice it is absent.
#[derive(Debug, Default)]
pub struct FakeFileChooser(Mutex<Option<Vec<PathBuf>>>);

impl FakeFileChooser {
    /// The files the person will choose from now on; none: they cancel.
    pub fn set_choice(&self, files: Vec<PathBuf>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
    }

    fn choice(&self) -> Result<Vec<PathBuf>, ChooserError> {
        let choice = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match choice {
            None => Err(ChooserError::Absent),
            Some(files) if files.is_empty() => Err(ChooserError::Cancelled),
            Some(files) => Ok(files),
        }
    }
}

#[async_trait::async_trait]
impl FileChooser for FakeFileChooser {
    async fn open(&self, question: OpenQuestion) -> Result<Vec<PathBuf>, ChooserError> {
        let mut files = self.choice()?;
        if !question.multiple {
            files.truncate(1);
        }
        Ok(files)
    }

    async fn save(&self, _title: &str, _name: &str) -> Result<PathBuf, ChooserError> {
        self.choice()?
            .into_iter()
            .next()
            .ok_or(ChooserError::Cancelled)
    }
}
