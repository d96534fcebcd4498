//! Changing what a call carries, and by which way.
//!
//! Spec: [`m.call.negotiate`](https://spec.matrix.org/v1.16/client-server-api/#mcallnegotiate),
//! [politeness](https://spec.matrix.org/v1.16/client-server-api/#politeness): when both offer at once the caller ignores the
//! other's offer, and the callee drops its own and makes it again later.
//!
//! As in a browser, what is to be offered is not remembered but found by comparing what our side carries with what was agreed
//! on: an answer of ours may have told it meanwhile. An offer ends with its answer, or after a time; what the other side may
//! have taken of it is then offered over, as often as [`MAX_UNANSWERED`](crate::voip::limits::MAX_UNANSWERED) says.

use super::{
    Call, Pending, Phase,
    negotiation::{Attempt, Reply, State, TheirAnswer, TheirOffer},
};
use crate::voip::{
    action::{Action, MediaRequest, Refusal, Round, Shape},
    cx::Cx,
    limits::{BATCH_AFTER_ANSWER, GATHER_WINDOW, NEGOTIATE_LIFETIME, OFFER_LIFETIME},
    sdp::Sdp,
    streams::{LocalStream, described},
    view::Direction,
    wire::{Body, Description, DescriptionKind},
};

impl Call {
    fn is_polite(&self) -> bool {
        self.direction == Direction::Incoming
    }

    /// Whether our side carries something that the other side does not know of.
    fn needs_agreement(&self) -> bool {
        let (shape, agreed) = (self.shape, self.agreed);
        shape.video && !agreed.video || shape.screen != agreed.screen || shape.held != agreed.held
    }

    /// Does what is to be negotiated, if it can be done now.
    pub(super) fn pursue(&mut self, cx: &mut Cx<'_>) {
        if !self.is_established() || !self.negotiation.is_stable() {
            return;
        }
        if let Some(offer) = self.negotiation.take_queued(cx.now) {
            self.answer_offer(cx, offer);
            return;
        }
        let peer = self.peer.as_ref();
        match self.phase {
            Phase::Connected | Phase::Reconnecting { .. } if self.negotiation.take_fresh() => {
                let able = peer.is_some_and(|peer| peer.may_renegotiate());
                if able && self.recovery.begin_attempt() {
                    self.make_offer(cx, true);
                }
            }
            // while it reconnects the offer of a new connection tells everything
            Phase::Connected
                if peer.is_some_and(|peer| peer.renegotiates())
                    && self.negotiation.offers(self.needs_agreement()) =>
            {
                self.make_offer(cx, false);
            }
            _ => {}
        }
    }

    fn make_offer(&mut self, cx: &mut Cx<'_>, fresh: bool) {
        let (round, shape) = (self.next_round(), self.shape);
        self.negotiation.state = State::Making(Attempt {
            round,
            shape,
            fresh,
            until: cx.now + NEGOTIATE_LIFETIME,
        });
        let offer = MediaRequest::Offer {
            round,
            shape,
            fresh,
        };
        self.ask(cx, offer);
    }

    /// The offer is made. With a new connection the first candidates are waited for.
    pub(super) fn on_offer_made(
        &mut self,
        cx: &mut Cx<'_>,
        round: Round,
        offer: Sdp,
        streams: Vec<LocalStream>,
    ) {
        let State::Making(attempt) = self.negotiation.state else {
            return;
        };
        if attempt.round != round {
            return;
        }
        let former = std::mem::replace(&mut self.local_streams, streams);
        self.negotiation.keep_former(former);
        let wait = if attempt.fresh { GATHER_WINDOW } else { 0 };
        if attempt.fresh {
            self.local = Default::default();
        }
        self.negotiation.state = State::Gathering {
            attempt,
            offer,
            send_at: cx.now + wait,
        };
        if !attempt.fresh {
            self.send_gathered_offer(cx);
        }
    }

    /// The first candidates are there, or were waited for long enough.
    pub(super) fn send_gathered_offer(&mut self, cx: &mut Cx<'_>) {
        let State::Gathering { attempt, offer, .. } = &self.negotiation.state else {
            return;
        };
        let (attempt, mut offer) = (*attempt, offer.clone());
        if attempt.fresh {
            let complete = self.local.is_complete();
            let (with, left) = offer.with_candidates(self.local.take(), complete);
            self.local.put_back(left);
            self.local.start(cx.now, BATCH_AFTER_ANSWER);
            offer = with;
        }
        self.negotiation.state = State::Offered(Attempt {
            until: cx.now + NEGOTIATE_LIFETIME,
            ..attempt
        });
        let offer = Description {
            kind: DescriptionKind::Offer,
            sdp: offer,
        };
        self.send_negotiate(cx, offer, attempt.round, None, OFFER_LIFETIME);
    }

    fn send_negotiate(
        &mut self,
        cx: &mut Cx<'_>,
        description: Description,
        round: Round,
        answers: Option<Round>,
        lifetime: u64,
    ) {
        let streams = described(&self.local_streams, self.mute, self.shape.video);
        let body = Body::Negotiate {
            description,
            round: Some(round),
            answers,
            lifetime,
            streams: Some(streams),
        };
        let id = self.send(cx, body, lifetime);
        self.pending
            .retain(|(_, pending)| !matches!(pending, Pending::Negotiate(_)));
        self.pending.push((id, Pending::Negotiate(round)));
    }

    /// The other side answers. Only an answer to what is offered now is one.
    pub(super) fn on_negotiate_answer(&mut self, cx: &mut Cx<'_>, answer: TheirAnswer) {
        let State::Offered(attempt) = self.negotiation.state else {
            return;
        };
        let TheirAnswer {
            round,
            to,
            sdp: answer,
            streams,
        } = answer;
        if !self.negotiation.answers(attempt, to, &answer) {
            return;
        }
        self.negotiation.note_round(round);
        self.negotiation.state = State::Stable;
        self.negotiation.settle();
        self.agreed = Shape {
            video: self.agreed.video || attempt.shape.video,
            ..attempt.shape
        };
        self.note_description(&answer, streams.as_ref());
        self.remote.restart();
        let accept = MediaRequest::Accept {
            round: attempt.round,
            answer,
            streams: self.remote_streams.clone(),
        };
        self.ask(cx, accept);
        self.pass_kept_candidates(cx);
        self.put_off_recovery(cx, attempt.fresh);
        self.pursue(cx);
    }

    /// The other side offers.
    pub(super) fn on_negotiate_offer(&mut self, cx: &mut Cx<'_>, offer: TheirOffer) {
        if !self.is_established() || !self.negotiation.hears(cx.now, &offer) {
            return;
        }
        match self.negotiation.state {
            State::Stable => self.answer_offer(cx, offer),
            State::Answering(_) => {
                self.negotiation.note_round(offer.round);
                self.negotiation.put_off(offer);
            }
            _ if self.is_polite() => self.answer_offer(cx, offer),
            _ => {}
        }
    }

    /// Answers an offer. One of ours is void by that.
    fn answer_offer(&mut self, cx: &mut Cx<'_>, theirs: TheirOffer) {
        let own = self.negotiation.state.attempt();
        if own.is_some() {
            self.take_back_offer(cx);
        }
        let (round, shape) = (self.next_round(), self.shape);
        let owes_fresh = self.negotiation.take_fresh() || own.is_some_and(|own| own.fresh);
        self.negotiation.state = State::Answering(Reply {
            round,
            to: theirs.round,
            shape: Shape {
                video: shape.video && theirs.sdp.has_video(),
                ..shape
            },
            owes_fresh,
            until: cx.now + NEGOTIATE_LIFETIME,
        });
        self.negotiation.note_round(theirs.round);
        self.note_description(&theirs.sdp, theirs.streams.as_ref());
        self.remote.restart();
        let answer = MediaRequest::Answer {
            round,
            offer: theirs.sdp,
            streams: self.remote_streams.clone(),
            shape,
            discard: own.is_some(),
            adopt: None,
        };
        self.ask(cx, answer);
        self.pass_kept_candidates(cx);
    }

    /// The answer is made. What it tells of our side need not be offered any more.
    pub(super) fn on_answer_made(
        &mut self,
        cx: &mut Cx<'_>,
        round: Round,
        answer: Sdp,
        streams: Vec<LocalStream>,
        fresh: bool,
    ) {
        let reply = match self.negotiation.state {
            State::Answering(reply) if reply.round == round => reply,
            _ => return,
        };
        self.local_streams = streams;
        if fresh {
            self.local = Default::default();
            self.local.start(cx.now, BATCH_AFTER_ANSWER);
        }
        self.negotiation.fresh |= reply.owes_fresh && !fresh;
        self.negotiation.state = State::Stable;
        if self.negotiation.is_superseded() {
            // its offerer gave it up and would take the answer for one to the next
            self.negotiation.doubt();
        } else {
            self.negotiation.settle();
            self.agreed.video |= reply.shape.video;
            self.agreed.held = reply.shape.held;
            let answer = Description {
                kind: DescriptionKind::Answer,
                sdp: answer,
            };
            self.send_negotiate(cx, answer, round, reply.to, NEGOTIATE_LIFETIME);
        }
        self.put_off_recovery(cx, fresh);
        self.pursue(cx);
    }

    /// It did not get to the other side.
    pub(super) fn on_negotiate_failed(&mut self, cx: &mut Cx<'_>, round: Round) {
        let ours = self.negotiation.state.attempt();
        if ours.is_some_and(|attempt| attempt.round == round) {
            self.give_up_negotiation(cx);
        } else {
            // an answer of ours: the other side goes back to what was
            self.negotiation.doubt();
            self.pursue(cx);
        }
    }

    /// It took too long, or cannot be done: what was agreed before stays.
    pub(super) fn give_up_negotiation(&mut self, cx: &mut Cx<'_>) {
        let own = self.negotiation.state.attempt();
        if let Some(attempt) = own {
            self.take_back_offer(cx);
            let round = attempt.round;
            self.ask(cx, MediaRequest::Discard { round });
            self.go_back_to_agreed(cx, attempt);
        } else if let State::Answering(reply) = self.negotiation.state {
            self.negotiation.fresh |= reply.owes_fresh;
            self.negotiation.state = State::Stable;
        }
        self.retry_recovery(cx);
        self.pursue(cx);
    }

    /// Our offer is void. Candidates found for it are of no use, those found from now on are of the connection before.
    fn take_back_offer(&mut self, cx: &Cx<'_>) {
        if self.negotiation.awaits_fresh_answer() && !self.negotiation.awaits_fresh_offer() {
            self.local = Default::default();
            self.local.start(cx.now, BATCH_AFTER_ANSWER);
        }
        if let Some(streams) = self.negotiation.take_back() {
            self.local_streams = streams;
        }
    }

    /// A picture that was not agreed on is not sent. Hold stays: it does not need the other side.
    fn go_back_to_agreed(&mut self, cx: &mut Cx<'_>, attempt: Attempt) {
        let added_video = attempt.shape.video && !self.agreed.video;
        let changed_screen = attempt.shape.screen != self.agreed.screen;
        if added_video || changed_screen {
            self.shape.video &= self.agreed.video;
            self.shape.screen = self.agreed.screen;
            self.apply(cx);
            let (call, why) = (self.key.clone(), Refusal::NotAnswered);
            cx.act(Action::Refused { call, why });
        }
    }

    /// What is due of a negotiation.
    pub(super) fn on_negotiation_due(&mut self, cx: &mut Cx<'_>) {
        match self.negotiation.state {
            State::Gathering { .. } => self.send_gathered_offer(cx),
            State::Stable => {}
            _ => self.give_up_negotiation(cx),
        }
    }
}
