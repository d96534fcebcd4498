//! A call of theirs, until it is answered.

use super::{ABLE, Call, Pending, Phase};
use crate::{
    Moment,
    voip::{
        action::{Action, EndReason, MediaRequest, RingEnd, Shape, Side},
        candidates::RemoteCandidates,
        cx::Cx,
        ids::CallKey,
        input::{Delivery, Permission, Silence},
        limits::{BATCH_AFTER_ANSWER, CONNECT_LIMIT, GATHER_WINDOW, SEND_LIMIT},
        party::{Party, Peer},
        sdp::Sdp,
        streams::{LocalStream, Streams, described},
        view::Direction,
        wire::{Body, HangupReason},
    },
};

/// What an invite says.
pub(in crate::voip) struct Invited {
    pub(in crate::voip) peer: Peer,
    pub(in crate::voip) offer: Sdp,
    pub(in crate::voip) streams: Option<Streams>,
    pub(in crate::voip) expires: Moment,
    pub(in crate::voip) permission: Permission,
}

/// How a call is taken.
#[derive(Default)]
pub(in crate::voip) struct Taking {
    pub(in crate::voip) video: bool,
    /// A call of ours it takes the place of, with its media.
    pub(in crate::voip) instead_of: Option<CallKey>,
}

impl Call {
    /// A call that came in. It does not ring yet.
    pub(in crate::voip) fn incoming(cx: &mut Cx<'_>, key: CallKey, invited: Invited) -> Self {
        let party = cx.ids.party();
        let mut call = Self::new(cx, key, Direction::Incoming, party);
        call.peer = Some(invited.peer);
        call.permission = invited.permission;
        call.note_description(&invited.offer, invited.streams.as_ref());
        call.offer = Some(invited.offer);
        call.phase = Phase::Arrived {
            until: invited.expires,
        };
        call
    }

    /// Candidates that were faster than the invite.
    pub(in crate::voip) fn adopt_early(&mut self, early: RemoteCandidates) {
        self.remote.adopt(early);
    }

    pub(in crate::voip) fn caller(&self) -> Option<&ruma::UserId> {
        self.peer.as_ref().map(|peer| &*peer.party.user_id)
    }

    pub(in crate::voip) fn permission(&self) -> Permission {
        self.permission
    }

    /// Until when it can be answered, if it is not.
    pub(in crate::voip) fn expires(&self) -> Option<Moment> {
        match self.phase {
            Phase::Arrived { until }
            | Phase::Silent { until }
            | Phase::Ringing { until }
            | Phase::Answering { until } => Some(until),
            Phase::AnswerGathering { expires, .. } => Some(expires),
            _ => None,
        }
    }

    /// Begins to ring.
    pub(in crate::voip) fn ring(&mut self, cx: &mut Cx<'_>, waiting: bool) {
        if let Phase::Arrived { until } = self.phase {
            self.phase = Phase::Ringing { until };
            let call = self.key.clone();
            cx.act(Action::Ring { call, waiting });
        }
    }

    /// Does not ring, but can be taken.
    pub(in crate::voip) fn be_silent(&mut self, cx: &mut Cx<'_>, why: Silence) {
        if let Phase::Arrived { until } = self.phase {
            self.phase = Phase::Silent { until };
            if let Some(sender) = self.caller().map(ToOwned::to_owned) {
                cx.act(Action::Suppressed {
                    call: self.key.clone(),
                    sender,
                    why,
                    video: self.remote_video,
                });
            }
        }
    }

    /// Ends a ring, if there is one.
    pub(super) fn stop_ringing(&mut self, cx: &mut Cx<'_>, why: RingEnd) {
        if matches!(self.phase, Phase::Ringing { .. }) {
            let call = self.key.clone();
            cx.act(Action::StopRinging { call, why });
        }
    }

    /// Somebody here lets it ring elsewhere.
    pub(super) fn ignore(&mut self, cx: &mut Cx<'_>) -> bool {
        let Phase::Ringing { until } = self.phase else {
            return false;
        };
        self.stop_ringing(cx, RingEnd::Ignored);
        self.phase = Phase::Silent { until };
        true
    }

    /// Somebody here takes it.
    pub(in crate::voip) fn accept(&mut self, cx: &mut Cx<'_>, taking: Taking) -> bool {
        let until = match self.phase {
            Phase::Arrived { until } | Phase::Silent { until } | Phase::Ringing { until } => until,
            _ => return false,
        };
        let Some(offer) = self.offer.take() else {
            return false;
        };
        self.stop_ringing(cx, RingEnd::Accepted);
        self.phase = Phase::Answering { until };
        self.shape = Shape {
            video: taking.video && offer.has_video(),
            ..Shape::default()
        };
        self.agreed = self.shape;
        let round = self.next_round();
        let request = MediaRequest::Answer {
            round,
            offer,
            streams: self.remote_streams.clone(),
            shape: self.shape,
            discard: taking.instead_of.is_some(),
            adopt: taking.instead_of,
        };
        self.ask(cx, request);
        self.pass_kept_candidates(cx);
        true
    }

    /// The first answer is made.
    pub(super) fn on_first_answer(
        &mut self,
        cx: &mut Cx<'_>,
        answer: Sdp,
        streams: Vec<LocalStream>,
    ) {
        let Phase::Answering { until: expires } = self.phase else {
            return;
        };
        self.local_streams = streams;
        self.phase = Phase::AnswerGathering {
            until: cx.now + GATHER_WINDOW,
            expires,
            answer,
        };
        if self.local.is_complete() {
            self.send_answer(cx);
        }
    }

    /// The first candidates are there, or were waited for long enough.
    pub(super) fn send_answer(&mut self, cx: &mut Cx<'_>) {
        let Phase::AnswerGathering {
            answer, expires, ..
        } = &self.phase
        else {
            return;
        };
        let limit = (*expires - cx.now).min(SEND_LIMIT);
        let (answer, left) = answer.with_candidates(self.local.take(), self.local.is_complete());
        self.local.put_back(left);
        self.phase = Phase::Connecting {
            until: cx.now + CONNECT_LIMIT,
        };
        let streams = described(&self.local_streams, self.mute, self.shape.video);
        let body = Body::Answer {
            answer,
            capabilities: Some(ABLE),
            streams: Some(streams),
        };
        let id = self.send(cx, body, limit);
        self.pending.push((id, Pending::Answer));
        self.local.start(cx.now, BATCH_AFTER_ANSWER);
    }

    /// The answer did not reach the homeserver.
    pub(super) fn on_answer_failed(&mut self, cx: &mut Cx<'_>, delivery: Delivery) {
        let hangup = Body::Hangup(HangupReason::UnknownError);
        let farewell = (delivery == Delivery::Unknown).then_some(hangup);
        let reason = EndReason::of_delivery(delivery);
        self.end(cx, reason, Side::Here, farewell);
    }

    pub(in crate::voip) fn has_arrived(&self) -> bool {
        matches!(self.phase, Phase::Arrived { .. })
    }

    pub(in crate::voip) fn is_ringing(&self) -> bool {
        matches!(self.phase, Phase::Ringing { .. })
    }

    /// Whether it can be taken or rejected here.
    pub(in crate::voip) fn can_be_taken(&self) -> bool {
        self.expires().is_some() && !self.is_ours()
    }

    /// Whether it is a call of a device that nobody has taken.
    pub(in crate::voip) fn is_unanswered_of(&self, party: &Party) -> bool {
        self.can_be_taken() && self.peer_is(party)
    }

    /// Whether it is still open who takes it.
    pub(super) fn is_unanswered(&self) -> bool {
        self.direction == Direction::Incoming && self.expires().is_some()
    }
}
