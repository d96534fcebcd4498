//! Joining, accepting, declining, leaving.

use matrix_sdk::{Room, RoomState};
use ruma::{
    OwnedRoomId, OwnedServerName, RoomAliasId, RoomId, RoomOrAliasId,
    api::client::membership::join_room_by_id_or_alias,
};

use super::{RoomError, find::Address, known};
use crate::{
    failure::{self, Doing},
    rate_limit::{self, Waiting},
    session::Session,
};

/// Joins by id, alias, `matrix:` or matrix.to link; rate limits are waited out. An invite is accepted.
pub async fn join(
    session: &Session,
    address: &str,
    waiting: &Waiting,
) -> Result<OwnedRoomId, RoomError> {
    let Address { room, via } = Address::parse(address)?;
    let invited = <&RoomId>::try_from(&*room)
        .ok()
        .and_then(|room_id| session.client().get_room(room_id))
        .is_some_and(|room| room.state() == RoomState::Invited);
    if invited {
        // The SDK must see the invite go, to take in the keys the inviter shared; it waits out rate limits unseen.
        return Ok(session
            .client()
            .join_room_by_id_or_alias(&room, &via)
            .await?
            .room_id()
            .to_owned());
    }
    let via = with_own_server(&room, via);
    let answer = rate_limit::patiently(waiting, async || {
        let mut request = join_room_by_id_or_alias::v3::Request::new(room.clone());
        request.via = via.clone();
        session
            .client()
            .send(request)
            .with_request_config(rate_limit::visible())
            .await
    });
    let joined = answer
        .await
        .map_err(|error| failure::of_http(&error, Doing::InRoom))?;
    // Joined on the server; this makes it known here without waiting for the next sync.
    let room = session.client().join_room_by_id(&joined.room_id).await?;
    Ok(room.room_id().to_owned())
}

/// An alias is resolved by its own server; an id of the old kind names a server that is likely to be in the room.
fn with_own_server(room: &RoomOrAliasId, mut via: Vec<OwnedServerName>) -> Vec<OwnedServerName> {
    let own = <&RoomAliasId>::try_from(room)
        .map(|alias| Some(alias.server_name()))
        .unwrap_or_else(|_| room.server_name());
    if let Some(server) = own
        && via.is_empty()
    {
        via.push(server.to_owned());
    }
    via
}

/// Accepts an invite.
pub async fn accept(session: &Session, room_id: &RoomId) -> Result<(), RoomError> {
    Ok(known(session, room_id)?.join().await?)
}

/// Declines an invite, and ignores whoever sent it if asked to.
pub async fn decline(
    session: &Session,
    room_id: &RoomId,
    ignore_inviter: bool,
) -> Result<(), RoomError> {
    Ok(decline_room(&known(session, room_id)?, ignore_inviter).await?)
}

/// As [`decline`]. Ignoring comes first: it helps even if the room cannot be left.
pub(crate) async fn decline_room(room: &Room, ignore_inviter: bool) -> matrix_sdk::Result<()> {
    let inviter = match room.invite_details().await {
        Ok(invite) if ignore_inviter => invite.inviter,
        _ => None,
    };
    if let Some(inviter) = inviter {
        let account = room.client().account();
        account.ignore_user(inviter.user_id()).await?;
    }
    room.leave().await
}

/// Declines every invite; those that fail stay, and the first failure is told.
pub async fn decline_all(session: &Session) -> Result<(), RoomError> {
    let mut failed = None;
    for room in session.client().invited_rooms() {
        if let Err(error) = room.leave().await {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Leaves a room.
pub async fn leave(session: &Session, room_id: &RoomId) -> Result<(), RoomError> {
    Ok(known(session, room_id)?.leave().await?)
}
