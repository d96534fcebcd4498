//! Making rooms. Encryption is on unless the person decides otherwise.

use ruma::{
    OwnedRoomId, OwnedUserId, UserId,
    api::client::room::{
        Visibility,
        create_room::v3::{Request, RoomPreset},
    },
    events::{InitialStateEvent, room::encryption::RoomEncryptionEventContent},
};

use super::RoomError;
use crate::{
    failure::{self, Doing},
    rate_limit::{self, Waiting},
    session::Session,
};

/// A room to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Encrypted.
    pub encrypted: bool,
    /// Anybody may join, and it is listed.
    pub public: bool,
    /// Local part of its address, with or without `#`.
    pub alias: Option<String>,
    /// Whom to invite.
    pub invite: Vec<OwnedUserId>,
    /// With one other person.
    pub direct: bool,
}

impl NewRoom {
    fn request(&self) -> Request {
        let mut request = Request::new();
        request.name = some(&self.name);
        request.topic = some(&self.topic);
        request.room_alias_name = self.alias.as_deref().and_then(local_alias);
        request.invite = self.invite.clone();
        request.is_direct = self.direct;
        request.visibility = if self.public {
            Visibility::Public
        } else {
            Visibility::Private
        };
        request.preset = Some(match (self.public, self.direct) {
            (true, _) => RoomPreset::PublicChat,
            (false, true) => RoomPreset::TrustedPrivateChat,
            (false, false) => RoomPreset::PrivateChat,
        });
        if self.encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            request.initial_state =
                vec![InitialStateEvent::with_empty_state_key(content).to_raw_any()];
        }
        request
    }
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The local part of an alias, from any way of writing it.
fn local_alias(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('#');
    some(text.split_once(':').map_or(text, |(local, _)| local))
}

/// Makes a room; rate limits are waited out.
pub async fn create(
    session: &Session,
    new: &NewRoom,
    waiting: &Waiting,
) -> Result<OwnedRoomId, RoomError> {
    let client = session.client();
    let answer = rate_limit::patiently(waiting, async || {
        client
            .send(new.request())
            .with_request_config(rate_limit::visible())
            .await
    });
    let room_id = answer
        .await
        .map_err(|error| failure::of_http(&error, Doing::InRoom))?
        .room_id;
    if new.direct && !new.invite.is_empty() {
        client.account().mark_as_dm(&room_id, &new.invite).await?;
    }
    // Made on the server; this makes it known here without waiting for the next sync.
    client.join_room_by_id(&room_id).await?;
    Ok(room_id)
}

/// The direct room with a person: the one there is, or a new, encrypted one.
pub async fn direct_room(
    session: &Session,
    user_id: &UserId,
    waiting: &Waiting,
) -> Result<OwnedRoomId, RoomError> {
    if let Some(room) = session.client().get_dm_room(user_id) {
        return Ok(room.room_id().to_owned());
    }
    let new = NewRoom {
        encrypted: true,
        direct: true,
        invite: vec![user_id.to_owned()],
        ..NewRoom::default()
    };
    create(session, &new, waiting).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_may_be_written_in_any_way() {
        for text in ["hall", "#hall", "#hall:example.org", " hall "] {
            assert_eq!(local_alias(text).as_deref(), Some("hall"), "{text:?}");
        }
        assert_eq!(local_alias(" "), None);
    }

    #[test]
    fn an_encrypted_room_is_so_from_its_first_event() {
        let new = NewRoom {
            encrypted: true,
            ..NewRoom::default()
        };
        assert_eq!(new.request().initial_state.len(), 1);
        let plain = NewRoom {
            public: true,
            ..NewRoom::default()
        };
        assert!(plain.request().initial_state.is_empty());
        assert_eq!(plain.request().preset, Some(RoomPreset::PublicChat));
    }
}
