//! Uploaded files: addresses in the database, contents on disk.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

mod animation;
mod files;
pub mod listing;
mod picture;
pub mod quota;
pub mod removal;
pub mod retention;
mod shown;
mod size;

use std::{path::PathBuf, sync::Arc};

use http::StatusCode;
use ruma::{UserId, api::error::ErrorKind};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{Notify, Semaphore, futures::Notified};

pub use self::{
    files::{FileHash, Files, FilesLock, Received},
    size::{Method, ThumbnailSize},
};
use super::random;
use crate::{
    config::Config,
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "media",
    steps: &[
        Step::Sql(include_str!("../store/schema/media.sql")),
        Step::Sql(include_str!("../store/schema/media_2.sql")),
    ],
};

/// How long a reserved address waits for its upload, in milliseconds.
pub const RESERVATION_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
/// How many addresses one user may have reserved at a time.
const MAX_RESERVED: u32 = 30;
/// The longest file name kept, in bytes.
const MAX_FILENAME: usize = 255;
/// One picture is decoded at a time: each may take some hundred MiB for a moment.
const MAX_DECODERS: usize = 1;

/// The files of this server and what turns them into thumbnails. Cheap to clone.
#[derive(Clone)]
pub struct Media {
    files: Files,
    decoders: Arc<Semaphore>,
    uploaded: Arc<Notify>,
}

/// What is known of an uploaded file.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Names its content.
    pub hash: FileHash,
    /// In bytes.
    pub size: u64,
    /// As the uploader said.
    pub content_type: Option<String>,
    /// As the uploader said.
    pub filename: Option<String>,
    /// When somebody last read it, to the day.
    pub last_read_at: i64,
}

/// An address as it is stored.
#[derive(Debug)]
pub enum Entry {
    /// Nothing was uploaded yet.
    Reserved,
    /// There is a file.
    Uploaded(Upload),
}

/// A thumbnail on disk.
#[derive(Debug)]
pub struct Thumbnail {
    /// Where.
    pub path: PathBuf,
    /// `image/png`, `image/jpeg` or `image/gif`.
    pub content_type: &'static str,
}

impl Media {
    /// Prepares the folders below `root`.
    pub fn open(root: PathBuf) -> std::io::Result<Self> {
        let files = Files::open(root)?;
        let decoders = Arc::new(Semaphore::new(MAX_DECODERS));
        Ok(Self {
            files,
            decoders,
            uploaded: Arc::default(),
        })
    }

    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Resolves after the next upload to a reserved address; enable it before looking.
    pub fn next_upload(&self) -> Notified<'_> {
        self.uploaded.notified()
    }

    /// Tells those who wait for an upload to look again.
    pub fn announce_upload(&self) {
        self.uploaded.notify_waiters();
    }

    /// A thumbnail of a stored file, made if it is not there yet.
    ///
    /// # Errors
    /// 400 if the file is no picture we can read, 413 if it would be too large in memory.
    pub async fn thumbnail(&self, hash: FileHash, size: ThumbnailSize) -> Result<Thumbnail> {
        if let Some(found) = self.find_thumbnail(hash, size) {
            return Ok(found);
        }
        let _permit = self.decoders.acquire().await.map_err(Error::internal)?;
        if let Some(found) = self.find_thumbnail(hash, size) {
            return Ok(found);
        }
        let source = self.files.path(hash);
        let encoded = tokio::task::spawn_blocking(move || picture::thumbnail(&source, size))
            .await
            .map_err(|_| picture::cannot_read())??;
        let path = self.files.thumbnail_path(hash, size, encoded.format);
        self.files.put(&path, &encoded.bytes).await?;
        Ok(Thumbnail {
            path,
            content_type: encoded.format.content_type(),
        })
    }

    fn find_thumbnail(&self, hash: FileHash, size: ThumbnailSize) -> Option<Thumbnail> {
        picture::Format::ALL.into_iter().find_map(|format| {
            let path = self.files.thumbnail_path(hash, size, format);
            path.exists().then(|| Thumbnail {
                path,
                content_type: format.content_type(),
            })
        })
    }
}

/// A new, random media id.
pub fn new_id() -> String {
    random::name(24)
}

/// Gives a file an address.
///
/// # Errors
/// As [`quota::Allowance::exceeded`].
pub fn insert(
    tx: &WriteTx<'_>,
    config: &Config,
    media_id: &str,
    user_id: &UserId,
    upload: &Upload,
    now_ms: i64,
) -> Result<()> {
    quota::check(tx, config, user_id, upload)?;
    insert_file(tx, upload, now_ms)?;
    tx.prepare_cached(
        "INSERT INTO media (media_id, user_id, sha256, size, content_type, filename, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        media_id,
        user_id.as_str(),
        upload.hash.0,
        upload.size as i64,
        upload.content_type,
        upload.filename,
        now_ms
    ])?;
    Ok(())
}

fn insert_file(tx: &WriteTx<'_>, upload: &Upload, now_ms: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO media_files (sha256, size, created_at, last_read_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT DO UPDATE SET last_read_at = excluded.last_read_at",
    )?
    .execute(params![upload.hash.0, upload.size as i64, now_ms])?;
    Ok(())
}

/// A file is noted as read at most this often, in milliseconds.
const NOTED_AGAIN_MS: i64 = 24 * 60 * 60 * 1000;

impl Upload {
    /// Whether it is time to note that it was read.
    pub fn is_note_due(&self, now_ms: i64) -> bool {
        self.last_read_at < now_ms - NOTED_AGAIN_MS
    }
}

/// Notes that a file was read.
pub fn note_read(tx: &WriteTx<'_>, hash: FileHash, now_ms: i64) -> Result<()> {
    tx.prepare_cached("UPDATE media_files SET last_read_at = ?2 WHERE sha256 = ?1")?
        .execute(params![hash.0, now_ms])?;
    Ok(())
}

/// Reserves an address for a later upload; returns when it lapses.
///
/// # Errors
/// `M_LIMIT_EXCEEDED` if the user has too many reserved.
pub fn reserve(tx: &WriteTx<'_>, media_id: &str, user_id: &UserId, now_ms: i64) -> Result<i64> {
    tx.execute(
        "DELETE FROM media WHERE sha256 IS NULL AND expires_at <= ?1",
        [now_ms],
    )?;
    let n_reserved: u32 = tx
        .prepare_cached("SELECT count(*) FROM media WHERE user_id = ?1 AND sha256 IS NULL")?
        .query_row([user_id.as_str()], |row| row.get(0))?;
    if n_reserved >= MAX_RESERVED {
        return Err(Error::limit_exceeded(std::time::Duration::from_secs(60)));
    }
    let expires_at = now_ms + RESERVATION_LIFETIME_MS;
    tx.execute(
        "INSERT INTO media (media_id, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![media_id, user_id.as_str(), now_ms, expires_at],
    )?;
    Ok(expires_at)
}

/// Checks that a user may upload to a reserved address.
///
/// # Errors
/// `M_NOT_FOUND`, `M_FORBIDDEN`, `M_CANNOT_OVERWRITE_MEDIA`.
pub fn check_reserved(
    conn: &Connection,
    media_id: &str,
    user_id: &UserId,
    now_ms: i64,
) -> Result<()> {
    let found: Option<(String, bool, Option<i64>)> = conn
        .prepare_cached(
            "SELECT user_id, sha256 IS NOT NULL, expires_at FROM media WHERE media_id = ?1",
        )?
        .query_row([media_id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let (owner, uploaded, expires_at) = found.ok_or_else(not_found)?;
    if owner != user_id.as_str() {
        return Err(Error::forbidden("Another user has reserved this address."));
    }
    if uploaded {
        let text = "There is a file at this address already.";
        return Err(Error::new(
            StatusCode::CONFLICT,
            ErrorKind::CannotOverwriteMedia,
            text,
        ));
    }
    if expires_at.is_some_and(|at| at <= now_ms) {
        Err(not_found())
    } else {
        Ok(())
    }
}

/// Puts a file at a reserved address.
///
/// # Errors
/// As [`check_reserved`] and [`quota::Allowance::exceeded`].
pub fn fill(
    tx: &WriteTx<'_>,
    config: &Config,
    media_id: &str,
    user_id: &UserId,
    upload: &Upload,
    now_ms: i64,
) -> Result<()> {
    check_reserved(tx, media_id, user_id, now_ms)?;
    quota::check(tx, config, user_id, upload)?;
    insert_file(tx, upload, now_ms)?;
    tx.execute(
        "UPDATE media SET sha256 = ?2, size = ?3, content_type = ?4, filename = ?5, expires_at = NULL
         WHERE media_id = ?1",
        params![
            media_id,
            upload.hash.0,
            upload.size as i64,
            upload.content_type,
            upload.filename
        ],
    )?;
    Ok(())
}

/// What is at an address.
///
/// # Errors
/// `M_NOT_FOUND` if nobody uploaded to or reserved it.
pub fn get(conn: &Connection, media_id: &str, now_ms: i64) -> Result<Entry> {
    conn.prepare_cached(
        "SELECT m.sha256, m.size, m.content_type, m.filename, f.last_read_at
         FROM media m LEFT JOIN media_files f ON f.sha256 = m.sha256
         WHERE m.media_id = ?1 AND (m.expires_at IS NULL OR m.expires_at > ?2)",
    )?
    .query_row(params![media_id, now_ms], |row| {
        let Some(hash) = row.get::<_, Option<[u8; 32]>>(0)? else {
            return Ok(Entry::Reserved);
        };
        Ok(Entry::Uploaded(Upload {
            hash: FileHash(hash),
            size: row.get::<_, i64>(1)? as u64,
            content_type: row.get(2)?,
            filename: row.get(3)?,
            last_read_at: row.get::<_, Option<i64>>(4)?.unwrap_or(now_ms),
        }))
    })
    .optional()?
    .ok_or_else(not_found)
}

/// A file name as it is kept: one line, no control characters, of bounded length.
pub fn clean_filename(name: &str) -> Option<String> {
    let mut name: String = name.chars().filter(|c| !c.is_control()).collect();
    name.truncate(name.floor_char_boundary(MAX_FILENAME));
    Some(name).filter(|name| !name.is_empty())
}

/// The answer to a request for a file that is not there.
pub fn not_found() -> Error {
    Error::not_found("There is no such file.")
}
