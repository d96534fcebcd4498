//! What the machine remembers besides calls, within bounds.

use std::collections::{BTreeMap, VecDeque};

use ruma::{OwnedUserId, UserId};

use crate::{
    Moment,
    voip::{
        candidates::RemoteCandidates,
        ids::CallKey,
        limits::{
            BURST_WINDOW, EARLY_CALL_LIFETIME, MAX_COUNTED_SENDERS, MAX_EARLY_CALLS, MAX_ENDED,
            MAX_RINGS_A_SENDER,
        },
        party::Party,
        wire::Candidate,
    },
};

/// Calls that are over. Events come late, twice and in the wrong order, and must not bring one back.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Who ended it, if the call itself was never seen: others cannot end calls ahead of time.
    calls: BTreeMap<CallKey, Option<OwnedUserId>>,
    order: VecDeque<CallKey>,
}

impl Ended {
    /// Remembers a call that was known.
    pub(super) fn remember(&mut self, key: CallKey) {
        self.insert(key, None);
    }

    /// Remembers the end of a call that was not known, by somebody.
    pub(super) fn remember_by(&mut self, key: CallKey, user_id: OwnedUserId) {
        if !self.calls.contains_key(&key) {
            self.insert(key, Some(user_id));
        }
    }

    fn insert(&mut self, key: CallKey, by: Option<OwnedUserId>) {
        if self.calls.insert(key.clone(), by).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MAX_ENDED {
            if let Some(oldest) = self.order.pop_front() {
                self.calls.remove(&oldest);
            }
        }
    }

    /// Whether an invite by somebody is about a call that is over: its caller or we ended it.
    pub(super) fn covers(&self, key: &CallKey, caller: &UserId, me: &UserId) -> bool {
        match self.calls.get(key) {
            Some(None) => true,
            Some(Some(by)) => by == caller || by == me,
            None => false,
        }
    }

    /// Whether a call that was known is over.
    pub(super) fn contains(&self, key: &CallKey) -> bool {
        matches!(self.calls.get(key), Some(None))
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

/// Candidates that were faster than their invite.
#[derive(Debug, Default)]
pub(super) struct Early(BTreeMap<CallKey, (Moment, RemoteCandidates)>);

impl Early {
    pub(super) fn keep(&mut self, now: Moment, key: CallKey, party: Party, of: Vec<Candidate>) {
        self.0.retain(|_, (at, _)| now - *at < EARLY_CALL_LIFETIME);
        if self.0.len() == MAX_EARLY_CALLS && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, (at, _))| *at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&oldest);
            }
        }
        let (_, candidates) = self.0.entry(key).or_insert((now, Default::default()));
        candidates.keep(party, of);
    }

    pub(super) fn take(&mut self, key: &CallKey) -> Option<RemoteCandidates> {
        self.0.remove(key).map(|(_, candidates)| candidates)
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
