//! The connection of a call: made, lost, made again.
//!
//! A connection that breaks is made anew by an offer of ours ([`m.call.negotiate`]), since whoever changed its network has to
//! say where it is now. The polite side waits longer, so that both do not offer at once. A recovery ends after a time, and the
//! attempts are counted until a connection has proven itself: one that breaks over and over comes to an end as well.
//!
//! [`m.call.negotiate`]: https://spec.matrix.org/v1.16/client-server-api/#mcallnegotiate

use super::{Call, Phase};
use crate::{
    Moment,
    voip::{
        action::EndReason,
        cx::Cx,
        limits::{
            MAX_RECOVERIES, NEGOTIATE_LIFETIME, RECOVERY_DELAY, RECOVERY_DELAY_POLITE,
            RECOVERY_LIMIT, RECOVERY_PROOF, RECOVERY_RETRY,
        },
        view::Direction,
        wire::HangupReason,
    },
};

/// Offers of a new connection, counted.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    n_attempts: usize,
    /// Since when the connection stands, or stood last.
    stands_since: Moment,
    /// What the media process says, whatever we think of the network.
    flows: bool,
    /// Until then the other side may still take the answer that brings a new connection: it is not broken, but not there yet.
    settles_until: Moment,
}

impl Recovery {
    /// Whether another attempt may be made, which counts as one.
    pub(super) fn begin_attempt(&mut self) -> bool {
        let may = self.n_attempts < MAX_RECOVERIES;
        self.n_attempts += usize::from(may);
        may
    }

    fn stand(&mut self, now: Moment) {
        self.stands_since = now;
    }

    /// It does not stand any more. If it did for long, the attempts before it do not count.
    fn fall(&mut self, now: Moment) {
        if now - self.stands_since >= RECOVERY_PROOF {
            self.n_attempts = 0;
        }
    }
}

impl Call {
    /// Media flow.
    pub(super) fn on_connected(&mut self, cx: &mut Cx<'_>) {
        self.recovery.flows = true;
        self.recovery.settles_until = Moment::default();
        if self.is_established() {
            self.negotiation.fresh = false;
            self.stand(cx);
        }
    }

    fn stand(&mut self, cx: &mut Cx<'_>) {
        if !self.is_connected() {
            self.phase = Phase::Connected;
            self.recovery.stand(cx.now);
            self.connected_at.get_or_insert(cx.now);
        }
        self.pursue(cx);
    }

    /// Media do not flow any more. It may be a moment.
    pub(super) fn on_disconnected(&mut self, cx: &mut Cx<'_>) {
        self.recovery.flows = false;
        let delay = match self.direction {
            Direction::Outgoing => RECOVERY_DELAY,
            Direction::Incoming => RECOVERY_DELAY_POLITE,
        };
        let delay = delay.max(self.recovery.settles_until - cx.now);
        self.begin_recovery(cx, delay);
    }

    fn begin_recovery(&mut self, cx: &mut Cx<'_>, delay: u64) {
        if self.is_connected() {
            self.recovery.fall(cx.now);
            self.phase = Phase::Reconnecting {
                until: cx.now + RECOVERY_LIMIT,
                retry_at: Some(cx.now + delay),
            };
        }
    }

    /// No way to the other side. If there was one it is looked for again.
    pub(super) fn on_connection_failed(&mut self, cx: &mut Cx<'_>) {
        self.recovery.flows = false;
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
            // one that is described already does not know of the new network
            self.negotiation.fresh |= !self.negotiation.awaits_fresh_offer();
            self.recover(cx);
        }
    }

    /// Offers a new connection. What is being negotiated comes first: it may bring one, and whatever its end, the next attempt
    /// is set by it.
    pub(super) fn recover(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = None;
            self.negotiation.fresh |= self.negotiation.is_stable();
            self.pursue(cx);
        }
    }

    /// Something was agreed on. A new connection is given time; the old one is made anew soon.
    pub(super) fn put_off_recovery(&mut self, cx: &mut Cx<'_>, fresh: bool) {
        let delay = match fresh {
            true => NEGOTIATE_LIFETIME,
            false => RECOVERY_RETRY,
        };
        if fresh {
            self.recovery.settles_until = cx.now + delay;
        }
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = Some(cx.now + delay);
        }
    }

    /// An attempt failed: the next one comes soon.
    pub(super) fn retry_recovery(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Reconnecting { retry_at, .. } = &mut self.phase {
            *retry_at = Some(cx.now + RECOVERY_RETRY);
        }
    }

    /// It did not come back. If it never went, but for a network that changed, it is used on.
    pub(super) fn on_recovery_failed(&mut self, cx: &mut Cx<'_>) {
        if self.recovery.flows {
            self.negotiation.fresh = false;
            self.stand(cx);
        } else {
            self.fail(cx, EndReason::ConnectionLost, HangupReason::IceTimeout);
        }
    }
}
