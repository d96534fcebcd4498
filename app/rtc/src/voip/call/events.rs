//! Events of the room, media process and homeserver, handed to what they are about.

use ruma::UserId;

use super::{
    Call, Pending, Phase,
    negotiation::{TheirAnswer, TheirOffer},
    outgoing::Answered,
};
use crate::voip::{
    action::{EndReason, MediaRequest, SendId, Side},
    cx::Cx,
    ids::PartyId,
    input::{Delivery, MediaEvent},
    limits::MAX_NEGOTIATE_LIFETIME,
    party::{Party, Version},
    streams::Streams,
    view::Direction,
    wire::{Body, Description, DescriptionKind, HangupReason, Identity, Message},
};

impl Call {
    /// An event of the room about this call.
    pub(in crate::voip) fn on_message(
        &mut self,
        cx: &mut Cx<'_>,
        sender: &UserId,
        message: Message,
        age: u64,
    ) {
        if sender == cx.me && message.party_id.as_ref() == Some(&self.our_party) {
            self.on_echo(cx, &message.body);
            return;
        }
        let party = message.party(sender);
        let version = message.version;
        match message.body {
            Body::Candidates(candidates) => self.on_remote_candidates(cx, party, candidates),
            Body::Hangup(reason) => self.on_hangup(cx, &party, version, reason),
            Body::SelectAnswer { selected } => self.on_select_answer(cx, &party, &selected),
            body if self.direction == Direction::Incoming && self.is_unanswered() => {
                self.on_message_unanswered(cx, sender, &party, body);
            }
            body if self.peer.is_none() => self.on_reaction(cx, party, version, body),
            body if self.peer_is(&party) => self.on_message_of_peer(cx, body, age),
            _ => {}
        }
    }

    /// Our own event came back: the homeserver has it.
    fn on_echo(&mut self, cx: &mut Cx<'_>, body: &Body) {
        if matches!(body, Body::Invite { .. }) {
            self.on_invite_sent(cx);
        }
    }

    /// Reactions to our invite.
    fn on_reaction(&mut self, cx: &mut Cx<'_>, party: Party, version: Version, body: Body) {
        match body {
            Body::Answer {
                answer,
                capabilities,
                streams,
            } => {
                let answered = Answered {
                    party,
                    version,
                    answer,
                    capabilities,
                    streams,
                };
                self.on_answer(cx, answered);
            }
            Body::Reject { reason } => self.on_reject(cx, &party, reason),
            Body::AssertedIdentity(identity) if self.calls(cx.me, &party.user_id) => {
                self.on_identity(identity);
            }
            _ => {}
        }
    }

    /// What happens while it is open who takes the call: another device of ours may.
    fn on_message_unanswered(
        &mut self,
        cx: &mut Cx<'_>,
        sender: &UserId,
        party: &Party,
        body: Body,
    ) {
        let reason = match body {
            Body::AssertedIdentity(identity) if self.peer_is(party) => {
                self.on_identity(identity);
                return;
            }
            Body::Answer { .. } => EndReason::AnsweredElsewhere,
            Body::Reject { .. } => EndReason::RejectedElsewhere,
            _ => return,
        };
        if sender == cx.me && !self.peer_is(party) {
            self.end(cx, reason, Side::Here, None);
        }
    }

    /// The caller has chosen who takes the call.
    fn on_select_answer(&mut self, cx: &mut Cx<'_>, party: &Party, selected: &PartyId) {
        let incoming = self.direction == Direction::Incoming;
        if incoming && self.peer_is(party) && *selected != self.our_party {
            self.end(cx, EndReason::AnsweredElsewhere, Side::Here, None);
        }
    }

    /// The other side, once it is known.
    fn on_message_of_peer(&mut self, cx: &mut Cx<'_>, body: Body, age: u64) {
        match body {
            Body::Negotiate {
                description: Description { kind, sdp },
                round,
                answers: to,
                lifetime,
                streams,
            } => {
                let left = lifetime.min(MAX_NEGOTIATE_LIFETIME).saturating_sub(age);
                let until = cx.now + left;
                match kind {
                    _ if left == 0 => {}
                    DescriptionKind::Answer => {
                        let answer = TheirAnswer {
                            round,
                            to,
                            sdp,
                            streams,
                        };
                        self.on_negotiate_answer(cx, answer);
                    }
                    DescriptionKind::Offer => {
                        let offer = TheirOffer {
                            round,
                            sdp,
                            streams,
                            until,
                        };
                        self.on_negotiate_offer(cx, offer);
                    }
                }
            }
            Body::StreamsChanged(streams) => self.on_streams_changed(cx, &streams),
            Body::AssertedIdentity(identity) => self.on_identity(identity),
            Body::Replaces(replaces) => self.on_replaces(cx, replaces),
            Body::RejectReplacement(id) => self.on_reject_replacement(cx, &id),
            _ => {}
        }
    }

    fn on_identity(&mut self, identity: Option<Identity>) {
        self.identity = identity;
    }

    /// The other side muted or unmuted. Those who never described their streams have nothing to change.
    fn on_streams_changed(&mut self, cx: &mut Cx<'_>, change: &Streams) {
        if let Some(streams) = &mut self.remote_streams {
            streams.merge(change);
            let streams = streams.clone();
            self.ask(cx, MediaRequest::Streams(streams));
        }
    }

    /// The media process says something.
    pub(in crate::voip) fn on_media(&mut self, cx: &mut Cx<'_>, event: MediaEvent) {
        if self.is_over() || !self.media_open {
            return;
        }
        match event {
            MediaEvent::Offer {
                round,
                sdp,
                streams,
            } if round == self.round => match self.phase {
                Phase::Preparing { .. } => self.on_first_offer(cx, sdp, streams),
                _ => self.on_offer_made(cx, round, sdp, streams),
            },
            MediaEvent::Answer {
                round,
                sdp,
                streams,
                fresh,
            } if round == self.round => match self.phase {
                Phase::Answering { .. } => self.on_first_answer(cx, sdp, streams),
                _ => self.on_answer_made(cx, round, sdp, streams, fresh),
            },
            MediaEvent::Offer { .. } | MediaEvent::Answer { .. } => {}
            MediaEvent::Candidate(candidate) => self.on_local_candidate(cx, candidate),
            MediaEvent::GatheringComplete => self.on_gathering_complete(cx),
            MediaEvent::Connected => self.on_connected(cx),
            MediaEvent::Disconnected => self.on_disconnected(cx),
            MediaEvent::Failed(failure) => self.on_media_failed(cx, failure),
        }
    }

    /// Whether what becomes of an event matters to this call.
    pub(in crate::voip) fn awaits(&self, send: SendId) -> bool {
        self.pending.iter().any(|(id, _)| *id == send)
    }

    /// What became of an event.
    pub(in crate::voip) fn on_delivery(
        &mut self,
        cx: &mut Cx<'_>,
        send: SendId,
        delivery: Delivery,
    ) {
        let at = self.pending.iter().position(|(id, _)| *id == send);
        let Some((_, pending)) = at.map(|at| self.pending.remove(at)) else {
            return;
        };
        let sent = delivery == Delivery::Sent;
        match pending {
            Pending::Invite if sent => self.on_invite_sent(cx),
            Pending::Invite => self.on_invite_failed(cx, delivery),
            Pending::Answer if !sent && self.connected_at.is_none() => {
                self.on_answer_failed(cx, delivery);
            }
            Pending::Negotiate(round) if !sent => self.on_negotiate_failed(cx, round),
            Pending::Answer | Pending::Negotiate(_) => {}
        }
    }

    /// The media process cannot use a description.
    pub(super) fn on_description_failed(&mut self, cx: &mut Cx<'_>) {
        if self.is_established() && !self.negotiation.is_stable() {
            self.give_up_negotiation(cx);
        } else {
            self.fail(cx, EndReason::Incompatible, HangupReason::UnknownError);
        }
    }
}
