//! From what a person typed to a room.

use matrix_sdk::{Room, RoomState};
use ruma::{OwnedRoomOrAliasId, OwnedServerName, RoomAliasId, RoomId, RoomOrAliasId, UserId};

use super::RoomError;
use crate::{
    ids::OwnedRoomId,
    notice::Notice,
    session::Session,
    text::{MatrixLink, matrix_link},
};

/// An address that can be joined.
pub(super) struct Address {
    /// Id or alias.
    pub room: OwnedRoomOrAliasId,
    /// Servers that know it.
    pub via: Vec<OwnedServerName>,
}

impl Address {
    /// Reads an id, an alias, a `matrix:` or a matrix.to link.
    pub fn parse(text: &str) -> Result<Self, RoomError> {
        let text = text.trim();
        if let Ok(room) = RoomOrAliasId::parse(text) {
            return Ok(Self {
                room,
                via: Vec::new(),
            });
        }
        match matrix_link(text) {
            Some((MatrixLink::Room(room) | MatrixLink::Event(room, _), _)) => Ok(Self {
                room,
                via: via_of(text),
            }),
            Some((MatrixLink::User(_), _)) | None => Err(Notice::NotAnAddress {
                text: text.to_owned(),
            }
            .into()),
        }
    }
}

/// The servers a link names.
fn via_of(link: &str) -> Vec<OwnedServerName> {
    match (ruma::MatrixUri::parse(link), ruma::MatrixToUri::parse(link)) {
        (Ok(uri), _) => uri.via().to_vec(),
        (_, Ok(uri)) => uri.via().to_vec(),
        _ => Vec::new(),
    }
}

/// The room a person means: by id, alias, link, the user id of a direct room, or a name only one room has.
pub async fn find(session: &Session, text: &str) -> Result<OwnedRoomId, RoomError> {
    let text = text.trim();
    let client = session.client();
    if let Ok(user_id) = UserId::parse(text) {
        let room = client.get_dm_room(&user_id).ok_or(Notice::RoomNotFound)?;
        return Ok(room.room_id().to_owned());
    }
    if let Ok(Address { room, .. }) = Address::parse(text) {
        if let Ok(room_id) = <&RoomId>::try_from(&*room) {
            let known = client.get_room(room_id).ok_or(Notice::RoomNotFound)?;
            return Ok(known.room_id().to_owned());
        }
        if let Ok(alias) = <&RoomAliasId>::try_from(&*room) {
            if let Some(known) = rooms(session).find(|room| has_alias(room, alias)) {
                return Ok(known.room_id().to_owned());
            }
            return Ok(client.resolve_room_alias(alias).await?.room_id);
        }
    }
    by_name(session, text).await
}

fn has_alias(room: &Room, alias: &RoomAliasId) -> bool {
    room.canonical_alias().as_deref() == Some(alias)
        || room.alt_aliases().iter().any(|alt| alt == alias)
}

fn rooms(session: &Session) -> impl Iterator<Item = Room> {
    let shown = |room: &Room| !matches!(room.state(), RoomState::Left | RoomState::Banned);
    session.client().rooms().into_iter().filter(shown)
}

async fn by_name(session: &Session, name: &str) -> Result<OwnedRoomId, RoomError> {
    let mut found = Vec::new();
    for room in rooms(session) {
        if room
            .display_name()
            .await
            .is_ok_and(|known| known.to_string() == name)
        {
            found.push(room.room_id().to_owned());
        }
    }
    match &found[..] {
        [] => Err(Notice::RoomNotFound.into()),
        [room_id] => Ok(room_id.clone()),
        several => Err(RoomError::Ambiguous {
            name: name.to_owned(),
            ids: several.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// A room that is known here.
pub fn room(session: &Session, room_id: &RoomId) -> Result<Room, RoomError> {
    super::known(session, room_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_is_read() {
        for (text, room, n_via) in [
            ("#hall:example.org", "#hall:example.org", 0),
            ("!abc:example.org", "!abc:example.org", 0),
            ("matrix:r/hall:example.org", "#hall:example.org", 0),
            (
                "matrix:roomid/abc:example.org?via=one.org&via=two.org",
                "!abc:example.org",
                2,
            ),
            (
                "https://matrix.to/#/%23hall:example.org",
                "#hall:example.org",
                0,
            ),
            (
                "https://matrix.to/#/!abc:example.org/$event?via=one.org",
                "!abc:example.org",
                1,
            ),
        ] {
            let address = Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(address.room.as_str(), room, "{text}");
            assert_eq!(address.via.len(), n_via, "{text}");
        }
    }

    #[test]
    fn what_is_no_room_is_refused() {
        for text in [
            "",
            "hall",
            "@ada:example.org",
            "matrix:u/ada:example.org",
            "https://example.org",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
