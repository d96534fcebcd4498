//! Transfers: the other side is to talk to somebody else, or we are.
//!
//! [MSC2747](https://github.com/matrix-org/matrix-spec-proposals/pull/2747). Nothing says that a transfer is accepted: the one
//! who is transferred hangs up when its new call stands.

use super::Call;
use crate::{
    Moment,
    voip::{
        action::{Action, Refusal, TransferOutcome},
        cx::Cx,
        ids::ReplacementId,
        limits::TRANSFER_LIMIT,
        wire::{Body, Replaces},
    },
};

/// Transfers of a call.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    /// We want the other side to go, until then.
    asked: Option<(ReplacementId, Moment)>,
    /// The other side wants us to go; the person here may answer until then.
    offered: Option<(Replaces, Moment)>,
}

impl Transfer {
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.asked.as_ref().map(|(_, until)| *until)
    }
}

impl Call {
    /// Whether the other side can be transferred.
    pub(in crate::voip) fn may_transfer(&self) -> Result<(), Refusal> {
        if !self.is_connected() || self.transfer.asked.is_some() {
            return Err(Refusal::NotNow);
        }
        let able = self.peer.as_ref().and_then(|peer| peer.capabilities);
        match able.is_none_or(|able| able.transferee) {
            true => Ok(()),
            false => Err(Refusal::PeerCannot),
        }
    }

    /// Asks the other side to talk to somebody else.
    pub(in crate::voip) fn transfer(&mut self, cx: &mut Cx<'_>, replaces: Replaces) {
        let until = cx.now + TRANSFER_LIMIT;
        self.transfer.asked = Some((replaces.replacement_id.clone(), until));
        self.say(cx, Body::Replaces(replaces));
    }

    /// The other side hung up: whether that was what we asked for.
    pub(super) fn finish_transfer(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some((id, _)) = self.transfer.asked.take() else {
            return false;
        };
        self.report(cx, TransferOutcome::Done(id));
        true
    }

    /// The other side does not want to.
    pub(super) fn on_reject_replacement(&mut self, cx: &mut Cx<'_>, id: &ReplacementId) {
        if let Some((asked, _)) = self.transfer.asked.take_if(|(asked, _)| asked == id) {
            self.report(cx, TransferOutcome::Refused(asked));
        }
    }

    /// The other side did nothing.
    pub(super) fn on_transfer_due(&mut self, cx: &mut Cx<'_>) {
        if let Some((id, _)) = self.transfer.asked.take() {
            self.report(cx, TransferOutcome::Failed(id));
        }
    }

    fn report(&self, cx: &mut Cx<'_>, outcome: TransferOutcome) {
        let call = self.key.clone();
        cx.act(Action::TransferEnded { call, outcome });
    }

    /// The other side wants us to talk to somebody else. The person decides: anybody can be named there. One who is asked about
    /// Carol must not say yes to somebody who is named meanwhile, so what is asked first stands.
    pub(super) fn on_replaces(&mut self, cx: &mut Cx<'_>, offer: Replaces) {
        let asked = self.transfer.offered.as_ref();
        let open = asked.is_some_and(|(_, until)| cx.now < *until);
        if self.is_connected() && !open {
            let until = cx.now + TRANSFER_LIMIT;
            self.transfer.offered = Some((offer.clone(), until));
            let call = self.key.clone();
            cx.act(Action::TransferOffered { call, offer });
        }
    }

    /// What the other side wants is taken up, if it still waits for that.
    pub(in crate::voip) fn take_transfer(&mut self, now: Moment) -> Option<Replaces> {
        let (offer, until) = self.transfer.offered.take()?;
        (now < until).then_some(offer)
    }

    /// What the other side wants is not done.
    pub(in crate::voip) fn refuse_transfer(&mut self, cx: &mut Cx<'_>, offer: Replaces) {
        self.say(cx, Body::RejectReplacement(offer.replacement_id));
    }

    pub(in crate::voip) fn peer_user(&self) -> Option<ruma::OwnedUserId> {
        self.peer.as_ref().map(|peer| peer.party.user_id.clone())
    }
}
