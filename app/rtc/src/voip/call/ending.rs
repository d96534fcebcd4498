//! The end of a call, and what the other side is told.

use super::{Call, Phase};
use crate::voip::{
    action::{Action, EndReason, MediaRequest, RingEnd, Side, Summary},
    cx::Cx,
    ids::CallKey,
    input::MediaFailure,
    limits::SEND_HANGUP_LIMIT,
    party::{Party, Version},
    wire::{Body, HangupReason},
};

impl Call {
    /// Ends it, with a last word if there is one.
    pub(in crate::voip) fn end(
        &mut self,
        cx: &mut Cx<'_>,
        reason: EndReason,
        by: Side,
        farewell: Option<Body>,
    ) {
        if self.is_over() {
            return;
        }
        self.stop_ringing(cx, RingEnd::Over);
        if let Some(farewell) = farewell {
            self.send(cx, farewell, SEND_HANGUP_LIMIT);
        }
        self.phase = Phase::Ended;
        let handed_over = matches!(reason, EndReason::Replaced(_));
        if self.media_open && !handed_over {
            cx.media(&self.key, MediaRequest::Close);
        }
        cx.act(Action::Ended(Box::new(self.summary(cx, reason, by))));
    }

    fn summary(&self, cx: &Cx<'_>, reason: EndReason, by: Side) -> Summary {
        let peer = self.peer.as_ref().map(|peer| &peer.party.user_id);
        Summary {
            call: self.key.clone(),
            direction: self.direction,
            peer: peer.or(self.invitee.as_ref()).cloned(),
            reason,
            by,
            video: self.video_ever,
            permission: self.permission,
            since: self.since,
            connected_for: self.connected_at.map(|at| cx.now - at),
        }
    }

    /// What the other side is to be told at the end, which depends on what it knows.
    fn farewell(&self, reason: HangupReason) -> Option<Body> {
        match self.phase {
            Phase::Preparing { .. }
            | Phase::Gathering { .. }
            | Phase::Yielding { .. }
            | Phase::Ended => None,
            _ if !self.is_unanswered() || self.is_v0() => Some(Body::Hangup(reason)),
            _ => Some(Body::Reject {
                reason: (reason == HangupReason::UserBusy).then_some(reason),
            }),
        }
    }

    fn is_v0(&self) -> bool {
        let version = self.peer.as_ref().map(|peer| peer.version);
        version == Some(Version::V0)
    }

    /// Somebody here ends it, or does not want it.
    pub(in crate::voip) fn hang_up(&mut self, cx: &mut Cx<'_>, busy: bool) {
        let reason = match self.is_unanswered() {
            true => EndReason::Rejected,
            false => EndReason::HungUp,
        };
        let told = match busy && self.is_unanswered() {
            true => HangupReason::UserBusy,
            false => HangupReason::UserHangup,
        };
        let farewell = self.farewell(told);
        self.end(cx, reason, Side::Here, farewell);
    }

    /// The call goes on without us, or we go on in another.
    pub(in crate::voip) fn end_transferred(&mut self, cx: &mut Cx<'_>) {
        let farewell = self.farewell(HangupReason::UserHangup);
        self.end(cx, EndReason::Transferred, Side::Here, farewell);
    }

    /// Another call takes its place, and its media.
    pub(in crate::voip) fn end_replaced(&mut self, cx: &mut Cx<'_>, by: CallKey) {
        let farewell = self.farewell(HangupReason::UserHangup);
        self.end(cx, EndReason::Replaced(by), Side::There, farewell);
    }

    /// Something failed here. An unanswered call is not rejected for that: other devices may be able to take it.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, reason: EndReason, told: HangupReason) {
        let farewell = match self.is_unanswered() {
            true => None,
            false => self.farewell(told),
        };
        self.end(cx, reason, Side::Here, farewell);
    }

    /// The media process cannot go on.
    pub(super) fn on_media_failed(&mut self, cx: &mut Cx<'_>, failure: MediaFailure) {
        match failure {
            MediaFailure::Capture => {
                self.fail(cx, EndReason::NoMicrophone, HangupReason::UserMediaFailed);
            }
            MediaFailure::Description => self.on_description_failed(cx),
            MediaFailure::Connection => self.on_connection_failed(cx),
            MediaFailure::Unauthentic => {
                self.fail(cx, EndReason::ConnectionFailed, HangupReason::UnknownError);
            }
            MediaFailure::Crashed => {
                self.fail(cx, EndReason::MediaCrashed, HangupReason::UnknownError);
            }
        }
    }

    /// The other side hangs up, or somebody else in its name.
    pub(super) fn on_hangup(
        &mut self,
        cx: &mut Cx<'_>,
        party: &Party,
        version: Version,
        reason: HangupReason,
    ) {
        if self.is_unanswered() {
            self.on_hangup_unanswered(cx, party, reason);
        } else if self.peer.is_none() {
            self.on_early_hangup(cx, party, version, reason);
        } else if self.peer_is(party) {
            let transferred = self.finish_transfer(cx);
            let reason = match transferred {
                true => EndReason::Transferred,
                false => EndReason::of(reason),
            };
            self.end(cx, reason, Side::There, None);
        }
    }

    /// The caller gives up, or another device of ours rejects as version 0 does.
    fn on_hangup_unanswered(&mut self, cx: &mut Cx<'_>, party: &Party, reason: HangupReason) {
        let from_caller = self.caller() == Some(&*party.user_id);
        if from_caller && (self.peer_is(party) || party.user_id != cx.me) {
            let reason = match EndReason::of(reason) {
                EndReason::HungUp => EndReason::Unanswered,
                other => other,
            };
            self.end(cx, reason, Side::There, None);
        } else if party.user_id == cx.me {
            self.end(cx, EndReason::RejectedElsewhere, Side::Here, None);
        }
    }

    /// Somebody left the room.
    pub(in crate::voip) fn on_left(
        &mut self,
        cx: &mut Cx<'_>,
        user_id: &ruma::UserId,
        alone: bool,
    ) {
        let other = match &self.peer {
            Some(peer) => Some(&peer.party.user_id),
            None => self.invitee.as_ref(),
        };
        if user_id == cx.me {
            self.end(cx, EndReason::Left, Side::Here, None);
        } else if alone || other.is_some_and(|other| other == user_id) {
            self.end(cx, EndReason::Left, Side::There, None);
        }
    }
}
