//! Inviting, and ignoring.

use matrix_sdk::Client;
use ruma::events::ignored_user_list::IgnoredUserListEventContent;

use super::{RoomError, known};
use crate::{
    failure::{self, Doing},
    ids::{OwnedUserId, RoomId, UserId},
    session::Session,
};

/// Invites a person; the history they may read is shared with them.
pub async fn invite(
    session: &Session,
    room_id: &RoomId,
    user_id: &UserId,
) -> Result<(), RoomError> {
    let room = known(session, room_id)?;
    room.invite_user_by_id(user_id)
        .await
        .map_err(|error| failure::of_sdk(&error, Doing::WithUser(user_id.as_str())).into())
}

/// Ignores a person: nothing of theirs is shown any more.
pub async fn ignore(session: &Session, user_id: &UserId) -> Result<(), RoomError> {
    Ok(session.client().account().ignore_user(user_id).await?)
}

/// No longer ignores a person.
pub async fn unignore(session: &Session, user_id: &UserId) -> Result<(), RoomError> {
    Ok(session.client().account().unignore_user(user_id).await?)
}

/// Whom we ignore.
pub async fn ignored(session: &Session) -> Result<Vec<OwnedUserId>, RoomError> {
    ignored_by(session.client()).await
}

/// Whom the account of this client ignores, as far as the stores know.
pub(crate) async fn ignored_by(client: &Client) -> Result<Vec<OwnedUserId>, RoomError> {
    let list = client
        .account()
        .account_data::<IgnoredUserListEventContent>()
        .await?;
    let content = list.and_then(|raw| raw.deserialize().ok());
    Ok(content
        .map(|list| list.ignored_users.into_keys().collect())
        .unwrap_or_default())
}
