//! What each connection has been told. Kept in memory: after a restart, or when there are too many,
//! a client is answered `M_UNKNOWN_POS` and starts anew, as the MSC provides.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use ruma::{OneTimeKeyAlgorithm, OwnedDeviceId, OwnedUserId, UInt, api::error::ErrorKind};

use super::required_state::RequiredState;
use crate::{
    Error,
    error::Result,
    service::{now_ms, rooms::timeline::Token, sessions::Session},
};

/// Beyond so many connections the one unused for longest is forgotten.
const MAX_CONNECTIONS: usize = 512;

/// So many answers to the same request are remembered.
const MAX_PENDING: usize = 4;

/// Of one device likewise.
const MAX_PER_DEVICE: usize = 8;

/// A connection's name: user, device, `conn_id`.
pub(super) type Key = (OwnedUserId, OwnedDeviceId, String);

pub(super) fn key(session: &Session, conn_id: Option<&str>) -> Key {
    let conn_id = conn_id.unwrap_or_default().to_owned();
    (session.user_id.clone(), session.device_id.clone(), conn_id)
}

/// What a client knows after a response.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// Rooms, by number.
    pub rooms: HashMap<i64, SentRoom>,
    /// The length of each list.
    pub counts: BTreeMap<String, usize>,
    /// Up to where account data was told; none before the first time.
    pub account_data: Option<u64>,
    /// Up to where device lists were told.
    pub device_lists: Option<u64>,
    /// The counts of one-time keys last told.
    pub one_time_keys: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    /// Rooms whose receipts were told once.
    pub receipts: BTreeSet<i64>,
    /// Rooms whose typing was told once.
    pub typing: BTreeSet<i64>,
    /// Rooms whose account data was told once.
    pub room_account_data: BTreeSet<i64>,
}

/// What a client knows of a room.
#[derive(Debug, Clone)]
pub(super) struct SentRoom {
    /// Up to where events were told.
    pub upto: i64,
    /// How many of the newest events were asked for.
    pub timeline_limit: usize,
    /// Which state was asked for.
    pub required: Arc<RequiredState>,
    /// Members told because of lazy loading.
    pub members: Arc<BTreeSet<String>>,
    /// The user's membership then.
    pub membership: String,
    /// Whether it was a direct room then.
    pub is_dm: bool,
}

struct Connection {
    /// The response the client has certainly got, and what it knew then.
    acked: (u64, Arc<Snapshot>),
    /// The responses it may have got since, oldest first: a request that the client gave up and asked again may
    /// still have been answered.
    pending: VecDeque<(u64, Arc<Snapshot>)>,
    used_at: Instant,
}

/// All connections of the server.
pub struct Connections {
    map: Mutex<State>,
}

struct State {
    connections: HashMap<Key, Connection>,
    serial: u64,
}

impl Default for Connections {
    fn default() -> Self {
        // Serials begin at the time, so that those of an earlier run are not taken for ours.
        let serial = now_ms().max(1) as u64;
        Self {
            map: Mutex::new(State {
                connections: HashMap::new(),
                serial,
            }),
        }
    }
}

fn unknown_pos() -> Error {
    Error::bad_request(
        ErrorKind::UnknownPos,
        "This connection is not known any more; start anew.",
    )
}

impl Connections {
    /// What the client knew after the response with this serial.
    pub(super) fn resume(&self, key: &Key, serial: u64) -> Result<Arc<Snapshot>> {
        let mut state = self.map.lock();
        let connection = state.connections.get_mut(key).ok_or_else(unknown_pos)?;
        connection.used_at = Instant::now();
        let got = connection
            .pending
            .iter()
            .position(|(pending, _)| *pending == serial);
        if let Some(got) = got.and_then(|idx| connection.pending.remove(idx)) {
            connection.acked = got;
            connection.pending.clear();
        }
        if connection.acked.0 == serial {
            Ok(connection.acked.1.clone())
        } else {
            Err(unknown_pos())
        }
    }

    /// Remembers what the client will know if the response arrives; returns that response's serial.
    pub(super) fn remember(&self, key: &Key, pos: &Option<String>, after: Snapshot) -> u64 {
        let mut state = self.map.lock();
        state.serial += 1;
        let serial = state.serial;
        let after = (serial, Arc::new(after));
        match state.connections.get_mut(key) {
            Some(connection) if pos.is_some() => {
                if connection.pending.len() == MAX_PENDING {
                    connection.pending.pop_front();
                }
                connection.pending.push_back(after);
            }
            _ => {
                forget_unused(&mut state.connections, key);
                let connection = Connection {
                    acked: after,
                    pending: VecDeque::new(),
                    used_at: Instant::now(),
                };
                state.connections.insert(key.clone(), connection);
            }
        }
        serial
    }

    /// Forgets a room that was removed: its number may be given to another.
    pub fn forget_room(&self, room: i64) {
        for connection in self.map.lock().connections.values_mut() {
            let pending = connection.pending.iter_mut();
            for (_, snapshot) in pending.chain([&mut connection.acked]) {
                if snapshot.rooms.contains_key(&room) {
                    let snapshot = Arc::make_mut(snapshot);
                    snapshot.rooms.remove(&room);
                    snapshot.receipts.remove(&room);
                    snapshot.typing.remove(&room);
                    snapshot.room_account_data.remove(&room);
                }
            }
        }
    }

    /// Forgets the connections of a device that is gone.
    pub fn forget_device(&self, user: &ruma::UserId, device: &ruma::DeviceId) {
        self.map
            .lock()
            .connections
            .retain(|(u, d, _), _| u != user || d != device);
    }
}

fn forget_unused(connections: &mut HashMap<Key, Connection>, new: &Key) {
    let oldest = |filter: &dyn Fn(&Key) -> bool, connections: &HashMap<Key, Connection>| {
        let candidates = connections.iter().filter(|(key, _)| filter(key));
        candidates
            .min_by_key(|(_, connection)| connection.used_at)
            .map(|(key, _)| key.clone())
    };
    let same_device = |key: &Key| key.0 == new.0 && key.1 == new.1;
    let n_of_device = connections.keys().filter(|key| same_device(key)).count();
    let victim = if n_of_device >= MAX_PER_DEVICE {
        oldest(&same_device, connections)
    } else if connections.len() >= MAX_CONNECTIONS {
        oldest(&|_| true, connections)
    } else {
        None
    };
    if let Some(victim) = victim {
        connections.remove(&victim);
    }
}

/// `pos` is a sync token with the response's serial at its end.
pub(super) fn pos(token: Token, serial: u64) -> String {
    format!(
        "s{}_{}_{}_{serial}",
        token.position, token.typing, token.position
    )
}

/// Token and serial of a `pos`.
pub(super) fn parse_pos(pos: &str) -> Result<(Token, u64)> {
    let token = Token::parse(pos).map_err(|_| unknown_pos())?;
    let serial = pos.split('_').nth(3).and_then(|serial| serial.parse().ok());
    Ok((token, serial.ok_or_else(unknown_pos)?))
}

#[cfg(test)]
mod tests {
    use ruma::{owned_device_id, owned_user_id};

    use super::{Connections, Key, Snapshot};

    fn key() -> Key {
        (
            owned_user_id!("@ada:hs.test"),
            owned_device_id!("A"),
            String::new(),
        )
    }

    #[test]
    fn a_response_can_be_asked_for_again_until_the_next_one_is_acknowledged() {
        let connections = Connections::default();
        let first = connections.remember(&key(), &None, Snapshot::default());
        let second = connections.remember(&key(), &Some(String::new()), Snapshot::default());
        connections.resume(&key(), first).unwrap();
        assert!(connections.resume(&key(), second).is_ok());
        assert!(connections.resume(&key(), first).is_err());
        let third = connections.remember(&key(), &Some(String::new()), Snapshot::default());
        connections.resume(&key(), second).unwrap();
        connections.resume(&key(), third).unwrap();
    }

    #[test]
    fn a_request_given_up_does_not_spoil_the_answer_to_its_repetition() {
        let connections = Connections::default();
        let again = |connections: &Connections| {
            connections.remember(&key(), &Some(String::new()), Snapshot::default())
        };
        connections.remember(&key(), &None, Snapshot::default());
        let got = again(&connections);
        let _late = again(&connections);
        assert!(connections.resume(&key(), got).is_ok());
    }

    #[test]
    fn a_device_that_opens_many_connections_loses_its_oldest() {
        let connections = Connections::default();
        let named = |name: usize| (key().0, key().1, name.to_string());
        let first = connections.remember(&named(0), &None, Snapshot::default());
        for name in 1..=super::MAX_PER_DEVICE {
            connections.remember(&named(name), &None, Snapshot::default());
        }
        assert!(connections.resume(&named(0), first).is_err());
    }
}
