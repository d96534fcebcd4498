//! All calls of one account on this device.

mod commands;
mod events;
mod invites;
mod memory;
mod transfers;

use std::collections::BTreeMap;

use ruma::{OwnedUserId, UserId};

use self::{
    memory::{Bursts, Early, Ended},
    transfers::Transfers,
};
use super::{
    action::{Action, Refusal},
    call::Call,
    cx::Cx,
    ids::{CallKey, IdSource},
    input::{Input, Others},
    view::CallView,
};
use crate::Moment;

/// How many deadlines of a call may follow one from the other.
const MAX_STEPS: usize = 8;

/// All calls of one account on this device. Of those the person is in, one is active and the others are on hold.
#[derive(Debug)]
pub struct CallMachine {
    me: OwnedUserId,
    ids: IdSource,
    now: Moment,
    last_send: u64,
    calls: BTreeMap<CallKey, Call>,
    ended: Ended,
    early: Early,
    bursts: Bursts,
    transfers: Transfers,
    wake_at: Option<Moment>,
}

/// How much a machine remembers, for those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Calls that are not over.
    pub n_calls: usize,
    /// Calls remembered as over.
    pub n_ended: usize,
    /// Calls remembered as over by hearsay.
    pub n_told: usize,
    /// Calls of which there are candidates but no invite.
    pub n_early: usize,
    /// People whose rings are counted.
    pub n_senders: usize,
    /// Transfers under way.
    pub n_transfers: usize,
}

impl CallMachine {
    /// A machine without calls.
    #[must_use]
    pub fn new(me: OwnedUserId, ids: IdSource) -> Self {
        Self {
            me,
            ids,
            now: Moment::default(),
            last_send: 0,
            calls: BTreeMap::new(),
            ended: Ended::default(),
            early: Early::default(),
            bursts: Bursts::default(),
            transfers: Transfers::default(),
            wake_at: None,
        }
    }

    /// Takes something in, says what is to be done. What became due until `now` is done first.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Action> {
        self.now = self.now.max(now);
        let mut out = Vec::new();
        self.on_time(&mut out);
        match input {
            Input::Tick => {}
            Input::Batch(batch) => self.on_batch(&mut out, batch),
            Input::Place(place) => self.place(&mut out, place),
            Input::Command { call, command } => self.command(&mut out, call, command),
            Input::Media { call, event } => {
                self.with(&mut out, &call, |call, cx| call.on_media(cx, event));
            }
            Input::Delivery { send, delivery } => {
                let call = self.calls.values().find(|call| call.awaits(send));
                if let Some(key) = call.map(|call| call.key.clone()) {
                    self.with(&mut out, &key, |call, cx| {
                        call.on_delivery(cx, send, delivery);
                    });
                }
            }
            Input::NetworkChanged => {
                self.with_all(&mut out, |call, cx| call.on_network_changed(cx))
            }
        }
        self.settle(&mut out);
        out
    }

    /// The calls as they are shown, in no order that matters.
    pub fn calls(&self) -> impl Iterator<Item = CallView> {
        self.calls.values().filter_map(Call::view)
    }

    /// A call as it is shown.
    #[must_use]
    pub fn call(&self, key: &CallKey) -> Option<CallView> {
        self.calls.get(key).and_then(Call::view)
    }

    /// How much it remembers.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        Footprint {
            n_calls: self.calls.len(),
            n_ended: self.ended.len(),
            n_told: self.ended.n_told(),
            n_early: self.early.len(),
            n_senders: self.bursts.len(),
            n_transfers: self.transfers.len(),
        }
    }

    fn cx<'a>(
        me: &'a UserId,
        ids: &'a mut IdSource,
        last_send: &'a mut u64,
        now: Moment,
        out: &'a mut Vec<Action>,
    ) -> Cx<'a> {
        Cx {
            now,
            me,
            ids,
            last_send,
            out,
        }
    }

    /// Does something with a call that is not over.
    fn with<T>(
        &mut self,
        out: &mut Vec<Action>,
        key: &CallKey,
        step: impl FnOnce(&mut Call, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let call = self.calls.get_mut(key).filter(|call| !call.is_over())?;
        let mut cx = Self::cx(&self.me, &mut self.ids, &mut self.last_send, self.now, out);
        Some(step(call, &mut cx))
    }

    fn with_all(&mut self, out: &mut Vec<Action>, mut step: impl FnMut(&mut Call, &mut Cx<'_>)) {
        let mut cx = Self::cx(&self.me, &mut self.ids, &mut self.last_send, self.now, out);
        for call in self.calls.values_mut().filter(|call| !call.is_over()) {
            step(call, &mut cx);
        }
    }

    fn on_time(&mut self, out: &mut Vec<Action>) {
        let now = self.now;
        self.with_all(out, |call, cx| {
            for _ in 0..MAX_STEPS {
                if call.deadline().is_none_or(|at| at > now) {
                    break;
                }
                call.on_time(cx);
            }
        });
    }

    /// Brings everything in line after a step: what is due at once, transfers, ended calls, what is shown, the timer.
    fn settle(&mut self, out: &mut Vec<Action>) {
        self.on_time(out);
        self.settle_transfers(out);
        self.with_all(out, |call, cx| call.report_change(cx));
        let over = self.calls.values().filter(|call| call.is_over());
        let over: Vec<_> = over.map(|call| call.key.clone()).collect();
        for key in over {
            self.calls.remove(&key);
            self.ended.remember(key);
        }
        let deadlines = self.calls.values().filter_map(Call::deadline);
        let wake_at = deadlines.chain(self.transfers.deadline()).min();
        if wake_at != self.wake_at {
            self.wake_at = wake_at;
            out.push(Action::WakeAt(wake_at));
        }
    }

    /// Makes room for another call to be active.
    fn put_aside(&mut self, out: &mut Vec<Action>, but: Option<&CallKey>, others: Others) {
        let active = |call: &&Call| call.is_active() && Some(&call.key) != but;
        let active = self.calls.values().filter(active);
        let active: Vec<_> = active.map(|call| call.key.clone()).collect();
        for key in active {
            self.with(out, &key, |call, cx| {
                let held = others == Others::Hold && call.hold(cx, true).is_ok();
                if !held {
                    call.hang_up(cx, false);
                }
            });
        }
    }

    /// How many calls the person is in.
    fn n_ours(&self) -> usize {
        self.calls.values().filter(|call| call.is_ours()).count()
    }
}

fn refuse(out: &mut Vec<Action>, call: CallKey, why: Refusal) {
    out.push(Action::Refused { call, why });
}
