//! What every step of a call has at hand.

use ruma::UserId;

use super::{
    action::{Action, MediaRequest, SendId},
    ids::{CallKey, IdSource},
};
use crate::Moment;

/// The moment, who we are, and where actions go.
pub(super) struct Cx<'a> {
    pub(super) now: Moment,
    pub(super) me: &'a UserId,
    pub(super) ids: &'a mut IdSource,
    pub(super) last_send: &'a mut u64,
    pub(super) out: &'a mut Vec<Action>,
}

impl Cx<'_> {
    pub(super) fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    pub(super) fn media(&mut self, call: &CallKey, request: MediaRequest) {
        let call = call.clone();
        self.act(Action::Media { call, request });
    }

    pub(super) fn next_send(&mut self) -> SendId {
        *self.last_send += 1;
        SendId(*self.last_send)
    }
}
