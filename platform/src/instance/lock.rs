//! The lock on a profile directory: whoever holds it owns the store.
//!
//! `flock` and not a file's existence, so that it ends with its process, however that ends.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process owns the profile.
    #[error("the profile is in use by process {}", .pid.map_or("?".to_owned(), |pid| pid.to_string()))]
    Held {
        /// Which, if it could be read.
        pid: Option<u32>,
    },
    /// The lock file could not be opened or locked.
    #[error("cannot lock the profile: {0}")]
    Io(#[from] io::Error),
}

/// Owns a profile until dropped.
#[derive(Debug)]
pub struct ProfileLock {
    _file: File,
}

impl ProfileLock {
    /// Takes the lock without waiting. The directory must exist.
    pub fn acquire(profile: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(profile.join("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held {
                    pid: read_pid(&mut file),
                });
            }
            Err(error) => return Err(LockError::Io(error.into())),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let profile = tempfile::tempdir().unwrap();
        let first = ProfileLock::acquire(profile.path()).unwrap();
        let error = ProfileLock::acquire(profile.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { pid: Some(pid) } if pid == std::process::id()));
        drop(first);
        ProfileLock::acquire(profile.path()).unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_is_no_hindrance() {
        let profile = tempfile::tempdir().unwrap();
        std::fs::write(profile.path().join("lock"), "999999999\nrubbish").unwrap();
        let _lock = ProfileLock::acquire(profile.path()).unwrap();
        let text = std::fs::read_to_string(profile.path().join("lock")).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
    }

    #[test]
    fn a_child_process_does_not_keep_the_lock() {
        let profile = tempfile::tempdir().unwrap();
        let lock = ProfileLock::acquire(profile.path()).unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("30")
            .spawn()
            .unwrap();
        drop(lock);
        let again = ProfileLock::acquire(profile.path());
        child.kill().unwrap();
        child.wait().unwrap();
        again.unwrap();
    }

    #[test]
    fn a_missing_directory_is_an_error_and_not_a_held_lock() {
        let profile = tempfile::tempdir().unwrap();
        let error = ProfileLock::acquire(&profile.path().join("none")).unwrap_err();
        assert!(matches!(error, LockError::Io(_)));
    }
}
