//! Typing notifications, receipts, read markers.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#typing-notifications>

use ruma::{
    EventId, RoomId,
    api::client::{
        read_marker::set_read_marker,
        receipt::create_receipt::{self, v3::ReceiptType},
        typing::create_typing_event::{self, v3::Typing},
    },
    events::receipt::ReceiptThread,
};
use serde_json::{json, value::to_raw_value};

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, account_data,
        rooms::{
            self, Room, events,
            receipts::{self, READ, READ_PRIVATE},
            visibility::require_joined,
        },
        sessions::Session,
    },
    store::WriteTx,
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(create_typing_event_route)
        .ruma(create_receipt_route)
        .ruma(set_read_marker_route)
}

async fn create_typing_event_route(
    services: Services,
    request: Authed<create_typing_event::v3::Request>,
) -> Result<create_typing_event::v3::Response> {
    if request.body.user_id != request.user_id() {
        return Err(Error::forbidden("You can only say that you yourself type."));
    }
    let (user, room_id) = (
        request.session.user_id.clone(),
        request.body.room_id.clone(),
    );
    let timeout = match &request.state {
        Typing::Yes(typing) => Some(typing.timeout),
        Typing::No => None,
    };
    let waker = services.clone();
    services
        .store
        .read(move |c| {
            let room = rooms::get(c, &room_id)?;
            require_joined(c, &room, &user)?;
            if waker.typing.set(room.nid, &user, timeout) {
                waker.notifier.wake_room(c, room.nid)?;
            }
            Ok(())
        })
        .await?;
    Ok(create_typing_event::v3::Response::new())
}

fn thread_name(thread: &ReceiptThread) -> Result<String> {
    Ok(match thread {
        ReceiptThread::Unthreaded => String::new(),
        ReceiptThread::Main => "main".to_owned(),
        ReceiptThread::Thread(root) => root.to_string(),
        _ => return Err(Error::invalid_param("Unknown thread.")),
    })
}

async fn create_receipt_route(
    services: Services,
    request: Authed<create_receipt::v3::Request>,
) -> Result<create_receipt::v3::Response> {
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &request.room_id)?;
            require_joined(tx, &room, request.user_id())?;
            let thread = thread_name(&request.thread)?;
            let user = request.user_id();
            let kind = match &request.receipt_type {
                ReceiptType::Read => READ,
                ReceiptType::ReadPrivate => READ_PRIVATE,
                ReceiptType::FullyRead => {
                    return mark_fully_read(tx, &room, &request.session, &request.event_id);
                }
                _ => return Err(Error::invalid_param("Unknown type of receipt.")),
            };
            receipts::set(tx, &writer, &room, user, kind, &thread, &request.event_id)
        })
        .await?;
    Ok(create_receipt::v3::Response::new())
}

async fn set_read_marker_route(
    services: Services,
    request: Authed<set_read_marker::v3::Request>,
) -> Result<set_read_marker::v3::Response> {
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &request.room_id)?;
            require_joined(tx, &room, request.user_id())?;
            let user = request.user_id();
            if let Some(event) = &request.fully_read {
                mark_fully_read(tx, &room, &request.session, event)?;
            }
            let marks = [
                (READ, &request.read_receipt),
                (READ_PRIVATE, &request.private_read_receipt),
            ];
            for (kind, event) in marks {
                if let Some(event) = event {
                    receipts::set(tx, &writer, &room, user, kind, "", event)?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(set_read_marker::v3::Response::new())
}

fn mark_fully_read(
    tx: &WriteTx<'_>,
    room: &Room,
    session: &Session,
    event_id: &EventId,
) -> Result<()> {
    events::position(tx, room.nid, event_id)?
        .ok_or_else(|| Error::not_found("There is no such event in this room."))?;
    let room_id: &RoomId = &room.id;
    let content = to_raw_value(&json!({ "event_id": event_id }))?;
    account_data::set(
        tx,
        &session.user_id,
        Some(room_id),
        "m.fully_read",
        &content,
    )?;
    tx.wake(&session.user_id);
    Ok(())
}
