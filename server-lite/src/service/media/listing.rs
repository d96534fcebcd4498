//! Uploaded files as the operator sees them.

use ruma::UserId;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::error::Result;

/// One address.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// The part after the server's name.
    pub media_id: String,
    /// Who uploaded it.
    pub user_id: String,
    /// In bytes.
    pub size: i64,
    /// As the uploader said.
    pub content_type: Option<String>,
    /// As the uploader said.
    pub filename: Option<String>,
    /// When it was uploaded, in milliseconds since 1970.
    pub created_at: i64,
    /// When somebody last read it, to the day; when it came, at first.
    pub last_read_at: i64,
}

/// Uploaded files, newest first; of one user only, if one is named.
pub fn list(connection: &Connection, user: Option<&UserId>, limit: usize) -> Result<Vec<Listed>> {
    let mut statement = connection.prepare(
        "SELECT m.media_id, m.user_id, m.size, m.content_type, m.filename, m.created_at, f.last_read_at
         FROM media m JOIN media_files f ON f.sha256 = m.sha256
         WHERE ?1 IS NULL OR m.user_id = ?1 ORDER BY m.created_at DESC, m.media_id LIMIT ?2",
    )?;
    let user = user.map(UserId::as_str);
    let rows = statement.query_map(params![user, limit as i64], |row| {
        Ok(Listed {
            media_id: row.get(0)?,
            user_id: row.get(1)?,
            size: row.get(2)?,
            content_type: row.get(3)?,
            filename: row.get(4)?,
            created_at: row.get(5)?,
            last_read_at: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
