//! Files named by their SHA-256, so that the same content is stored once.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::StatusCode;
use parking_lot::Mutex;
use ruma::api::error::{ErrorKind, ResourceLimitExceededErrorData};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::{picture::Format, quota::Allowance, size::ThumbnailSize};
use crate::{
    error::{Error, Result},
    service::random,
};

/// The SHA-256 of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHash(pub [u8; 32]);

impl FileHash {
    /// As hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From hexadecimal digits.
    fn from_hex(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
        let mut hash = [0; 32];
        for (at, slot) in hash.iter_mut().enumerate().take_while(|_| is_hex) {
            *slot = byte(at)?;
        }
        is_hex.then_some(Self(hash))
    }
}

/// Held while files and the addresses that name them change together.
#[derive(Debug)]
pub struct FilesLock {
    _file: fs::File,
}

/// How long to wait between two tries to get a lock.
const LOCK_AGAIN: Duration = Duration::from_millis(5);

/// A file that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Names it.
    pub hash: FileHash,
    /// In bytes.
    pub size: u64,
}

/// The folders: `content`, `thumbnails`, and `incoming` for what is still arriving.
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<PathBuf>,
    /// Folders of which this run knows that they are on the disk.
    safe_folders: Arc<Mutex<HashSet<PathBuf>>>,
}

/// A file that goes away unless it is kept.
struct Incoming {
    path: PathBuf,
    kept: bool,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Files {
    /// Makes the folders.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        for folder in ["incoming", "content", "thumbnails"] {
            fs::create_dir_all(root.join(folder))?;
        }
        Ok(Self {
            root: Arc::new(root),
            safe_folders: Arc::default(),
        })
    }

    /// Removes what uploads that were cut off left; only for the server itself, before it takes uploads.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join("incoming"))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Where a file's content is.
    pub fn path(&self, hash: FileHash) -> PathBuf {
        let hex = hash.hex();
        self.root.join("content").join(&hex[..2]).join(&hex[2..])
    }

    /// Where a thumbnail is, or would be.
    pub(super) fn thumbnail_path(
        &self,
        hash: FileHash,
        size: ThumbnailSize,
        format: Format,
    ) -> PathBuf {
        let hex = hash.hex();
        let name = format!("{}-{}.{}", &hex[2..], size.name(), format.extension());
        self.root.join("thumbnails").join(&hex[..2]).join(name)
    }

    /// Waits until nobody deletes files, in this program or another on the same folder.
    pub async fn lock_shared(&self) -> Result<FilesLock> {
        self.lock(fs::File::try_lock_shared).await
    }

    /// Waits until nobody adds or deletes files, in this program or another on the same folder.
    pub async fn lock_alone(&self) -> Result<FilesLock> {
        self.lock(fs::File::try_lock).await
    }

    /// Tries again and again, as waiting would hold a thread that whoever has the lock may need.
    async fn lock(
        &self,
        take: impl Fn(&fs::File) -> Result<(), fs::TryLockError>,
    ) -> Result<FilesLock> {
        let file = fs::File::create(self.root.join("lock")).map_err(failed)?;
        loop {
            match take(&file) {
                Ok(()) => return Ok(FilesLock { _file: file }),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_AGAIN).await,
                Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Deletes a file and its thumbnails. Only with [`Self::lock_alone`], once no address names it.
    pub(super) fn delete(&self, hash: FileHash) {
        let hex = hash.hex();
        let mut paths = vec![self.path(hash)];
        let thumbnails = fs::read_dir(self.root.join("thumbnails").join(&hex[..2]));
        let of_file = |name: &str| {
            name.strip_prefix(&hex[2..])
                .is_some_and(|rest| rest.starts_with('-'))
        };
        for entry in thumbnails.into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(of_file) {
                paths.push(entry.path());
            }
        }
        for path in paths {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "cannot delete a file");
            }
        }
    }

    /// All files that are on disk.
    pub(super) fn stored(&self) -> Result<Vec<FileHash>> {
        let mut found = Vec::new();
        for folder in fs::read_dir(self.root.join("content")).map_err(failed)? {
            let folder = folder.map_err(failed)?;
            let start = folder.file_name();
            for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let name = format!(
                    "{}{}",
                    start.to_string_lossy(),
                    file.file_name().to_string_lossy()
                );
                found.extend(FileHash::from_hex(&name));
            }
        }
        Ok(found)
    }

    /// Takes in a file as it arrives, without holding it in memory. It is on disk when this returns, and stays there
    /// while the lock is held, until an address names it.
    ///
    /// # Errors
    /// What `allowance` says beyond its bytes; nothing is left behind then.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        mut chunks: impl Stream<Item = Result<Bytes, E>> + Unpin,
        allowance: &Allowance,
    ) -> Result<(Received, FilesLock)> {
        let mut incoming = self.incoming();
        let file = tokio::fs::File::create(&incoming.path)
            .await
            .map_err(failed)?;
        let mut file = BufWriter::with_capacity(64 * 1024, file);
        let (mut digest, mut size) = (Sha256::new(), 0_u64);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                Error::bad_request(
                    ErrorKind::Unknown,
                    format!("The upload was cut off: {error}"),
                )
            })?;
            size += chunk.len() as u64;
            allowance.check(size)?;
            digest.update(&chunk);
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        file.into_inner().sync_all().await.map_err(failed)?;
        let hash = FileHash(digest.finalize().into());
        let lock = self.lock_shared().await?;
        self.keep(&mut incoming, &self.path(hash)).await?;
        Ok((Received { hash, size }, lock))
    }

    /// Writes a small file whole; readers see all of it or nothing.
    pub(super) async fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut incoming = self.incoming();
        tokio::fs::write(&incoming.path, bytes)
            .await
            .map_err(failed)?;
        self.keep(&mut incoming, path).await
    }

    fn incoming(&self) -> Incoming {
        let path = self.root.join("incoming").join(random::name(24));
        Incoming { path, kept: false }
    }

    async fn keep(&self, incoming: &mut Incoming, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            self.make_folder(folder).await.map_err(failed)?;
            tokio::fs::rename(&incoming.path, path)
                .await
                .map_err(failed)?;
            incoming.kept = true;
            sync_folder(folder).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Makes a folder if need be; once this returns a power cut cannot take it away.
    async fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if self.safe_folders.lock().contains(folder) {
            return Ok(());
        }
        match tokio::fs::create_dir(folder).await {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if let Some(parent) = folder.parent() {
            sync_folder(parent).await?;
        }
        self.safe_folders.lock().insert(folder.to_owned());
        Ok(())
    }
}

/// Brings the names in a folder onto the disk.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    tokio::fs::File::open(folder).await?.sync_all().await
}

/// The answer to a file beyond `max` bytes.
pub(crate) fn too_large(max: u64) -> Error {
    Error::too_large(format!(
        "Files have at most {} MiB here.",
        max / (1024 * 1024)
    ))
}

fn failed(error: io::Error) -> Error {
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    if !full {
        return Error::internal(error);
    }
    Error::new(
        StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::ResourceLimitExceeded(ResourceLimitExceededErrorData::new(String::new())),
        "The server's disk is full; nothing was stored. Free some space and try again.",
    )
}
