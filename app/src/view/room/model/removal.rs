//! Removing a message by way of the send queue, which keeps the wish until the server can be reached.

use matrix_sdk::{
    Room,
    send_queue::{LocalEchoContent, RoomSendQueueUpdate},
};
use ruma::OwnedEventId;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    failure::{self, Doing},
    notice::Notice,
};

/// Queues the removal and follows it to its end. If the server refuses it, the message is shown again and the reason is
/// the error.
pub(super) async fn queue(room: &Room, event_id: OwnedEventId) -> Result<(), Notice> {
    let queue = room.send_queue();
    let stored = |error| failure::of_any(&error);
    let (_, mut updates) = queue.subscribe().await.map_err(stored)?;
    let handle = queue.redact(event_id.clone(), None).await.map_err(stored)?;
    let mut ours = None;
    loop {
        match updates.recv().await {
            Ok(RoomSendQueueUpdate::NewLocalEvent(echo)) => {
                if matches!(&echo.content, LocalEchoContent::Redaction { redacts, .. } if *redacts == event_id)
                {
                    ours = Some(echo.transaction_id);
                }
            }
            Ok(RoomSendQueueUpdate::SendError {
                transaction_id,
                error,
                is_recoverable: false,
            }) if ours.as_ref() == Some(&transaction_id) => {
                if let Err(error) = handle.abort().await {
                    tracing::warn!(room_id = %room.room_id(), %error, "a refused removal stays queued");
                }
                return Err(failure::of_sdk(&error, Doing::InRoom));
            }
            Ok(
                RoomSendQueueUpdate::SentEvent { transaction_id, .. }
                | RoomSendQueueUpdate::CancelledLocalEvent { transaction_id },
            ) if ours.as_ref() == Some(&transaction_id) => return Ok(()),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
