//! Transfers of ours: the calls we go to, and the calls we come from.
//!
//! [MSC2747](https://github.com/matrix-org/matrix-spec-proposals/pull/2747).

use ruma::UserId;

use super::{CallMachine, refuse};
use crate::{
    Moment,
    voip::{
        action::{Action, Refusal, TransferOutcome},
        ids::CallKey,
        input::Others,
        limits::TRANSFER_LIMIT,
        wire::{Identity, Replacement, Replaces},
    },
};

/// Transfers under way at a time.
const MAX_TRANSFERS: usize = 4;

/// A transfer the person agreed to.
#[derive(Debug)]
struct Accepted {
    from: CallKey,
    video: bool,
    replaces: Replaces,
    until: Moment,
    new: Option<CallKey>,
}

#[derive(Debug, Default)]
pub(super) struct Transfers(Vec<Accepted>);

impl Transfers {
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.0.iter().map(|accepted| accepted.until).min()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl CallMachine {
    /// Whether a call that comes in was announced by a transfer, and if so whether to take it with a picture.
    pub(super) fn awaited(&self, key: &CallKey, sender: &UserId) -> Option<bool> {
        let accepted = self.transfers.0.iter().find(|accepted| {
            let replaces = &accepted.replaces;
            let room = replaces.target_room.as_ref();
            matches!(&replaces.replacement, Replacement::Await(id) if *id == key.call_id)
                && replaces.target_user == sender
                && room.is_none_or(|room_id| *room_id == key.room_id)
        });
        accepted.map(|accepted| accepted.video)
    }

    /// The person says whether to go where the other side wants.
    pub(super) fn answer_transfer(&mut self, out: &mut Vec<Action>, key: CallKey, accept: bool) {
        let offer = self
            .calls
            .get_mut(&key)
            .and_then(|call| call.take_transfer(self.now));
        let Some(replaces) = offer else {
            refuse(out, key, Refusal::NotNow);
            return;
        };
        if !accept || self.transfers.0.len() >= MAX_TRANSFERS {
            self.with(out, &key, |call, cx| call.refuse_transfer(cx, replaces));
            return;
        }
        let video = self.calls.get(&key).is_some_and(|call| call.video());
        self.transfers.0.retain(|accepted| accepted.from != key);
        self.transfers.0.push(Accepted {
            from: key,
            video,
            replaces,
            until: self.now + TRANSFER_LIMIT,
            new: None,
        });
    }

    /// Connects the other sides of two calls of ours.
    pub(super) fn join(&mut self, out: &mut Vec<Action>, one: CallKey, other: CallKey) {
        let able = |key: &CallKey| match self.calls.get(key) {
            Some(call) => call.may_transfer(),
            None => Err(Refusal::NoSuchCall),
        };
        if let Err(why) = able(&one).and(able(&other)) {
            refuse(out, one, why);
            return;
        }
        let user_of = |key: &CallKey| self.calls.get(key).and_then(|call| call.peer_user());
        let (Some(user), Some(target)) = (user_of(&one), user_of(&other)) else {
            return;
        };
        if one == other {
            refuse(out, one, Refusal::NotNow);
            return;
        }
        let new = self.ids.call();
        // The one who waits is told first, so that it does not ring there.
        for (key, target_user, replacement) in [
            (&other, user, Replacement::Await(new.clone())),
            (&one, target, Replacement::Create(new)),
        ] {
            let replaces = Replaces {
                replacement_id: self.ids.replacement(),
                target_user,
                target: Identity::default(),
                target_room: None,
                replacement,
            };
            self.with(out, key, |call, cx| call.transfer(cx, replaces));
        }
    }

    /// Sends the other side of a call to somebody else.
    pub(super) fn transfer_to(
        &mut self,
        out: &mut Vec<Action>,
        key: CallKey,
        mut replaces: Replaces,
    ) {
        replaces.replacement = Replacement::Create(self.ids.call());
        replaces.replacement_id = self.ids.replacement();
        let able = self.calls.get(&key).map(|call| call.may_transfer());
        match able {
            Some(Ok(())) => {
                self.with(out, &key, |call, cx| call.transfer(cx, replaces));
            }
            Some(Err(why)) => refuse(out, key, why),
            None => refuse(out, key, Refusal::NoSuchCall),
        }
    }

    /// A transfer is done when the new call is connected; it failed when that is over, or took too long.
    pub(super) fn settle_transfers(&mut self, out: &mut Vec<Action>) {
        for mut accepted in std::mem::take(&mut self.transfers.0) {
            let id = accepted.replaces.replacement_id.clone();
            accepted.new = accepted.new.take().or_else(|| self.new_call(&accepted));
            let new = accepted.new.as_ref().map(|key| self.calls.get(key));
            let outcome = match new {
                Some(Some(call)) if call.is_connected() => TransferOutcome::Done(id),
                Some(None) => TransferOutcome::Failed(id),
                Some(Some(call)) if call.is_over() => TransferOutcome::Failed(id),
                _ if accepted.until <= self.now => TransferOutcome::Failed(id),
                _ => {
                    self.transfers.0.push(accepted);
                    continue;
                }
            };
            let call = accepted.from;
            if matches!(outcome, TransferOutcome::Done(_)) {
                self.with(out, &call, |call, cx| call.end_transferred(cx));
            }
            out.push(Action::TransferEnded { call, outcome });
        }
    }

    fn new_call(&self, accepted: &Accepted) -> Option<CallKey> {
        let id = accepted.replaces.replacement.call_id();
        let room = accepted.replaces.target_room.as_ref();
        let matches = |key: &&CallKey| {
            key.call_id == *id
                && **key != accepted.from
                && room.is_none_or(|room_id| *room_id == key.room_id)
        };
        let key = self.calls.keys().find(matches)?;
        self.calls.get(key).filter(|call| call.is_ours())?;
        Some(key.clone())
    }

    /// A call that a transfer asked us to place keeps the one it replaces on hold, not at an end.
    pub(super) fn others_for(
        &self,
        call_id: Option<&crate::voip::CallId>,
        asked: Others,
    ) -> Others {
        let transfer = self.transfers.0.iter().any(|accepted| {
            call_id.is_some_and(|id| accepted.replaces.replacement.call_id() == id)
        });
        if transfer { Others::Hold } else { asked }
    }
}
