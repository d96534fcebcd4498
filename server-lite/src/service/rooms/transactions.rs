//! Transaction ids: a request sent again after a lost answer is carried out once.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#transaction-identifiers>

use ruma::{EventId, OwnedEventId, TransactionId};
use rusqlite::{Connection, OptionalExtension};

use crate::{
    Error,
    error::Result,
    service::{now_ms, sessions::Session},
    store::WriteTx,
};

/// How long an id is remembered, in milliseconds.
const KEPT: i64 = 24 * 3600 * 1000;

/// The event this transaction made before, if it did. `endpoint` tells requests of one id apart.
pub fn find(
    connection: &Connection,
    session: &Session,
    endpoint: &str,
    txn_id: &TransactionId,
) -> Result<Option<OwnedEventId>> {
    let found: Option<String> = connection
        .prepare_cached(
            "SELECT event_id FROM transactions
             WHERE user_id = ?1 AND device_id = ?2 AND endpoint = ?3 AND txn_id = ?4",
        )?
        .query_row(
            (
                session.user_id.as_str(),
                session.device_id.as_str(),
                endpoint,
                txn_id.as_str(),
            ),
            |row| row.get(0),
        )
        .optional()?;
    found
        .map(|id| EventId::parse(id).map_err(Error::internal))
        .transpose()
}

/// Remembers what a transaction made, and forgets a few old ones.
pub fn remember(
    tx: &WriteTx<'_>,
    session: &Session,
    endpoint: &str,
    txn_id: &TransactionId,
    event_id: &EventId,
) -> Result<()> {
    let now = now_ms();
    tx.prepare_cached(
        "INSERT INTO transactions (user_id, device_id, endpoint, txn_id, event_id, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        session.user_id.as_str(),
        session.device_id.as_str(),
        endpoint,
        txn_id.as_str(),
        event_id.as_str(),
        now,
    ))?;
    tx.prepare_cached(
        "DELETE FROM transactions WHERE (user_id, device_id, endpoint, txn_id) IN (
             SELECT user_id, device_id, endpoint, txn_id FROM transactions
             WHERE created_at < ?1 ORDER BY created_at LIMIT 4)",
    )?
    .execute([now - KEPT])?;
    Ok(())
}
