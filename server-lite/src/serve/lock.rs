//! One server a data folder: two would hand out the same positions and overwrite each other's work.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

/// The file whose lock the running server holds.
const NAME: &str = "hardline-server.lock";

/// Held by the running server; the kernel lets go of it however the process ends.
pub struct DataLock {
    _file: File,
}

/// Why the data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server runs on it.
    #[error(
        "a server is running on {folder} already{}; stop it, or give this one a folder of its own \
         (storage.path)",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Taken {
        /// The folder.
        folder: String,
        /// The other process, as it said.
        pid: Option<u32>,
    },
    /// The file cannot be made.
    #[error("cannot use the data folder {folder}: {error}")]
    Io {
        /// The folder.
        folder: String,
        /// Why.
        error: std::io::Error,
    },
}

impl DataLock {
    /// Takes the folder for this process.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let shown = folder.display().to_string();
        let taken = || -> std::io::Result<Result<Self, Option<u32>>> {
            std::fs::create_dir_all(folder)?;
            let mut options = File::options();
            let options = options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(folder.join(NAME))?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                return Ok(Err(text.trim().parse().ok()));
            }
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            Ok(Ok(Self { _file: file }))
        };
        match taken() {
            Ok(Ok(lock)) => Ok(lock),
            Ok(Err(pid)) => Err(LockError::Taken { folder: shown, pid }),
            Err(error) => Err(LockError::Io {
                folder: shown,
                error,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataLock, LockError};

    #[test]
    fn a_folder_is_taken_once_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DataLock::take(dir.path()).unwrap();
        let refused = DataLock::take(dir.path()).err();
        let Some(LockError::Taken { pid, .. }) = refused else {
            panic!("taken twice");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(lock);
        DataLock::take(dir.path()).unwrap();
    }
}
