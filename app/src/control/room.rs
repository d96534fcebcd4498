//! Commands about rooms and people.

use ruma::UserId;
use serde_json::{Value, json};

use super::{Command, Failure, Link};
use crate::{
    ids::OwnedUserId,
    notice::Notice,
    rooms::{
        actions::{self, NewRoom},
        order,
    },
    session::Session,
    view::room_list::{Preview, RoomRow, RowMembership},
};

pub(super) async fn list(session: &Session) -> Value {
    let rooms = session.rooms().rooms().borrow().clone();
    let rows = order::sorted(rooms.rows());
    rows.iter().map(|row| describe(session, row)).collect()
}

fn describe(session: &Session, row: &RoomRow) -> Value {
    let room = session.client().get_room(&row.room_id);
    let (membership, inviter) = match &row.membership {
        RowMembership::Joined => ("joined", None),
        RowMembership::Invited { inviter, .. } => ("invited", inviter.clone()),
        RowMembership::Knocked => ("knocked", None),
    };
    json!({
        "room_id": row.room_id,
        "name": row.name,
        "alias": room.as_ref().and_then(|room| room.canonical_alias()),
        "membership": membership,
        "inviter": inviter,
        "direct": row.is_direct,
        "encrypted": row.is_encrypted,
        "favourite": row.is_favourite,
        "muted": row.muted,
        "joined_members": room.as_ref().map(|room| room.joined_members_count()),
        "unread": row.unread,
        "mentions": row.mentions,
        "marked_unread": row.marked_unread,
        "timestamp": row.timestamp,
        "preview": preview(&row.preview),
    })
}

fn preview(preview: &Preview) -> Value {
    match preview {
        Preview::None => Value::Null,
        Preview::Text { sender, text, .. } => {
            json!({ "kind": "text", "sender": sender, "text": text })
        }
        Preview::Attachment { sender, name, .. } => {
            json!({ "kind": "attachment", "sender": sender, "text": name })
        }
        Preview::Encrypted => json!({ "kind": "encrypted" }),
        Preview::Call { sender, .. } => json!({ "kind": "call", "sender": sender }),
        Preview::Redacted => json!({ "kind": "redacted" }),
        Preview::Typing { names } => json!({ "kind": "typing", "names": names }),
        Preview::Change { sender } => json!({ "kind": "change", "sender": sender }),
    }
}

pub(super) async fn join(session: &Session, address: &str, link: &Link) -> Result<Value, Failure> {
    let room_id = actions::join(session, address, &link.waiting()).await?;
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn create(
    session: &Session,
    command: Command,
    link: &Link,
) -> Result<Value, Failure> {
    let Command::Create {
        name,
        topic,
        unencrypted,
        public,
        alias,
        invite,
        direct,
    } = command
    else {
        return Err(Failure::usage("not a room to make"));
    };
    let invite = invite
        .iter()
        .map(|user| person(user))
        .collect::<Result<Vec<_>, _>>()?;
    let waiting = link.waiting();
    let room_id = match &invite[..] {
        [user_id] if direct && !unencrypted => {
            actions::direct_room(session, user_id, &waiting).await?
        }
        _ => {
            let encrypted = !unencrypted && !public;
            let new = NewRoom {
                name,
                topic,
                encrypted,
                public,
                alias,
                invite,
                direct,
            };
            actions::create(session, &new, &waiting).await?
        }
    };
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn invite(session: &Session, room: &str, user: &str) -> Result<Value, Failure> {
    let room_id = actions::find(session, room).await?;
    actions::invite(session, &room_id, &person(user)?).await?;
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn accept(session: &Session, room: &str) -> Result<Value, Failure> {
    let room_id = actions::find(session, room).await?;
    actions::accept(session, &room_id).await?;
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn decline(session: &Session, room: &str, ignore: bool) -> Result<Value, Failure> {
    let room_id = actions::find(session, room).await?;
    actions::decline(session, &room_id, ignore).await?;
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn leave(session: &Session, room: &str) -> Result<Value, Failure> {
    let room_id = actions::find(session, room).await?;
    actions::leave(session, &room_id).await?;
    Ok(json!({ "room_id": room_id }))
}

pub(super) async fn ignore(
    session: &Session,
    user: Option<&str>,
    off: bool,
) -> Result<Value, Failure> {
    match user {
        Some(user) if off => actions::unignore(session, &person(user)?).await?,
        Some(user) => actions::ignore(session, &person(user)?).await?,
        None => return Ok(json!({ "ignored": actions::ignored(session).await? })),
    }
    Ok(Value::Null)
}

pub(super) fn person(text: &str) -> Result<OwnedUserId, Failure> {
    UserId::parse(text.trim()).map_err(|_| {
        Notice::NotAnAddress {
            text: text.to_owned(),
        }
        .into()
    })
}
