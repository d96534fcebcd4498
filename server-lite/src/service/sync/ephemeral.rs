//! Receipts and typing as events.

use ruma::UserId;
use rusqlite::Connection;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use crate::{
    error::Result,
    service::{
        ignores::Ignored,
        rooms::{receipts, typing::Typing},
    },
};

/// The `m.receipt` event with what changed after `since`.
pub fn receipts(
    connection: &Connection,
    room: i64,
    user: &UserId,
    since: u64,
) -> Result<Option<Box<RawValue>>> {
    let content = receipts::content_since(connection, room, user, since)?;
    content
        .map(|content| {
            Ok(to_raw_value(
                &json!({ "type": "m.receipt", "content": content }),
            )?)
        })
        .transpose()
}

/// The `m.typing` event, if who types changed after serial `since`; without those the reader ignores.
pub fn typing(
    typing: &Typing,
    room: i64,
    ignored: &Ignored<'_>,
    since: u64,
) -> Result<Option<Box<RawValue>>> {
    let Some(users) = typing.since(room, since) else {
        return Ok(None);
    };
    let mut heard = Vec::new();
    for user in users {
        if !ignored.contains(user.as_str())? {
            heard.push(user);
        }
    }
    let content = json!({ "user_ids": heard });
    let event = to_raw_value(&json!({ "type": "m.typing", "content": content }))?;
    Ok(Some(event))
}
