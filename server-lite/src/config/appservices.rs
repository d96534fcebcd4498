//! The section about application services.

use std::path::{Path, PathBuf};

use ruma::OwnedUserId;
use serde::Deserialize;

/// `[appservices]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appservices {
    /// Registration files (YAML), as bridges write them.
    pub files: Vec<PathBuf>,
    /// Whom the server gives a room with a bridge's bot.
    pub console: Vec<Console>,
}

/// One entry of `appservices.console`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// The `id` in the bridge's registration.
    pub appservice: String,
    /// Who gets a direct room with its bot.
    pub users: Vec<OwnedUserId>,
}

impl Appservices {
    /// Relative paths count from the folder of the configuration.
    pub(super) fn resolve(&mut self, folder: &Path) {
        for file in &mut self.files {
            if file.is_relative() {
                *file = folder.join(&file);
            }
        }
    }
}
