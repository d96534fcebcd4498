//! Events of rooms, handed to the call they are about.
//!
//! Nothing rings before a whole batch is seen
//! ([liveness](https://spec.matrix.org/v1.16/client-server-api/#call-event-liveness)).

use super::CallMachine;
use crate::voip::{
    action::Action,
    ids::CallKey,
    input::{Batch, Happening, Received},
    wire::Body,
};

impl CallMachine {
    pub(super) fn on_batch(&mut self, out: &mut Vec<Action>, batch: Batch) {
        for happening in batch.happenings {
            match happening {
                Happening::Event(received) => self.on_received(out, received),
                Happening::Left {
                    room_id,
                    user_id,
                    alone,
                } => self.with_all(out, |call, cx| {
                    if call.key.room_id == room_id {
                        call.on_left(cx, &user_id, alone);
                    }
                }),
            }
        }
        if batch.complete {
            self.ring_all(out);
        }
    }

    fn on_received(&mut self, out: &mut Vec<Action>, received: Received) {
        let call_id = received.message.call_id.clone();
        let key = CallKey::new(received.room_id.clone(), call_id);
        let known = self.calls.get(&key).is_some_and(|call| !call.is_over());
        if known {
            self.with(out, &key, |call, cx| {
                call.on_message(cx, &received.sender, received.message, received.age);
            });
        } else if !self.ended.contains(&key) {
            self.on_unknown(out, key, received);
        }
    }

    /// An event of a call that is not known, or not yet.
    fn on_unknown(&mut self, out: &mut Vec<Action>, key: CallKey, received: Received) {
        let party = received.message.party(&received.sender);
        let from_us = received.sender == self.me;
        match received.message.body {
            Body::Invite { .. } => self.on_invite(out, key, received),
            Body::Candidates(candidates) if !from_us => {
                self.early.keep(self.now, key, party, candidates);
            }
            Body::Hangup(_) | Body::Reject { .. } | Body::SelectAnswer { .. } => {
                self.ended.remember_by(key, received.sender);
            }
            Body::Answer { .. } if from_us => self.ended.remember_by(key, received.sender),
            _ => {}
        }
    }
}
