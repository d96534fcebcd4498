//! Candidates: ours are batched, theirs are kept until they can be used.
//!
//! Spec: [ICE candidate batching](https://spec.matrix.org/v1.16/client-server-api/#ice-candidate-batching),
//! [end-of-candidates](https://spec.matrix.org/v1.16/client-server-api/#end-of-candidates).

use std::{collections::BTreeMap, mem};

use super::{
    limits::{
        MAX_CANDIDATES_AN_EVENT, MAX_EARLY_CANDIDATES, MAX_LOCAL_CANDIDATES, MAX_PARTIES,
        MAX_PARTIES_A_USER, MAX_REMOTE_CANDIDATES,
    },
    party::Party,
    wire::Candidate,
};
use crate::Moment;

/// Candidates of ours for one description.
#[derive(Debug, Default)]
pub(super) struct LocalCandidates {
    queue: Vec<Candidate>,
    n_seen: usize,
    complete: bool,
    end_sent: bool,
    /// How old a batch grows; `None` until the description is sent.
    batch: Option<u64>,
    flush_at: Option<Moment>,
}

impl LocalCandidates {
    /// One was found. Those beyond any need are dropped.
    pub(super) fn push(&mut self, now: Moment, candidate: Candidate) {
        if self.end_sent || self.n_seen >= MAX_LOCAL_CANDIDATES {
            return;
        }
        self.n_seen += 1;
        self.queue.push(candidate);
        if let Some(batch) = self.batch {
            self.flush_at.get_or_insert(now + batch);
        }
    }

    /// There will be no more: what is left goes out at once.
    pub(super) fn complete(&mut self, now: Moment) {
        self.complete = true;
        if self.batch.is_some() && !self.end_sent {
            self.flush_at = Some(now);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes what was found so far, to be put into the description.
    pub(super) fn take(&mut self) -> Vec<Candidate> {
        mem::take(&mut self.queue)
    }

    /// Gives back what had no room there.
    pub(super) fn put_back(&mut self, candidates: Vec<Candidate>) {
        self.queue.extend(candidates);
    }

    /// The description is sent: from now on batches of this age follow it.
    pub(super) fn start(&mut self, now: Moment, batch: u64) {
        self.batch = Some(batch);
        let pending = !self.queue.is_empty();
        self.flush_at = pending.then(|| now + batch);
        if self.complete && !self.end_sent {
            self.flush_at = Some(now);
        }
    }

    /// Somebody waits for them now.
    pub(super) fn hurry(&mut self, now: Moment, batch: u64) {
        if self.batch.is_some() {
            self.batch = Some(batch);
            self.flush_at = self.flush_at.map(|_| now);
        }
    }

    /// When the next batch is due.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.flush_at
    }

    /// The batches that are due, each for one event.
    pub(super) fn due(&mut self, now: Moment) -> Vec<Vec<Candidate>> {
        if self.flush_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.flush_at = None;
        let mut queue = self.take();
        if self.complete && !self.end_sent {
            self.end_sent = true;
            queue.push(Candidate::end());
        }
        let batches = queue.chunks(MAX_CANDIDATES_AN_EVENT);
        batches.map(<[Candidate]>::to_vec).collect()
    }
}

/// Candidates of the other side.
#[derive(Debug, Default)]
pub(super) struct RemoteCandidates {
    waiting: BTreeMap<Party, Vec<Candidate>>,
    n_passed: usize,
}

impl RemoteCandidates {
    /// Keeps candidates of somebody who is not yet chosen, or whose description is not yet known.
    pub(super) fn keep(&mut self, party: Party, candidates: Vec<Candidate>) {
        if !self.waiting.contains_key(&party) {
            let same_user = |other: &&Party| other.user_id == party.user_id;
            let n_same = self.waiting.keys().filter(same_user).count();
            if self.waiting.len() >= MAX_PARTIES || n_same >= MAX_PARTIES_A_USER {
                return;
            }
        }
        let kept = self.waiting.entry(party).or_default();
        let room = MAX_EARLY_CANDIDATES.saturating_sub(kept.len());
        kept.extend(candidates.into_iter().take(room));
    }

    /// Takes over what came before the call was known.
    pub(super) fn adopt(&mut self, early: Self) {
        for (party, candidates) in early.waiting {
            self.keep(party, candidates);
        }
    }

    /// Gives out what was kept of the one who is chosen, and forgets the others.
    pub(super) fn choose(&mut self, party: &Party) -> Vec<Candidate> {
        let kept = self.waiting.remove(party).unwrap_or_default();
        self.waiting.clear();
        self.pass(kept)
    }

    /// Counts what goes to the media process for one description.
    pub(super) fn pass(&mut self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        let room = MAX_REMOTE_CANDIDATES.saturating_sub(self.n_passed);
        candidates.truncate(room);
        self.n_passed += candidates.len();
        candidates
    }

    /// A new description of theirs: the count begins anew.
    pub(super) fn restart(&mut self) {
        self.n_passed = 0;
    }
}

#[cfg(test)]
#[path = "candidates_tests.rs"]
mod tests;
