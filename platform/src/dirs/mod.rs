//! Where files go: the XDG directories, and the folders of one profile.
//!
//! Specification: <https://specifications.freedesktop.org/basedir-spec/latest/>

use std::{
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::identity;

/// Why no directory could be had.
#[derive(Debug, thiserror::Error)]
pub enum DirsError {
    /// Neither `$HOME` nor the password database names a home.
    #[error("no home directory is known; set HOME")]
    NoHome,
    /// A directory could not be made.
    #[error("cannot make {path}: {source}", path = path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The program's directories for this person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramDirs {
    /// Profiles, and the data of the homeserver on this device.
    pub data: PathBuf,
    /// What can be fetched or made again.
    pub cache: PathBuf,
    /// Settings that are not a profile's.
    pub config: PathBuf,
    /// Logs.
    pub state: PathBuf,
    /// Sockets; gone after log-out. `None` where the system has none.
    pub runtime: Option<PathBuf>,
    /// Where a person's downloads go.
    pub downloads: Option<PathBuf>,
    /// Where programs that start with the session are listed.
    pub autostart: PathBuf,
}

impl ProgramDirs {
    /// The directories the system gives us; nothing is made yet.
    pub fn system() -> Result<Self, DirsError> {
        let base = directories::BaseDirs::new().ok_or(DirsError::NoHome)?;
        let user = directories::UserDirs::new();
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self {
            data: base.data_dir().join(identity::PROGRAM),
            cache: base.cache_dir().join(identity::PROGRAM),
            config: base.config_dir().join(identity::PROGRAM),
            state: state.join(identity::PROGRAM),
            runtime: base.runtime_dir().map(|dir| dir.join(identity::PROGRAM)),
            downloads: user.and_then(|user| user.download_dir().map(Path::to_path_buf)),
            autostart: base.config_dir().join("autostart"),
        })
    }

    /// Everything under one directory, for tests and for portable use.
    pub fn under(root: &Path) -> Self {
        Self {
            data: root.join("data"),
            cache: root.join("cache"),
            config: root.join("config"),
            state: root.join("state"),
            runtime: Some(root.join("run")),
            downloads: Some(root.join("downloads")),
            autostart: root.join("config/autostart"),
        }
    }

    /// The profile used when none is named.
    pub fn default_profile(&self) -> ProfileDirs {
        ProfileDirs {
            data: self.data.join("default"),
            cache: self.cache.join("default"),
            is_default: true,
        }
    }

    /// The profile in a directory a person named; all of it, cache too, is kept there.
    pub fn profile_at(&self, dir: &Path) -> ProfileDirs {
        let data = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
        let default = self.default_profile();
        if data == default.data {
            return default;
        }
        ProfileDirs {
            cache: data.join("cache"),
            data,
            is_default: false,
        }
    }

    /// Data of the homeserver on this device.
    pub fn own_server(&self) -> PathBuf {
        self.data.join("server")
    }

    /// The configuration of the homeserver on this device; `make run` and the systemd user unit name it too.
    pub fn own_server_config(&self) -> PathBuf {
        self.own_server()
            .join(format!("{}.toml", identity::SERVER_PROGRAM))
    }
}

/// The directories of one profile: one account, one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileDirs {
    /// Store, settings, drafts.
    pub data: PathBuf,
    /// Thumbnails and downloads that can be fetched again.
    pub cache: PathBuf,
    /// It is the profile used when none is named.
    pub is_default: bool,
}

impl ProfileDirs {
    /// Makes the directories, readable by their owner alone.
    pub fn create(&self) -> Result<(), DirsError> {
        create_private(&self.data)?;
        create_private(&self.cache)
    }
}

/// Makes a directory with its parents; new ones get mode 0700.
pub fn create_private(path: &Path) -> Result<(), DirsError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DirsError::Make {
            path: path.to_path_buf(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_named_profile_keeps_everything_in_its_directory() {
        let dirs = ProgramDirs::under(Path::new("/nowhere"));
        let profile = dirs.profile_at(Path::new("/some/profile"));
        assert_eq!(profile.data, Path::new("/some/profile"));
        assert_eq!(profile.cache, Path::new("/some/profile/cache"));
        assert!(!profile.is_default);
    }

    #[test]
    fn naming_the_default_profile_gives_the_default_profile() {
        let dirs = ProgramDirs::under(Path::new("/nowhere"));
        let default = dirs.default_profile();
        assert_eq!(dirs.profile_at(&default.data), default);
    }

    #[test]
    fn new_directories_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let profile = ProgramDirs::under(temp.path()).default_profile();
        profile.create().unwrap();
        for dir in [&profile.data, &profile.cache] {
            let mode = std::fs::metadata(dir).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", dir.display());
        }
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data");
        std::fs::write(&path, b"").unwrap();
        let error = ProgramDirs::under(temp.path())
            .default_profile()
            .create()
            .unwrap_err();
        assert!(error.to_string().contains("data/default"), "{error}");
    }
}
