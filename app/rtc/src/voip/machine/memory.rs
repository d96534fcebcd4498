//! What the machine remembers besides calls, within bounds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ruma::{OwnedUserId, UserId};

use crate::{
    Moment,
    voip::{
        candidates::RemoteCandidates,
        ids::CallKey,
        limits::{
            BURST_WINDOW, EARLY_CALL_LIFETIME, MAX_COUNTED_SENDERS, MAX_EARLY_CALLS,
            MAX_EARLY_CALLS_A_SENDER, MAX_ENDED, MAX_RINGS_A_SENDER, MAX_TOLD, MAX_TOLD_A_SENDER,
        },
        party::Party,
        wire::Candidate,
    },
};

/// Calls that are over. Events come late, twice and in the wrong order, and must not bring one back.
#[derive(Debug, Default)]
pub(super) struct Ended {
    known: BTreeSet<CallKey>,
    order: VecDeque<CallKey>,
    /// Ends of calls that were not known, and who told so: others cannot end calls ahead of time. Whoever tells many of them
    /// drives out its own alone.
    told: VecDeque<(OwnedUserId, CallKey)>,
}

impl Ended {
    /// Remembers a call that was known.
    pub(super) fn remember(&mut self, key: CallKey) {
        if self.known.insert(key.clone()) {
            self.order.push_back(key);
        }
        while self.order.len() > MAX_ENDED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// Remembers the end of a call that was not known, by somebody.
    pub(super) fn remember_by(&mut self, key: CallKey, user_id: OwnedUserId) {
        if self.tells(&key, &user_id) {
            return;
        }
        let n_own = self.told.iter().filter(|(by, _)| *by == user_id).count();
        let oldest = match () {
            () if n_own >= MAX_TOLD_A_SENDER => self.told.iter().position(|(by, _)| *by == user_id),
            () if self.told.len() >= MAX_TOLD => Some(0),
            () => None,
        };
        if let Some(oldest) = oldest {
            self.told.remove(oldest);
        }
        self.told.push_back((user_id, key));
    }

    fn tells(&self, key: &CallKey, user_id: &UserId) -> bool {
        let told = |(by, of): &(OwnedUserId, CallKey)| by == user_id && of == key;
        self.told.iter().any(told)
    }

    /// Whether an invite by somebody is about a call that is over: its caller or we ended it.
    pub(super) fn covers(&self, key: &CallKey, caller: &UserId, me: &UserId) -> bool {
        self.contains(key) || self.tells(key, caller) || self.tells(key, me)
    }

    /// Whether a call that was known is over.
    pub(super) fn contains(&self, key: &CallKey) -> bool {
        self.known.contains(key)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn n_told(&self) -> usize {
        self.told.len()
    }
}

/// Candidates that were faster than their invite, by their sender: nobody else's are of use.
#[derive(Debug, Default)]
pub(super) struct Early(BTreeMap<(OwnedUserId, CallKey), (Moment, RemoteCandidates)>);

impl Early {
    pub(super) fn keep(&mut self, now: Moment, key: CallKey, party: Party, of: Vec<Candidate>) {
        self.0.retain(|_, (at, _)| now - *at < EARLY_CALL_LIFETIME);
        let entry = (party.user_id.clone(), key);
        if !self.0.contains_key(&entry) {
            self.make_room(&party.user_id);
        }
        let (_, candidates) = self.0.entry(entry).or_insert((now, Default::default()));
        candidates.keep(party, of);
    }

    /// Whoever sends for many calls drives out its own alone.
    fn make_room(&mut self, sender: &UserId) {
        let own = |by: &UserId| by == sender;
        let n_own = self.0.keys().filter(|(by, _)| own(by)).count();
        let full = self.0.len() >= MAX_EARLY_CALLS;
        let goes = |by: &UserId| match n_own >= MAX_EARLY_CALLS_A_SENDER {
            true => own(by),
            false => full,
        };
        let candidates = self.0.iter().filter(|((by, _), _)| goes(by));
        let oldest = candidates.min_by_key(|(_, (at, _))| *at);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.0.remove(&oldest);
        }
    }

    pub(super) fn take(&mut self, key: &CallKey, sender: &UserId) -> Option<RemoteCandidates> {
        let entry = (sender.to_owned(), key.clone());
        self.0.remove(&entry).map(|(_, candidates)| candidates)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// How often people rang lately.
#[derive(Debug, Default)]
pub(super) struct Bursts(BTreeMap<OwnedUserId, VecDeque<Moment>>);

impl Bursts {
    /// Counts a ring, or says that there were too many.
    pub(super) fn allow(&mut self, now: Moment, sender: &UserId) -> bool {
        for rings in self.0.values_mut() {
            rings.retain(|at| now - *at < BURST_WINDOW);
        }
        self.0.retain(|_, rings| !rings.is_empty());
        if self.0.len() >= MAX_COUNTED_SENDERS && !self.0.contains_key(sender) {
            return false;
        }
        let rings = self.0.entry(sender.to_owned()).or_default();
        let allowed = rings.len() < MAX_RINGS_A_SENDER;
        if allowed {
            rings.push_back(now);
        }
        allowed
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
