//! The send queue stops a room after a failure that may pass; it is started again when the network is back, or after
//! a pause that grows.

use std::{collections::HashMap, time::Duration};

use matrix_sdk::Client;
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::Instant,
};

use super::SyncState;
use crate::{ids::OwnedRoomId, view::shell::Connection};

/// First pause; it doubles for each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A room whose queue stopped.
struct Stopped {
    again_at: Instant,
    pause: Duration,
}

/// Runs until the task is ended.
pub(super) async fn run(client: Client, mut state: watch::Receiver<SyncState>) {
    let mut errors = client.send_queue().subscribe_errors();
    let mut stopped: HashMap<OwnedRoomId, Stopped> = HashMap::new();
    let mut was_online = false;
    client
        .send_queue()
        .respawn_tasks_for_rooms_with_unsent_requests()
        .await;
    loop {
        let next = stopped.values().map(|room| room.again_at).min();
        tokio::select! {
            error = errors.recv() => match error {
                Ok(error) if error.is_recoverable => {
                    let before = stopped.get(&error.room_id).map(|room| room.pause);
                    let pause = before.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
                    stopped.insert(error.room_id, Stopped { again_at: Instant::now() + pause, pause });
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            changed = state.changed() => {
                if changed.is_err() {
                    return;
                }
                let online = state.borrow_and_update().connection == Connection::Online;
                if online && !was_online {
                    stopped.clear();
                    client.send_queue().set_enabled(true).await;
                }
                was_online = online;
            }
            () = until(next) => {
                let now = Instant::now();
                for (room_id, room) in &mut stopped {
                    if room.again_at <= now {
                        // Kept, so that the next failure in a row waits longer; a success is noticed by silence.
                        room.again_at = now + LONGEST_PAUSE * 30;
                        if let Some(room) = client.get_room(room_id) {
                            room.send_queue().set_enabled(true);
                        }
                    }
                }
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
