//! Filters a client stores to refer to in `/sync`. The same filter is stored once.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#filtering>

use ruma::{UserId, api::client::filter::FilterDefinition};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{Component, Step, WriteTx};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "filters",
    steps: &[Step::Sql(include_str!("../store/schema/filters.sql"))],
};

/// Stores a filter (its JSON) and returns its id.
pub fn create(tx: &WriteTx<'_>, user_id: &UserId, content: &str) -> rusqlite::Result<i64> {
    let known: Option<i64> = tx
        .prepare_cached("SELECT filter_id FROM filters WHERE user_id = ?1 AND content = ?2")?
        .query_row(params![user_id.as_str(), content], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    tx.prepare_cached(
        "INSERT INTO filters (user_id, filter_id, content)
         VALUES (?1, (SELECT coalesce(max(filter_id), 0) + 1 FROM filters WHERE user_id = ?1), ?2)
         RETURNING filter_id",
    )?
    .query_row(params![user_id.as_str(), content], |row| row.get(0))
}

/// The filter a user stored under an id.
pub fn get(
    conn: &Connection,
    user_id: &UserId,
    filter_id: &str,
) -> rusqlite::Result<Option<FilterDefinition>> {
    let Ok(filter_id) = filter_id.parse::<i64>() else {
        return Ok(None);
    };
    let content: Option<String> = conn
        .prepare_cached("SELECT content FROM filters WHERE user_id = ?1 AND filter_id = ?2")?
        .query_row(params![user_id.as_str(), filter_id], |row| row.get(0))
        .optional()?;
    Ok(content.and_then(|json| serde_json::from_str(&json).ok()))
}
