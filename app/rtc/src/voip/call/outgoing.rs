//! A call of ours, until somebody takes it.

use ruma::UserId;

use super::{ABLE, Call, Pending, Phase};
use crate::voip::{
    action::{EndReason, MediaRequest, Shape, Side},
    cx::Cx,
    glare::OurCall,
    ids::CallKey,
    input::{Delivery, Place},
    limits::{
        BATCH_AFTER_ANSWER, BATCH_AFTER_INVITE, CONNECT_LIMIT, GATHER_WINDOW, INVITE_LIFETIME,
        PREPARE_LIMIT, SEND_INVITE_LIMIT, YIELD_LIMIT,
    },
    party::{Party, Peer, Version},
    sdp::Sdp,
    streams::{LocalStream, Streams, described},
    view::Direction,
    wire::{Body, Capabilities, HangupReason},
};

/// What an answer says.
pub(super) struct Answered {
    pub(super) party: Party,
    pub(super) version: Version,
    pub(super) answer: Sdp,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) streams: Option<Streams>,
}

impl Call {
    /// Begins a call of ours.
    pub(in crate::voip) fn place(cx: &mut Cx<'_>, key: CallKey, place: &Place) -> Self {
        let party = cx.ids.party();
        let mut call = Self::new(cx, key, Direction::Outgoing, party);
        call.invitee = place.invitee.clone();
        call.shape = Shape {
            video: place.video,
            ..Shape::default()
        };
        call.agreed = call.shape;
        call.phase = Phase::Preparing {
            until: cx.now + PREPARE_LIMIT,
        };
        let round = call.next_round();
        let request = MediaRequest::Offer {
            round,
            shape: call.shape,
            fresh: true,
        };
        call.ask(cx, request);
        call
    }

    /// How far it is, for [`glare`](crate::voip::glare); `None` if it is no longer ours alone.
    pub(in crate::voip) fn glare_state(&self) -> Option<OurCall> {
        match self.phase {
            Phase::Preparing { .. } | Phase::Gathering { .. } => Some(OurCall::Preparing),
            Phase::Inviting { .. } | Phase::Calling { .. } => Some(OurCall::Invited),
            Phase::Yielding { .. } => Some(OurCall::Yielding),
            _ => None,
        }
    }

    /// Whether somebody is meant by our invite.
    pub(in crate::voip) fn calls(&self, me: &UserId, user_id: &UserId) -> bool {
        match &self.invitee {
            Some(invitee) => invitee == user_id,
            None => user_id != me,
        }
    }

    /// The first offer is made.
    pub(super) fn on_first_offer(
        &mut self,
        cx: &mut Cx<'_>,
        offer: Sdp,
        streams: Vec<LocalStream>,
    ) {
        self.local_streams = streams;
        self.phase = Phase::Gathering {
            until: cx.now + GATHER_WINDOW,
            offer,
        };
        if self.local.is_complete() {
            self.send_invite(cx);
        }
    }

    /// The first candidates are there, or were waited for long enough.
    pub(super) fn send_invite(&mut self, cx: &mut Cx<'_>) {
        let Phase::Gathering { offer, .. } = &self.phase else {
            return;
        };
        let (offer, left) = offer.with_candidates(self.local.take(), self.local.is_complete());
        self.local.put_back(left);
        self.phase = Phase::Inviting {
            until: cx.now + SEND_INVITE_LIMIT,
        };
        let streams = described(&self.local_streams, self.mute, self.shape.video);
        let body = Body::Invite {
            offer,
            lifetime: INVITE_LIFETIME,
            invitee: self.invitee.clone(),
            capabilities: Some(ABLE),
            streams: Some(streams),
        };
        let id = self.send(cx, body, SEND_INVITE_LIMIT);
        self.pending.push((id, Pending::Invite));
    }

    /// The homeserver has the invite: its response or our own event says so.
    pub(super) fn on_invite_sent(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.phase, Phase::Inviting { .. }) {
            self.phase = Phase::Calling {
                until: cx.now + INVITE_LIFETIME,
            };
            self.local.start(cx.now, BATCH_AFTER_INVITE);
        }
    }

    /// The invite did not reach the homeserver in time. Where nobody knows, it may ring over there.
    pub(super) fn on_invite_failed(&mut self, cx: &mut Cx<'_>, delivery: Delivery) {
        if matches!(self.phase, Phase::Inviting { .. }) {
            let hangup = Body::Hangup(HangupReason::UnknownError);
            let farewell = (delivery == Delivery::Unknown).then_some(hangup);
            let reason = EndReason::of_delivery(delivery);
            self.end(cx, reason, Side::Here, farewell);
        }
    }

    fn waits_for_answer(&self) -> bool {
        matches!(self.phase, Phase::Inviting { .. } | Phase::Calling { .. })
    }

    /// Somebody takes it: the first who does.
    pub(super) fn on_answer(&mut self, cx: &mut Cx<'_>, answered: Answered) {
        if !self.waits_for_answer() || !self.calls(cx.me, &answered.party.user_id) {
            return;
        }
        self.on_invite_sent(cx);
        let party = answered.party;
        self.peer = Some(Peer {
            party: party.clone(),
            version: answered.version,
            capabilities: answered.capabilities,
            describes_streams: answered.streams.is_some(),
        });
        self.phase = Phase::Connecting {
            until: cx.now + CONNECT_LIMIT,
        };
        self.note_description(&answered.answer, answered.streams.as_ref());
        let accept = MediaRequest::Accept {
            round: self.round,
            answer: answered.answer,
            streams: answered.streams,
        };
        self.ask(cx, accept);
        self.pass_kept_candidates(cx);
        self.select(cx, &party);
        self.local.hurry(cx.now, BATCH_AFTER_ANSWER);
    }

    /// Says who was chosen, so that others who answered stop.
    fn select(&mut self, cx: &mut Cx<'_>, party: &Party) {
        if let Some(selected) = party.party_id.clone() {
            self.say(cx, Body::SelectAnswer { selected });
        }
    }

    /// Somebody does not want to be called.
    pub(super) fn on_reject(
        &mut self,
        cx: &mut Cx<'_>,
        party: &Party,
        reason: Option<HangupReason>,
    ) {
        if !self.waits_for_answer() || !self.calls(cx.me, &party.user_id) {
            return;
        }
        self.select(cx, party);
        self.end(cx, rejection(reason), Side::There, None);
    }

    /// Somebody hangs up a call that nobody took.
    ///
    /// Version 0 and bridges reject so. Others hang up only what they have answered, but for two: Nheko says `invite_timeout`
    /// of calls that are not for it, and matrix-js-sdk says `replaced` when it calls us at the same time.
    pub(super) fn on_early_hangup(
        &mut self,
        cx: &mut Cx<'_>,
        party: &Party,
        version: Version,
        reason: HangupReason,
    ) {
        if !self.waits_for_answer() || !self.calls(cx.me, &party.user_id) {
            return;
        }
        match reason {
            HangupReason::Replaced => {
                self.phase = Phase::Yielding {
                    until: cx.now + YIELD_LIMIT,
                };
            }
            HangupReason::UserBusy | HangupReason::UserHangup => {
                self.end(cx, rejection(Some(reason)), Side::There, None);
            }
            _ if version == Version::V0 => {
                self.end(cx, EndReason::of(reason), Side::There, None);
            }
            _ => {}
        }
    }

    /// Nobody answered.
    pub(super) fn on_invite_expired(&mut self, cx: &mut Cx<'_>) {
        let hangup = Body::Hangup(HangupReason::InviteTimeout);
        self.end(cx, EndReason::Unanswered, Side::There, Some(hangup));
    }
}

fn rejection(reason: Option<HangupReason>) -> EndReason {
    match reason {
        Some(HangupReason::UserBusy) => EndReason::Busy,
        _ => EndReason::Rejected,
    }
}
