//! Changing what a call carries, and by which way.
//!
//! Spec: [`m.call.negotiate`](https://spec.matrix.org/v1.16/client-server-api/#mcallnegotiate),
//! [politeness](https://spec.matrix.org/v1.16/client-server-api/#politeness): when both offer at once the caller ignores the
//! other's offer, and the callee drops its own and makes it again later.

use super::{Call, Pending, Phase};
use crate::{
    Moment,
    voip::{
        action::{Action, MediaRequest, Refusal, Round, Shape},
        cx::Cx,
        limits::{BATCH_AFTER_ANSWER, GATHER_WINDOW, NEGOTIATE_LIFETIME},
        sdp::Sdp,
        streams::{LocalStream, Streams, described},
        view::Direction,
        wire::{Body, Description, DescriptionKind},
    },
};

/// An offer of ours within a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    round: Round,
    shape: Shape,
    /// By a new connection.
    fresh: bool,
    until: Moment,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Stable,
    /// The media process makes an offer.
    Making(Attempt),
    /// The first candidates are waited for, until `send_at`.
    Gathering {
        attempt: Attempt,
        offer: Sdp,
        send_at: Moment,
    },
    /// The other side has it.
    Offered(Attempt),
    /// The media process makes an answer to an offer of theirs.
    Answering { round: Round, until: Moment },
}

/// What is being negotiated, and what is to be.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    state: State,
    /// An offer is to be made: by a new connection, or not.
    wanted: Option<bool>,
    /// An offer of theirs that came while another was being answered.
    queued: Option<(Sdp, Option<Streams>)>,
}

impl Negotiation {
    pub(super) fn is_stable(&self) -> bool {
        matches!(self.state, State::Stable)
    }

    /// Whether candidates of ours still belong to the old connection.
    pub(super) fn awaits_fresh_offer(&self) -> bool {
        matches!(&self.state, State::Making(attempt) if attempt.fresh)
    }

    /// Whether candidates of theirs already belong to a new connection.
    pub(super) fn awaits_fresh_answer(&self) -> bool {
        match &self.state {
            State::Making(attempt) | State::Gathering { attempt, .. } | State::Offered(attempt) => {
                attempt.fresh
            }
            State::Stable | State::Answering { .. } => false,
        }
    }

    pub(super) fn want(&mut self, fresh: bool) {
        self.wanted = Some(fresh || self.wanted == Some(true));
    }

    fn attempt(&self) -> Option<Attempt> {
        match &self.state {
            State::Making(attempt) | State::Gathering { attempt, .. } | State::Offered(attempt) => {
                Some(*attempt)
            }
            State::Stable | State::Answering { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Stable => None,
            State::Making(attempt) | State::Offered(attempt) => Some(attempt.until),
            State::Gathering { send_at, .. } => Some(*send_at),
            State::Answering { until, .. } => Some(*until),
        }
    }
}

impl Call {
    fn is_polite(&self) -> bool {
        self.direction == Direction::Incoming
    }

    /// Does what is to be negotiated, if it can be done now.
    pub(super) fn pursue(&mut self, cx: &mut Cx<'_>) {
        if !self.is_established() || !self.negotiation.is_stable() {
            return;
        }
        if let Some((offer, streams)) = self.negotiation.queued.take() {
            self.answer_offer(cx, offer, streams, false);
            return;
        }
        if matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        let able = |fresh: bool| {
            let peer = self.peer.as_ref();
            peer.is_some_and(|peer| peer.renegotiates() || fresh && peer.may_renegotiate())
        };
        match self.negotiation.wanted.take() {
            Some(fresh) if able(fresh) => self.make_offer(cx, fresh),
            _ => {}
        }
    }

    fn make_offer(&mut self, cx: &mut Cx<'_>, fresh: bool) {
        let round = self.next_round();
        self.negotiation.state = State::Making(Attempt {
            round,
            shape: self.shape,
            fresh,
            until: cx.now + NEGOTIATE_LIFETIME,
        });
        let shape = self.shape;
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
        self.local_streams = streams;
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
        self.send_negotiate(cx, DescriptionKind::Offer, offer, attempt.round);
    }

    fn send_negotiate(&mut self, cx: &mut Cx<'_>, kind: DescriptionKind, sdp: Sdp, round: Round) {
        let streams = described(&self.local_streams, self.mute, self.shape.video);
        let body = Body::Negotiate {
            description: Description { kind, sdp },
            lifetime: NEGOTIATE_LIFETIME,
            streams: Some(streams),
        };
        let id = self.send(cx, body, NEGOTIATE_LIFETIME);
        self.pending
            .retain(|(_, pending)| !matches!(pending, Pending::Negotiate(_)));
        self.pending.push((id, Pending::Negotiate(round)));
    }

    /// The other side offers or answers.
    pub(super) fn on_negotiate(
        &mut self,
        cx: &mut Cx<'_>,
        description: Description,
        streams: Option<Streams>,
    ) {
        if !self.is_established() {
            return;
        }
        match description.kind {
            DescriptionKind::Answer => self.on_negotiate_answer(cx, description.sdp, streams),
            DescriptionKind::Offer => self.on_negotiate_offer(cx, description.sdp, streams),
        }
    }

    fn on_negotiate_answer(&mut self, cx: &mut Cx<'_>, answer: Sdp, streams: Option<Streams>) {
        let State::Offered(attempt) = self.negotiation.state else {
            return;
        };
        self.negotiation.state = State::Stable;
        self.agree(attempt.shape);
        self.note_description(&answer, streams.as_ref());
        self.remote.restart();
        let accept = MediaRequest::Accept {
            round: attempt.round,
            answer,
            streams: self.remote_streams.clone(),
        };
        self.ask(cx, accept);
        self.pass_kept_candidates(cx);
        self.put_off_recovery(cx);
        self.pursue(cx);
    }

    fn on_negotiate_offer(&mut self, cx: &mut Cx<'_>, offer: Sdp, streams: Option<Streams>) {
        let own = self.negotiation.attempt();
        match &self.negotiation.state {
            State::Stable => self.answer_offer(cx, offer, streams, false),
            State::Answering { .. } => self.negotiation.queued = Some((offer, streams)),
            _ if !self.is_polite() => {}
            _ => {
                self.negotiation
                    .want(own.is_some_and(|attempt| attempt.fresh));
                self.answer_offer(cx, offer, streams, true);
            }
        }
    }

    fn answer_offer(
        &mut self,
        cx: &mut Cx<'_>,
        offer: Sdp,
        streams: Option<Streams>,
        discard: bool,
    ) {
        let round = self.next_round();
        self.negotiation.state = State::Answering {
            round,
            until: cx.now + NEGOTIATE_LIFETIME,
        };
        self.note_description(&offer, streams.as_ref());
        self.remote.restart();
        let answer = MediaRequest::Answer {
            round,
            offer,
            streams: self.remote_streams.clone(),
            shape: self.shape,
            discard,
            adopt: None,
        };
        self.ask(cx, answer);
        self.pass_kept_candidates(cx);
        self.put_off_recovery(cx);
    }

    /// The answer is made.
    pub(super) fn on_answer_made(
        &mut self,
        cx: &mut Cx<'_>,
        round: Round,
        answer: Sdp,
        streams: Vec<LocalStream>,
        fresh: bool,
    ) {
        match self.negotiation.state {
            State::Answering { round: asked, .. } if asked == round => {}
            _ => return,
        }
        self.local_streams = streams;
        if fresh {
            self.local = Default::default();
            self.local.start(cx.now, BATCH_AFTER_ANSWER);
            if self.negotiation.wanted == Some(true) {
                // their new connection serves both
                self.negotiation.wanted = Some(false);
            }
        }
        self.negotiation.state = State::Stable;
        self.send_negotiate(cx, DescriptionKind::Answer, answer, round);
        self.pursue(cx);
    }

    /// Something was agreed on.
    fn agree(&mut self, shape: Shape) {
        self.agreed = Shape {
            video: self.agreed.video || shape.video,
            ..shape
        };
    }

    /// The negotiation did not get there.
    pub(super) fn on_negotiate_failed(&mut self, cx: &mut Cx<'_>, round: Round) {
        let ours = self.negotiation.attempt();
        if ours.is_some_and(|attempt| attempt.round == round) {
            self.give_up_negotiation(cx);
        }
    }

    /// It took too long, or cannot be done: what was agreed before stays.
    pub(super) fn give_up_negotiation(&mut self, cx: &mut Cx<'_>) {
        let attempt = self.negotiation.attempt();
        self.negotiation.state = State::Stable;
        if let Some(attempt) = attempt {
            let round = attempt.round;
            self.ask(cx, MediaRequest::Discard { round });
            self.go_back_to_agreed(cx, attempt);
        }
        self.retry_recovery(cx);
        self.pursue(cx);
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
