//! Sliding sync through the SDK's `SyncService`, with its offline mode.

use std::collections::BTreeSet;

use matrix_sdk_ui::{
    encryption_sync_service,
    room_list_service::{self, RoomListService},
    sync_service::{Error, State, SyncService},
};
use ruma::api::error::ErrorKind;

use super::driver::{Driver, Ended, told_to_stop};
use crate::{
    ids::{OwnedRoomId, RoomId},
    view::shell::Connection,
};

/// Events of a room in one answer. More than the newest: when several came at once, each may notify.
const TIMELINE_LIMIT: u32 = 5;

/// Runs until told to stop or until the server turns out not to have it.
pub(super) async fn run(driver: &mut Driver) -> Ended {
    let built = SyncService::builder(driver.client.clone())
        .with_offline_mode()
        .with_room_list_timeline_limit(TIMELINE_LIMIT)
        .build()
        .await;
    let service = match built {
        Ok(service) => service,
        Err(error) => return classify(&error),
    };
    let rooms = service.room_list_service();
    let (mut service_state, mut list_state) = (service.state(), rooms.state());
    service.start().await;
    let (mut wanted, mut subscribed) = (driver.wanted.clone(), driver.rooms.clone());
    let first = subscribed.borrow_and_update().clone();
    subscribe(&rooms, &first).await;
    let ended = loop {
        tokio::select! {
            state = service_state.next() => match state {
                Some(State::Error(error)) => break classify(&error),
                Some(State::Terminated) | None => break Ended::Failed,
                Some(State::Offline) => {
                    driver.update(|state| state.connection = Connection::Offline);
                }
                Some(State::Running | State::Idle) => follow(driver, &list_state.get()),
            },
            state = list_state.next() => match state {
                Some(state) => follow(driver, &state),
                None => break Ended::Failed,
            },
            changed = subscribed.changed() => {
                if changed.is_err() {
                    break Ended::Stopped;
                }
                let now = subscribed.borrow_and_update().clone();
                subscribe(&rooms, &now).await;
            }
            () = told_to_stop(&mut wanted) => break Ended::Stopped,
        }
    };
    service.stop().await;
    ended
}

fn follow(driver: &Driver, state: &room_list_service::State) {
    use room_list_service::State;
    driver.update(|sync| match state {
        State::SettingUp | State::Running => {
            sync.connection = Connection::Online;
            sync.caught_up = true;
        }
        State::Init | State::Recovering => {
            if sync.connection == Connection::Offline {
                sync.connection = Connection::Connecting;
            }
        }
        State::Error { .. } | State::Terminated { .. } => {}
    });
}

async fn subscribe(service: &RoomListService, rooms: &BTreeSet<OwnedRoomId>) {
    let rooms: Vec<&RoomId> = rooms.iter().map(AsRef::as_ref).collect();
    service.subscribe_to_rooms(&rooms).await;
}

fn classify(error: &Error) -> Ended {
    let inner = match error {
        Error::RoomList(room_list_service::Error::SlidingSync(error))
        | Error::EncryptionSync(encryption_sync_service::Error::SlidingSync(error)) => error,
        _ => {
            tracing::warn!(%error, "sliding sync ended");
            return Ended::Failed;
        }
    };
    tracing::warn!(error = %inner, "sliding sync ended");
    match inner.client_api_error_kind() {
        Some(ErrorKind::UnknownToken(_) | ErrorKind::MissingToken) => Ended::SignedOut,
        Some(ErrorKind::Unrecognized | ErrorKind::NotFound) => Ended::Unsupported,
        _ => Ended::Failed,
    }
}
