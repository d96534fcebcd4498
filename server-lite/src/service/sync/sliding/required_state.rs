//! Which state a client wants of a room: pairs of type and key with wildcards, `$ME` and `$LAZY`.

use std::collections::BTreeSet;

use ruma::UserId;
use rusqlite::Connection;

use super::request::RoomConfig;
use crate::{
    error::Result,
    service::rooms::{client_event::EventRow, state},
};

const ANY: &str = "*";

/// The union of what several lists and subscriptions want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RequiredState {
    pairs: BTreeSet<(String, String)>,
    /// Whether members are wanted as the timeline names them.
    pub lazy: bool,
}

impl RequiredState {
    /// Adds what `config` wants of a room of `user`.
    pub(super) fn add(&mut self, config: &RoomConfig, user: &UserId) {
        for (kind, key) in &config.required_state {
            match key.as_str() {
                "$LAZY" => self.lazy |= kind == "m.room.member",
                "$ME" => {
                    self.pairs.insert((kind.clone(), user.to_string()));
                }
                _ => {
                    self.pairs.insert((kind.clone(), key.clone()));
                }
            }
        }
        // Only members asked for by name end lazy loading; "everything" does not.
        if self
            .pairs
            .contains(&("m.room.member".to_owned(), ANY.to_owned()))
        {
            self.lazy = false;
        }
    }

    /// Whether it is asked for outright (lazy loading apart).
    pub(super) fn wants(&self, kind: &str, key: &str) -> bool {
        let has = |kind: &str, key: &str| self.pairs.contains(&(kind.to_owned(), key.to_owned()));
        if has(kind, key) || has(kind, ANY) || has(ANY, key) {
            return true;
        }
        // With lazy loading "everything" means everything but the members.
        has(ANY, ANY) && !(self.lazy && kind == "m.room.member")
    }

    /// Whether everything in `self` is in `other` too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.pairs.is_subset(&other.pairs) && (!self.lazy || other.lazy)
    }

    /// Numbers of the current state events asked for outright.
    pub(super) fn current(&self, connection: &Connection, room: i64) -> Result<Vec<i64>> {
        if self.pairs.iter().any(|(kind, _)| kind == ANY) {
            let all = state::all_current(connection, room)?;
            let rows = EventRow::by_nids(connection, &all)?;
            let wanted = rows.iter().filter(|row| self.wants_row(row));
            return Ok(wanted.map(|row| row.nid).collect());
        }
        let mut nids = BTreeSet::new();
        for (kind, key) in &self.pairs {
            if key == ANY {
                nids.extend(state::current_of_type(connection, room, kind)?);
            } else {
                nids.extend(state::current(connection, room, kind, key)?);
            }
        }
        Ok(nids.into_iter().collect())
    }

    /// Whether a state event is asked for outright.
    pub(super) fn wants_row(&self, row: &EventRow) -> bool {
        row.state_key
            .as_deref()
            .is_some_and(|key| self.wants(&row.kind, key))
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::{RequiredState, RoomConfig};

    fn required(pairs: &[(&str, &str)]) -> RequiredState {
        let pairs = pairs
            .iter()
            .map(|(kind, key)| ((*kind).to_owned(), (*key).to_owned()));
        let config = RoomConfig {
            timeline_limit: 1,
            required_state: pairs.collect(),
        };
        let mut required = RequiredState::default();
        required.add(&config, user_id!("@me:hs.test"));
        required
    }

    #[test]
    fn pairs_wildcards_and_me() {
        let required = required(&[
            ("m.room.name", ""),
            ("m.space.child", "*"),
            ("m.room.member", "$ME"),
        ]);
        let cases = [
            ("m.room.name", "", true),
            ("m.room.name", "x", false),
            ("m.space.child", "!a", true),
            ("m.room.member", "@me:hs.test", true),
            ("m.room.member", "@you:hs.test", false),
        ];
        for (kind, key, wanted) in cases {
            assert_eq!(required.wants(kind, key), wanted, "{kind} {key}");
        }
    }

    #[test]
    fn lazy_members_are_left_out_of_everything() {
        let lazy = required(&[("*", "*"), ("m.room.member", "$LAZY")]);
        assert!(lazy.lazy && lazy.wants("m.room.name", "") && !lazy.wants("m.room.member", "@a:b"));
        let all = required(&[("m.room.member", "*"), ("m.room.member", "$LAZY")]);
        assert!(!all.lazy && all.wants("m.room.member", "@a:b"));
    }
}
