//! Whom a call is with, as it is named.

use super::Who;
use crate::{
    ids::{OwnedUserId, RoomId, UserId},
    rooms::{Rooms, preview},
    session::Session,
    view::Avatar,
};

/// A direct room has its person's name and picture, as in the list; elsewhere the person is named, and the room.
pub(super) async fn of(
    session: &Session,
    rooms: &Rooms,
    room_id: &RoomId,
    peer: Option<&OwnedUserId>,
) -> Who {
    let row = rooms.get(room_id);
    let room = session.client().get_room(room_id);
    match (row, room, peer) {
        (Some(row), _, peer) if row.is_direct || peer.is_none() => Who {
            name: row.name.clone(),
            avatar: row.avatar.clone(),
            room_name: None,
        },
        (row, Some(room), Some(peer)) => {
            let name = preview::name_of(&room, peer).await;
            let member = room.get_member_no_sync(peer).await.ok().flatten();
            let picture = member.and_then(|member| member.avatar_url().map(ToOwned::to_owned));
            Who {
                avatar: Avatar::new(peer.as_str(), &name, picture),
                // A room without a name is called after who is in it.
                room_name: row.map(|row| row.name.clone()).filter(|room| *room != name),
                name,
            }
        }
        (row, _, peer) => stranger(row.map(|row| row.name.as_str()), peer.map(|peer| &**peer)),
    }
}

/// Nothing is known but an id.
fn stranger(room_name: Option<&str>, peer: Option<&UserId>) -> Who {
    let name = peer
        .map(UserId::as_str)
        .or(room_name)
        .unwrap_or_default()
        .to_owned();
    Who {
        avatar: Avatar::new(&name, &name, None),
        name,
        room_name: None,
    }
}
