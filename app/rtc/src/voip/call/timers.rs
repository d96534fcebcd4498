//! What a call does when time has passed.

use super::{Call, Phase};
use crate::{
    Moment,
    voip::{
        action::{EndReason, Side},
        cx::Cx,
        input::Delivery,
        wire::HangupReason,
    },
};

impl Call {
    /// When it has to be looked at again.
    pub(in crate::voip) fn deadline(&self) -> Option<Moment> {
        let all = [
            self.phase_deadline(),
            self.local.deadline(),
            self.negotiation.deadline(),
            self.transfer.deadline(),
        ];
        match self.is_over() {
            true => None,
            false => all.into_iter().flatten().min(),
        }
    }

    fn phase_deadline(&self) -> Option<Moment> {
        match self.phase {
            Phase::Preparing { until }
            | Phase::Gathering { until, .. }
            | Phase::Inviting { until }
            | Phase::Calling { until }
            | Phase::Yielding { until }
            | Phase::Arrived { until }
            | Phase::Silent { until }
            | Phase::Ringing { until }
            | Phase::Answering { until }
            | Phase::Connecting { until } => Some(until),
            Phase::AnswerGathering { until, expires, .. } => Some(until.min(expires)),
            Phase::Reconnecting { until, retry_at } => {
                Some(retry_at.map_or(until, |at| at.min(until)))
            }
            Phase::Connected | Phase::Ended => None,
        }
    }

    /// Does what is due.
    pub(in crate::voip) fn on_time(&mut self, cx: &mut Cx<'_>) {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= cx.now);
        if due(self.phase_deadline()) {
            self.on_phase_due(cx);
        }
        if self.is_over() {
            return;
        }
        if self.negotiation.deadline().is_some_and(|at| at <= cx.now) {
            self.on_negotiation_due(cx);
        }
        if self.transfer.deadline().is_some_and(|at| at <= cx.now) {
            self.on_transfer_due(cx);
        }
        self.send_candidates(cx);
    }

    fn on_phase_due(&mut self, cx: &mut Cx<'_>) {
        match self.phase {
            Phase::Preparing { .. } => {
                self.end(cx, EndReason::NoMicrophone, Side::Here, None);
            }
            Phase::Gathering { .. } => self.send_invite(cx),
            Phase::Inviting { .. } => self.on_invite_failed(cx, Delivery::Unknown),
            Phase::Calling { .. } => self.on_invite_expired(cx),
            Phase::Yielding { .. } => self.end(cx, EndReason::HungUp, Side::There, None),
            Phase::AnswerGathering { expires, .. } if cx.now < expires => self.send_answer(cx),
            Phase::Arrived { .. }
            | Phase::Silent { .. }
            | Phase::Ringing { .. }
            | Phase::Answering { .. }
            | Phase::AnswerGathering { .. } => {
                self.end(cx, EndReason::Unanswered, Side::There, None);
            }
            Phase::Connecting { .. } => {
                self.fail(cx, EndReason::ConnectionFailed, HangupReason::IceFailed);
            }
            Phase::Reconnecting { until, .. } if until <= cx.now => self.on_recovery_failed(cx),
            Phase::Reconnecting { .. } => self.recover(cx),
            Phase::Connected | Phase::Ended => {}
        }
    }
}
