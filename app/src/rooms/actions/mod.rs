//! What can be done with rooms: the same calls serve the window and the command line.

mod create;
mod find;
mod join;
mod people;

use matrix_sdk::{HttpError, Room};

pub use self::{
    create::{NewRoom, create, direct_room},
    find::{find, room},
    join::{accept, decline, decline_all, join, leave},
    people::{ignore, ignored, invite, unignore},
};
pub(crate) use self::{join::decline_room, people::ignored_by};
use crate::{
    failure::{self, Doing},
    ids::RoomId,
    notice::Notice,
    session::Session,
};

/// What can go wrong with a room.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// A fact already in terms of a notice.
    #[error("{0:?}")]
    Told(Notice),
    /// The SDK or the server failed.
    #[error("{0}")]
    Sdk(#[from] matrix_sdk::Error),
    /// Several rooms have this name.
    #[error("several rooms are called “{name}”: {}", .ids.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
}

impl RoomError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::Told(notice) => notice.clone(),
            Self::Sdk(error) => failure::of_sdk(error, Doing::InRoom),
            Self::Ambiguous { .. } => Notice::RoomNotFound,
        }
    }
}

impl From<Notice> for RoomError {
    fn from(notice: Notice) -> Self {
        Self::Told(notice)
    }
}

impl From<HttpError> for RoomError {
    fn from(error: HttpError) -> Self {
        Self::Sdk(error.into())
    }
}

/// Marks a room unread by hand, or read.
pub async fn mark_unread(
    session: &Session,
    room_id: &RoomId,
    unread: bool,
) -> Result<(), RoomError> {
    let room = known(session, room_id)?;
    if !unread {
        read_all(&room).await?;
    }
    Ok(room.set_unread_flag(unread).await?)
}

/// Moves the receipt to the newest event.
async fn read_all(room: &Room) -> Result<(), RoomError> {
    use ruma::{
        api::client::receipt::create_receipt::v3::ReceiptType, events::receipt::ReceiptThread,
    };
    let newest = match room.latest_event() {
        matrix_sdk::latest_events::LatestEventValue::Remote(event) => event.event_id(),
        _ => None,
    };
    if let Some(event_id) = newest {
        room.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, event_id)
            .await?;
    }
    Ok(())
}

/// Favourite or not.
pub async fn favourite(session: &Session, room_id: &RoomId, on: bool) -> Result<(), RoomError> {
    Ok(known(session, room_id)?.set_is_favourite(on, None).await?)
}

/// Notifications of a room off, or as for all rooms.
pub async fn mute(session: &Session, room_id: &RoomId, on: bool) -> Result<(), RoomError> {
    use matrix_sdk::notification_settings::RoomNotificationMode;
    known(session, room_id)?;
    let settings = session.client().notification_settings().await;
    let changed = if on {
        settings
            .set_room_notification_mode(room_id, RoomNotificationMode::Mute)
            .await
    } else {
        settings.delete_user_defined_room_rules(room_id).await
    };
    changed.map_err(|error| {
        Notice::Unexpected {
            detail: error.to_string(),
        }
        .into()
    })
}

fn known(session: &Session, room_id: &RoomId) -> Result<Room, RoomError> {
    session
        .client()
        .get_room(room_id)
        .ok_or_else(|| Notice::RoomNotFound.into())
}
