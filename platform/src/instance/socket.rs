//! The control socket of a running process: mode 0600, in the person's runtime directory, peers of the same user only.

use std::{
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

use super::{ProfileLock, profile_hash};
use crate::{dirs::ProgramDirs, identity};

/// Why the socket cannot be offered or reached.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The directory for it belongs to somebody else or is open to others.
    #[error("{} is not a private directory of ours", .0.display())]
    NotPrivate(PathBuf),
    /// The system said no.
    #[error("control socket {path}: {source}", path = path.display())]
    Io {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the socket of a profile is: `<runtime>/<profile hash>`.
///
/// Without a runtime directory: one under the system's temporary directory that carries the user's number.
pub fn socket_path(dirs: &ProgramDirs, profile: &Path) -> PathBuf {
    let runtime = dirs.runtime.clone().unwrap_or_else(|| {
        let uid = rustix::process::getuid().as_raw();
        std::env::temp_dir().join(format!("{}-{uid}", identity::PROGRAM))
    });
    runtime.join(profile_hash(profile))
}

/// A listening control socket; its file is removed when dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens at `path`. The lock proves that a socket found there was left by a process that is gone.
    pub fn bind(path: &Path, _owner: &ProfileLock) -> Result<Self, SocketError> {
        let failed = |source| SocketError::Io {
            path: path.to_path_buf(),
            source,
        };
        let dir = path.parent().unwrap_or(Path::new("/"));
        private_dir(dir)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_path_buf(),
        })
    }

    /// The next peer of our own user; others are closed at once.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            if is_ours(&stream) {
                return Ok(stream);
            }
            tracing::warn!("a peer of another user was turned away from the control socket");
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Connects to the process that owns a profile, if it is one of ours.
pub async fn connect(path: &Path) -> Result<UnixStream, SocketError> {
    let failed = |source| SocketError::Io {
        path: path.to_path_buf(),
        source,
    };
    let stream = UnixStream::connect(path).await.map_err(failed)?;
    if is_ours(&stream) {
        Ok(stream)
    } else {
        Err(failed(io::ErrorKind::PermissionDenied.into()))
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    let ours = rustix::process::getuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == ours)
}

/// Makes the directory (0700), and refuses one that others own or can write to.
fn private_dir(dir: &Path) -> Result<(), SocketError> {
    let failed = |source| SocketError::Io {
        path: dir.to_path_buf(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)?;
    let found = std::fs::symlink_metadata(dir).map_err(failed)?;
    let ours = rustix::process::getuid().as_raw();
    if found.is_dir() && found.uid() == ours && found.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(SocketError::NotPrivate(dir.to_path_buf()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Case {
        _temp: tempfile::TempDir,
        path: PathBuf,
        lock: ProfileLock,
    }

    fn case() -> Case {
        let temp = tempfile::tempdir().unwrap();
        let lock = ProfileLock::acquire(temp.path()).unwrap();
        let path = socket_path(&ProgramDirs::under(temp.path()), temp.path());
        Case {
            path,
            lock,
            _temp: temp,
        }
    }

    #[tokio::test]
    async fn a_peer_of_the_same_user_is_let_in() {
        let case = case();
        let socket = ControlSocket::bind(&case.path, &case.lock).unwrap();
        let (client, server) = tokio::join!(connect(&case.path), socket.accept());
        client.unwrap().write_all(b"hello").await.unwrap();
        let mut text = String::new();
        server.unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
    }

    #[tokio::test]
    async fn socket_and_directory_are_private_and_the_socket_goes_with_its_owner() {
        let case = case();
        let socket = ControlSocket::bind(&case.path, &case.lock).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&case.path), 0o600);
        assert_eq!(mode(case.path.parent().unwrap()), 0o700);
        drop(socket);
        assert!(!case.path.exists());
    }

    #[tokio::test]
    async fn a_socket_left_by_a_killed_process_is_replaced() {
        let case = case();
        std::fs::create_dir(case.path.parent().unwrap()).unwrap();
        std::fs::set_permissions(
            case.path.parent().unwrap(),
            PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        drop(std::os::unix::net::UnixListener::bind(&case.path).unwrap());
        assert!(case.path.exists(), "the file outlives its listener");
        assert!(matches!(
            connect(&case.path).await,
            Err(SocketError::Io { .. })
        ));
        let socket = ControlSocket::bind(&case.path, &case.lock).unwrap();
        let (client, server) = tokio::join!(connect(&case.path), socket.accept());
        assert!(client.is_ok() && server.is_ok());
    }

    #[tokio::test]
    async fn a_directory_open_to_others_is_refused() {
        let case = case();
        let dir = case.path.parent().unwrap();
        std::fs::create_dir(dir).unwrap();
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).unwrap();
        let error = ControlSocket::bind(&case.path, &case.lock).unwrap_err();
        assert!(matches!(error, SocketError::NotPrivate(_)), "{error}");
    }
}
