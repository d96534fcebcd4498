//! The connection of a call: made, lost, made again.
//!
//! A connection that breaks is made anew by an offer of ours ([`m.call.negotiate`]), since whoever changed its network has to
//! say where it is now. The polite side waits longer, so that both do not offer at once.
//!
//! [`m.call.negotiate`]: https://spec.matrix.org/v1.16/client-server-api/#mcallnegotiate

use super::{Call, Phase};
use crate::voip::{
    action::EndReason,
    cx::Cx,
    limits::{
        NEGOTIATE_LIFETIME, RECOVERY_DELAY, RECOVERY_DELAY_POLITE, RECOVERY_LIMIT, RECOVERY_RETRY,
    },
    view::Direction,
    wire::HangupReason,
};

impl Call {
    /// Media flow.
    pub(super) fn on_connected(&mut self, cx: &mut Cx<'_>) {
        if self.is_established() {
            self.phase = Phase::Connected;
            self.connected_at.get_or_insert(cx.now);
            self.pursue(cx);
        }
    }

    /// Media do not flow any more. It may be a moment.
    pub(super) fn on_disconnected(&mut self, cx: &mut Cx<'_>) {
        let delay = match self.direction {
            Direction::Outgoing => RECOVERY_DELAY,
            Direction::Incoming => RECOVERY_DELAY_POLITE,
        };
        self.begin_recovery(cx, delay);
    }

    fn begin_recovery(&mut self, cx: &mut Cx<'_>, delay: u64) {
        if matches!(self.phase, Phase::Connected) {
            self.phase = Phase::Reconnecting {
                until: cx.now + RECOVERY_LIMIT,
                retry_at: Some(cx.now + delay),
            };
        }
    }

    /// No way to the other side. If there was one it is looked for again.
    pub(super) fn on_connection_failed(&mut self, cx: &mut Cx<'_>) {
        match &mut self.phase {
            Phase::Connected => self.begin_recovery(cx, 0),
            Phase::Reconnecting { retry_at, .. } => {
                let soon = cx.now + RECOVERY_RETRY;
                *retry_at = Some(retry_at.map_or(soon, |at| at.min(soon)));
            }
            _ => self.fail(cx, EndReason::ConnectionFailed, HangupReason::IceFailed),
        }
    }

    /// This device reaches the network by another way: the old connection is as good as gone. With version 0 there is nothing to
    /// do but to hope.
    pub(in crate::voip) fn on_network_changed(&mut self, cx: &mut Cx<'_>) {
        let able = self.peer.as_ref().is_some_and(|p| p.may_renegotiate());
        if able && self.connected_at.is_some() && self.is_established() {
            self.begin_recovery(cx, 0);
            self.recover(cx);
        }
    }

    /// Offers a new connection.
    pub(super) fn recover(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = None;
            self.negotiation.want(true);
            self.pursue(cx);
        }
    }

    /// An attempt is under way: the next one waits for it.
    pub(super) fn put_off_recovery(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = Some(cx.now + NEGOTIATE_LIFETIME);
        }
    }

    /// An attempt failed: the next one comes soon.
    pub(super) fn retry_recovery(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = Some(cx.now + RECOVERY_RETRY);
        }
    }

    /// It did not come back.
    pub(super) fn on_recovery_failed(&mut self, cx: &mut Cx<'_>) {
        self.fail(cx, EndReason::ConnectionLost, HangupReason::IceTimeout);
    }
}
