//! The directories of networks behind application services.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#published-room-directories>

use rusqlite::Connection;

use crate::{error::Result, service::rooms::Room, store::WriteTx};

/// How clients name a network: `third_party_instance_id`.
pub fn instance_id(appservice: &str, network: &str) -> String {
    format!("{appservice}|{network}")
}

/// Shows a room in the directory of a network, or no longer.
pub fn publish(
    tx: &WriteTx<'_>,
    appservice: &str,
    network: &str,
    room: &Room,
    published: bool,
) -> Result<()> {
    let sql = if published {
        "INSERT OR IGNORE INTO appservice_directory (appservice, network, room) VALUES (?1, ?2, ?3)"
    } else {
        "DELETE FROM appservice_directory WHERE appservice = ?1 AND network = ?2 AND room = ?3"
    };
    tx.prepare_cached(sql)?
        .execute((appservice, network, room.nid))?;
    Ok(())
}

/// The numbers of the rooms that a network shows.
pub fn rooms_of(connection: &Connection, instance_id: &str) -> Result<Vec<i64>> {
    let Some((appservice, network)) = instance_id.split_once('|') else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT room FROM appservice_directory WHERE appservice = ?1 AND network = ?2",
    )?;
    let rows = statement.query_map((appservice, network), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
