//! Sliding sync through the SDK's `SyncService`.
//!
//! Without its offline mode, which asks a server that answers wrongly ten times a second for as long as it does.

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
    // Begun anew because the server forgot us, and not running since.
    let mut anew = false;
    let ended = loop {
        tokio::select! {
            state = service_state.next() => match state {
                Some(State::Error(error)) => match classify(&error) {
                    Ended::Failed => {
                        let at_once = is_expired(&error) && !std::mem::replace(&mut anew, true);
                        if !at_once {
                            driver.update(|state| state.connection = Connection::Offline);
                            driver.backoff.rest(&mut wanted).await;
                        }
                        if !*wanted.borrow() {
                            break Ended::Stopped;
                        }
                        service.start().await;
                    }
                    ended => break ended,
                },
                Some(State::Terminated) | None => break Ended::Failed,
                Some(State::Offline | State::Running | State::Idle) => {
                    follow(driver, &list_state.get());
                }
            },
            state = list_state.next() => match state {
                Some(state) => {
                    anew &= !matches!(state, room_list_service::State::Running);
                    follow(driver, &state);
                }
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

fn follow(driver: &mut Driver, state: &room_list_service::State) {
    use room_list_service::State;
    if matches!(state, State::SettingUp | State::Running) {
        driver.backoff.worked();
    }
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

/// What the request failed with, if it was a request.
fn request_error(error: &Error) -> Option<&matrix_sdk::Error> {
    match error {
        Error::RoomList(room_list_service::Error::SlidingSync(error))
        | Error::EncryptionSync(encryption_sync_service::Error::SlidingSync(error)) => Some(error),
        _ => None,
    }
}

/// The server forgot where we were: nothing is wrong, it begins anew.
fn is_expired(error: &Error) -> bool {
    request_error(error).and_then(matrix_sdk::Error::client_api_error_kind)
        == Some(&ErrorKind::UnknownPos)
}

fn classify(error: &Error) -> Ended {
    let Some(inner) = request_error(error) else {
        tracing::warn!(%error, "sliding sync ended");
        return Ended::Failed;
    };
    tracing::warn!(error = %inner, "sliding sync ended");
    match inner.client_api_error_kind() {
        Some(ErrorKind::UnknownToken(_) | ErrorKind::MissingToken) => Ended::SignedOut,
        Some(ErrorKind::Unrecognized | ErrorKind::NotFound) => Ended::Unsupported,
        _ => Ended::Failed,
    }
}
