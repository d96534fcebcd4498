//! Requests from elsewhere: to-device from our own devices, in a room from others.

use matrix_sdk::{Client, Room, event_handler::EventHandlerDropGuard};
use ruma::events::{
    key::verification::request::ToDeviceKeyVerificationRequestEvent,
    room::message::{MessageType, OriginalSyncRoomMessageEvent},
};
use tokio::sync::mpsc;

use crate::ids::OwnedUserId;

/// A request as an event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub user_id: OwnedUserId,
    pub flow_id: String,
}

/// Listens while the guards live.
pub(super) fn listen(
    client: &Client,
) -> (
    [EventHandlerDropGuard; 2],
    mpsc::UnboundedReceiver<Incoming>,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let to_device = client.add_event_handler({
        let sender = sender.clone();
        move |event: ToDeviceKeyVerificationRequestEvent| {
            let flow_id = event.content.transaction_id.to_string();
            let _ = sender.send(Incoming {
                user_id: event.sender,
                flow_id,
            });
            std::future::ready(())
        }
    });
    let own = client.user_id().map(ToOwned::to_owned);
    let in_room =
        client.add_event_handler(move |event: OriginalSyncRoomMessageEvent, _room: Room| {
            if let MessageType::VerificationRequest(request) = &event.content.msgtype
                && own.as_ref() == Some(&request.to)
                && own.as_ref() != Some(&event.sender)
            {
                let flow_id = event.event_id.to_string();
                let _ = sender.send(Incoming {
                    user_id: event.sender.clone(),
                    flow_id,
                });
            }
            std::future::ready(())
        });
    let guards = [to_device, in_room].map(|handle| client.event_handler_drop_guard(handle));
    (guards, receiver)
}
