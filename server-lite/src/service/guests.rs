//! Guests: accounts without a password, which may enter only rooms that let guests in.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#guest-access>

use http::StatusCode;
use ruma::{UserId, api::error::ErrorKind, events::TimelineEventType};
use rusqlite::{Connection, params};

use super::{
    Services,
    rooms::{
        Room, events,
        membership::{self, Change},
        pdu::Pdu,
    },
};
use crate::{
    error::{Error, Result},
    store::WriteTx,
};

/// Whether an account is a guest's.
pub fn is_guest(connection: &Connection, user: &UserId) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM users WHERE user_id = ?1 AND guest = 1")?
        .exists([user.as_str()])?)
}

fn lets_guests_in(connection: &Connection, room: &Room) -> Result<bool> {
    let access = events::current_state(connection, room, "m.room.guest_access", "")?;
    let access = access.and_then(|pdu| pdu.content_str("guest_access"));
    Ok(access.as_deref() == Some("can_join"))
}

/// Refuses a guest who wants to enter a room that lets none in.
///
/// # Errors
/// `M_GUEST_ACCESS_FORBIDDEN`.
pub fn check_entry(connection: &Connection, room: &Room, user: &UserId) -> Result<()> {
    if !is_guest(connection, user)? || lets_guests_in(connection, room)? {
        return Ok(());
    }
    Err(forbidden("This room lets no guests in."))
}

/// A refusal of something that guests may not do.
pub fn forbidden(message: &str) -> Error {
    Error::new(
        StatusCode::FORBIDDEN,
        ErrorKind::GuestAccessForbidden,
        message,
    )
}

/// Once a room lets no guests in any longer, those inside leave.
pub fn follow(tx: &WriteTx<'_>, services: &Services, room: &mut Room, pdu: &Pdu) -> Result<()> {
    let concerns_guests =
        pdu.kind == TimelineEventType::RoomGuestAccess && pdu.state_key.as_deref() == Some("");
    if !concerns_guests || lets_guests_in(tx, room)? {
        return Ok(());
    }
    let guests = tx
        .prepare_cached(
            "SELECT m.user_id FROM memberships m JOIN users u ON u.user_id = m.user_id
             WHERE m.room = ?1 AND m.membership = 'join' AND u.guest = 1",
        )?
        .query_map([room.nid], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for guest in guests {
        let guest = UserId::parse(guest).map_err(Error::internal)?;
        let reason = Some("This room lets no guests in any longer.".to_owned());
        membership::change(
            tx,
            services,
            room,
            Change::new(&guest, &guest, "leave").because(reason),
        )?;
    }
    Ok(())
}

/// Makes a guest's account an ordinary one.
///
/// # Errors
/// `M_FORBIDDEN` if it is none of a guest any longer.
pub fn promote(tx: &WriteTx<'_>, user: &UserId, password_hash: &str) -> Result<()> {
    let changed = tx.execute(
        "UPDATE users SET guest = 0, password_hash = ?2 WHERE user_id = ?1 AND guest = 1 AND deactivated = 0",
        params![user.as_str(), password_hash],
    )?;
    if changed == 0 {
        return Err(Error::forbidden("This is no guest's account."));
    }
    Ok(())
}
