//! What somebody here wants. One call is active at a time: the others are put on hold, or end.

use super::{CallMachine, refuse};
use crate::voip::{
    action::{Action, Refusal},
    call::{Call, Taking},
    cx::Cx,
    ids::CallKey,
    input::{Command, Others, Place},
    limits::MAX_HELD,
    wire::{Replacement, Replaces},
};

impl CallMachine {
    pub(super) fn place(&mut self, out: &mut Vec<Action>, place: Place) {
        let call_id = place.call_id.clone().unwrap_or_else(|| self.ids.call());
        let key = CallKey::new(place.room_id.clone(), call_id);
        let used = self.calls.contains_key(&key) || self.ended.contains(&key);
        if used {
            refuse(out, key, Refusal::NotNow);
            return;
        }
        let others = self.others_for(place.call_id.as_ref(), place.others);
        self.put_aside(out, None, others);
        if self.n_ours() >= MAX_HELD {
            refuse(out, key, Refusal::TooMany);
            return;
        }
        let mut cx = Self::cx(&self.me, &mut self.ids, &mut self.last_send, self.now, out);
        let call = Call::place(&mut cx, key.clone(), &place);
        self.calls.insert(key, call);
    }

    pub(super) fn command(&mut self, out: &mut Vec<Action>, key: CallKey, command: Command) {
        if self.calls.get(&key).is_none_or(|call| call.is_over()) {
            refuse(out, key, Refusal::NoSuchCall);
            return;
        }
        match command {
            Command::Accept { video, others } => self.accept(out, key, video, others),
            Command::Resume => self.resume(out, key),
            Command::Join(other) => self.join(out, key, other),
            Command::AnswerTransfer { accept } => self.answer_transfer(out, key, accept),
            Command::TransferTo {
                user_id,
                target,
                room_id,
            } => {
                let replaces = Replaces {
                    replacement_id: self.ids.replacement(),
                    target_user: user_id,
                    target,
                    target_room: room_id,
                    replacement: Replacement::Create(key.call_id.clone()),
                };
                self.transfer_to(out, key, replaces);
            }
            command => {
                let done = self.with(out, &key, |call, cx| of_one_call(call, cx, command));
                if let Some(Err(why)) = done {
                    refuse(out, key, why);
                }
            }
        }
    }

    fn accept(&mut self, out: &mut Vec<Action>, key: CallKey, video: bool, others: Others) {
        let open = self.calls.get(&key).is_some_and(|call| call.can_be_taken());
        if !open {
            refuse(out, key, Refusal::NotNow);
            return;
        }
        self.put_aside(out, Some(&key), others);
        if self.n_ours() >= MAX_HELD {
            refuse(out, key, Refusal::TooMany);
            return;
        }
        let taking = Taking {
            video,
            instead_of: None,
        };
        self.with(out, &key, |call, cx| call.accept(cx, taking));
    }

    fn resume(&mut self, out: &mut Vec<Action>, key: CallKey) {
        let ours = self.calls.get(&key).is_some_and(Call::is_ours);
        if ours {
            self.put_aside(out, Some(&key), Others::Hold);
        }
        let done = self.with(out, &key, |call, cx| call.hold(cx, false));
        if let Some(Err(why)) = done {
            refuse(out, key, why);
        }
    }
}

/// What concerns no other call.
fn of_one_call(call: &mut Call, cx: &mut Cx<'_>, command: Command) -> Result<(), Refusal> {
    match command {
        Command::HangUp => call.hang_up(cx, false),
        Command::Reject { busy } => {
            if !call.can_be_taken() {
                return Err(Refusal::NotNow);
            }
            call.hang_up(cx, busy);
        }
        Command::Ignore => call.ignore_ring(cx)?,
        Command::Hold => call.hold(cx, true)?,
        Command::Video(on) => call.set_video(cx, on)?,
        Command::Screen(on) => call.set_screen(cx, on)?,
        Command::Mute(mute) => call.set_mute(cx, mute)?,
        Command::Dial(keys) => call.dial(cx, keys)?,
        // these concern others, and are dealt with above
        Command::Accept { .. }
        | Command::Resume
        | Command::TransferTo { .. }
        | Command::Join(_)
        | Command::AnswerTransfer { .. } => {}
    }
    Ok(())
}
