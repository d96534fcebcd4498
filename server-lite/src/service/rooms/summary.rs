//! What a list of rooms shows of a room: counts, heroes, recency.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv3sync_response-200_roomsummary>

use ruma::UserId;
use rusqlite::Connection;

use super::membership::{Member, with_membership};
use crate::error::Result;

/// A room's counts and recency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Number of the room.
    pub room: i64,
    /// Members with membership `join`.
    pub n_joined: u64,
    /// Members with membership `invite`.
    pub n_invited: u64,
    /// Position of the newest event.
    pub last_position: i64,
    /// Position of the newest event that people care for.
    pub bump_position: i64,
    /// `type` of the create event.
    pub room_type: Option<String>,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// The columns [`read`] wants, of a table called `r`.
pub const COLUMNS: &str = "r.nid, r.n_joined, r.n_invited, r.last_position, r.bump_position,
                           r.room_type, r.encrypted";

/// Reads [`COLUMNS`] from column `first` on.
pub fn read(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Summary> {
    Ok(Summary {
        room: row.get(first)?,
        n_joined: row.get::<_, i64>(first + 1)? as u64,
        n_invited: row.get::<_, i64>(first + 2)? as u64,
        last_position: row.get(first + 3)?,
        bump_position: row.get(first + 4)?,
        room_type: row.get(first + 5)?,
        encrypted: row.get(first + 6)?,
    })
}

/// The summary of one room.
pub fn of_room(connection: &Connection, room: i64) -> Result<Summary> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM rooms r WHERE r.nid = ?1"))?
        .query_row([room], |row| read(row, 0))?)
}

/// Up to five others by whom an unnamed room can be called.
pub fn heroes(connection: &Connection, room: i64, user: &UserId) -> Result<Vec<Member>> {
    const N_HEROES: usize = 5;
    let mut heroes = Vec::new();
    for memberships in [&["join", "invite"][..], &["leave", "ban"][..]] {
        for membership in memberships {
            let members = with_membership(connection, room, membership, N_HEROES + 1)?;
            heroes.extend(members.into_iter().filter(|member| member.user_id != user));
        }
        if !heroes.is_empty() {
            break;
        }
    }
    heroes.truncate(N_HEROES);
    Ok(heroes)
}
