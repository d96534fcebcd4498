//! Candidates of a call, to and fro.

use super::{Call, Phase};
use crate::voip::{
    action::MediaRequest,
    cx::Cx,
    limits::MAX_CANDIDATE_BYTES,
    party::Party,
    wire::{Body, Candidate},
};

impl Call {
    /// The media process found a way to reach us.
    pub(super) fn on_local_candidate(&mut self, cx: &mut Cx<'_>, candidate: Candidate) {
        // Those found before a new connection is described belong to the old one.
        if self.negotiation.awaits_fresh_offer() {
            return;
        }
        if candidate.is_end() {
            self.on_gathering_complete(cx);
        } else if candidate.candidate.len() <= MAX_CANDIDATE_BYTES {
            self.local.push(cx.now, candidate);
        }
    }

    /// There are no more: nothing is waited for any longer.
    pub(super) fn on_gathering_complete(&mut self, cx: &mut Cx<'_>) {
        if self.negotiation.awaits_fresh_offer() {
            return;
        }
        self.local.complete(cx.now);
        match self.phase {
            Phase::Gathering { .. } => self.send_invite(cx),
            Phase::AnswerGathering { .. } => self.send_answer(cx),
            _ => self.send_gathered_offer(cx),
        }
        self.send_candidates(cx);
    }

    /// Sends the batches that are due.
    pub(super) fn send_candidates(&mut self, cx: &mut Cx<'_>) {
        for batch in self.local.due(cx.now) {
            self.say(cx, Body::Candidates(batch));
        }
    }

    /// Candidates of the other side, or of somebody who may become it.
    pub(super) fn on_remote_candidates(
        &mut self,
        cx: &mut Cx<'_>,
        party: Party,
        candidates: Vec<Candidate>,
    ) {
        let chosen = self.peer_is(&party);
        let may_be_chosen = self.peer.is_none() && self.calls(cx.me, &party.user_id);
        if !chosen && !may_be_chosen {
            return;
        }
        let answered = self.is_ours() && chosen;
        if !answered || self.negotiation.awaits_fresh_answer() {
            self.remote.keep(party, candidates);
            return;
        }
        let candidates = self.remote.pass(candidates);
        if !candidates.is_empty() {
            self.ask(cx, MediaRequest::Candidates(candidates));
        }
    }

    /// The other side is chosen and its description is known: what was kept can be used.
    pub(super) fn pass_kept_candidates(&mut self, cx: &mut Cx<'_>) {
        let Some(peer) = &self.peer else {
            return;
        };
        let kept = self.remote.choose(&peer.party);
        if !kept.is_empty() {
            self.ask(cx, MediaRequest::Candidates(kept));
        }
    }
}
