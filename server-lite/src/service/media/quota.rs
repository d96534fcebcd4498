//! How much may be stored: by one user, and in all.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#common-error-codes>, `M_USER_LIMIT_EXCEEDED`

use http::StatusCode;
use ruma::{
    UserId,
    api::error::{ErrorKind, ResourceLimitExceededErrorData, UserLimitExceededErrorData},
};
use rusqlite::{Connection, OptionalExtension};

use super::{Upload, files::too_large};
use crate::{
    config::Config,
    error::{Error, Result},
};

const MIB: u64 = 1024 * 1024;

/// What sets the bound.
#[derive(Debug, Clone)]
enum Bound {
    /// The largest file there may be.
    File,
    /// What one user may store, in MiB; and where they can read about it.
    User(u32, String),
    /// What all may store, in MiB.
    Total(u32),
}

/// The largest file that somebody may upload now.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// In bytes.
    pub max: u64,
    bound: Bound,
}

impl Allowance {
    /// Refuses a file of `size` bytes if it is too large.
    ///
    /// # Errors
    /// As [`Self::exceeded`].
    pub fn check(&self, size: u64) -> Result<()> {
        if size > self.max {
            Err(self.exceeded())
        } else {
            Ok(())
        }
    }

    /// The answer to a file that is too large: `M_TOO_LARGE` for one that is always, `M_USER_LIMIT_EXCEEDED` beyond the
    /// user's quota, `M_RESOURCE_LIMIT_EXCEEDED` if the server's space is used up.
    pub fn exceeded(&self) -> Error {
        match &self.bound {
            Bound::File => too_large(self.max),
            Bound::User(mib, uri) => {
                let data = UserLimitExceededErrorData::new(uri.clone());
                let text =
                    format!("You may store {mib} MiB of files here, and this would be more.");
                Error::new(
                    StatusCode::FORBIDDEN,
                    ErrorKind::UserLimitExceeded(data),
                    text,
                )
            }
            Bound::Total(mib) => {
                let data = ResourceLimitExceededErrorData::new(String::new());
                let text =
                    format!("This server stores {mib} MiB of files, and this would be more.");
                let kind = ErrorKind::ResourceLimitExceeded(data);
                Error::new(StatusCode::INSUFFICIENT_STORAGE, kind, text)
            }
        }
    }
}

/// The largest file `user` may upload now.
pub fn allowance(connection: &Connection, config: &Config, user: &UserId) -> Result<Allowance> {
    let media = &config.media;
    let mut allowance = Allowance {
        max: u64::from(media.max_upload_mib) * MIB,
        bound: Bound::File,
    };
    let mut bound_by = |max: u64, bound: Bound| {
        if max < allowance.max {
            allowance = Allowance { max, bound };
        }
    };
    if let Some(quota) = media.quota_mib_per_user {
        let left = (u64::from(quota.get()) * MIB).saturating_sub(usage(connection, user)?);
        bound_by(left, Bound::User(quota.get(), info_uri(config)));
    }
    if let Some(limit) = media.max_total_mib {
        let left = (u64::from(limit.get()) * MIB).saturating_sub(total(connection)?);
        bound_by(left, Bound::Total(limit.get()));
    }
    Ok(allowance)
}

/// Refuses a file that has arrived, if others that arrived meanwhile left no room for it.
///
/// # Errors
/// As [`Allowance::exceeded`].
pub(super) fn check(
    connection: &Connection,
    config: &Config,
    user: &UserId,
    upload: &Upload,
) -> Result<()> {
    let allowance = allowance(connection, config, user)?;
    let is_stored = connection
        .prepare_cached("SELECT 1 FROM media_files WHERE sha256 = ?1")?
        .exists([&upload.hash.0[..]])?;
    if is_stored && matches!(allowance.bound, Bound::Total(_)) {
        return Ok(());
    }
    allowance.check(upload.size)
}

/// How much a user stores, in bytes.
pub fn usage(connection: &Connection, user: &UserId) -> Result<u64> {
    let bytes: Option<i64> = connection
        .prepare_cached("SELECT bytes FROM media_usage WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))
        .optional()?;
    Ok(bytes.unwrap_or(0).max(0) as u64)
}

/// How much all files take on disk, in bytes.
pub fn total(connection: &Connection) -> Result<u64> {
    let bytes: i64 = connection
        .prepare_cached("SELECT bytes FROM media_total")?
        .query_row([], |row| row.get(0))?;
    Ok(bytes.max(0) as u64)
}

/// Where whoever reaches a limit can read on.
fn info_uri(config: &Config) -> String {
    match &config.support.page {
        Some(page) => page.to_string(),
        None => format!("https://{}/.well-known/matrix/support", config.server.name),
    }
}
