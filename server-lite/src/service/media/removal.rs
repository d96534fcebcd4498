//! Deleting files: their addresses first, and what is then named by none on disk.

use std::collections::BTreeSet;

use ruma::UserId;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::FileHash;
use crate::{error::Result, service::Services, store::WriteTx};

/// What was deleted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Addresses.
    pub addresses: usize,
    /// Files on disk, which may have had several.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// Which addresses to delete.
#[derive(Debug, Clone)]
pub enum Which {
    /// These.
    Named(Vec<String>),
    /// Those of files that nobody has read since then (milliseconds since 1970); of one user only, if one is named.
    /// What a profile, a room or a setting shows stays.
    UnreadSince(i64, Option<ruma::OwnedUserId>),
}

/// Deletes addresses, and the files that are left without one. Uploads wait meanwhile.
pub async fn remove(services: &Services, which: Which) -> Result<Removed> {
    let alone = services.media.files().lock_alone().await?;
    let chooser = services.clone();
    let ids = services
        .store
        .read(move |c| choose(c, chooser.config.server.name.as_str(), which))
        .await?;
    let (removed, hashes) = services
        .store
        .write(move |tx| delete_rows(tx, &ids))
        .await?;
    for hash in hashes {
        services.media.files().delete(hash);
    }
    drop(alone);
    Ok(removed)
}

/// Which addresses would go.
pub fn choose(connection: &Connection, server: &str, which: Which) -> Result<Vec<String>> {
    match which {
        Which::Named(ids) => Ok(ids),
        Which::UnreadSince(since, user) => unread(connection, server, since, user.as_deref()),
    }
}

fn unread(
    connection: &Connection,
    server: &str,
    since: i64,
    user: Option<&UserId>,
) -> Result<Vec<String>> {
    let shown = super::shown::ids(connection, server)?;
    let mut statement = connection.prepare(
        "SELECT m.sha256, m.media_id, m.user_id FROM media_files f JOIN media m ON m.sha256 = f.sha256
         WHERE f.last_read_at < ?1",
    )?;
    let rows = statement.query_map([since], |row| {
        Ok((
            row.get::<_, [u8; 32]>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let kept: BTreeSet<[u8; 32]> = rows
        .iter()
        .filter(|(_, id, _)| shown.contains(id))
        .map(|(hash, ..)| *hash)
        .collect();
    let wanted = |owner: &str| user.is_none_or(|user| user.as_str() == owner);
    let gone = rows
        .into_iter()
        .filter(|(hash, _, owner)| !kept.contains(hash) && wanted(owner));
    Ok(gone.map(|(_, id, _)| id).collect())
}

fn delete_rows(tx: &WriteTx<'_>, ids: &[String]) -> Result<(Removed, Vec<FileHash>)> {
    let mut removed = Removed::default();
    let mut hashes = BTreeSet::new();
    for id in ids {
        let hash: Option<Option<[u8; 32]>> = tx
            .prepare_cached("DELETE FROM media WHERE media_id = ?1 RETURNING sha256")?
            .query_map([id], |row| row.get(0))?
            .next()
            .transpose()?;
        removed.addresses += usize::from(hash.is_some());
        hashes.extend(hash.flatten());
    }
    let mut gone = Vec::new();
    for hash in hashes {
        let is_named = tx
            .prepare_cached("SELECT 1 FROM media WHERE sha256 = ?1")?
            .exists(params![hash])?;
        if is_named {
            continue;
        }
        let size: Option<i64> = tx
            .prepare_cached("DELETE FROM media_files WHERE sha256 = ?1 RETURNING size")?
            .query_map(params![hash], |row| row.get(0))?
            .next()
            .transpose()?;
        removed.files += 1;
        removed.bytes += size.unwrap_or(0).max(0) as u64;
        gone.push(FileHash(hash));
    }
    Ok((removed, gone))
}

/// Deletes files on disk that no address names: what an upload left that failed at its end. Returns how many.
pub async fn remove_orphans(services: &Services) -> Result<usize> {
    let alone = services.media.files().lock_alone().await?;
    let mut n_removed = 0;
    for hash in services.media.files().stored()? {
        let is_known = services
            .store
            .read(move |c| {
                let mut known = c.prepare_cached("SELECT 1 FROM media_files WHERE sha256 = ?1")?;
                Ok(known.exists(params![hash.0])?)
            })
            .await?;
        if !is_known {
            services.media.files().delete(hash);
            n_removed += 1;
        }
    }
    drop(alone);
    Ok(n_removed)
}
