//! Calls that come in: which of them are known, which ring, which are taken at once.
//!
//! Spec: [invitees](https://spec.matrix.org/v1.16/client-server-api/#invitees),
//! [glare](https://spec.matrix.org/v1.16/client-server-api/#glare).

use ruma::{OwnedUserId, UserId};

use super::CallMachine;
use crate::voip::{
    action::{Action, EndReason, Side},
    call::{Call, Invited, Taking},
    cx::Cx,
    glare::{Winner, decide},
    ids::CallKey,
    input::{Others, Permission, Received, Silence},
    limits::{MAX_LIFETIME, MAX_OPEN_A_SENDER, MAX_RINGING, MAX_SILENT, MIN_RING},
    party::Peer,
    wire::Body,
};

impl CallMachine {
    pub(super) fn on_invite(&mut self, out: &mut Vec<Action>, key: CallKey, received: Received) {
        let sender = received.sender.clone();
        let Some((invitee, invited)) = self.read_invite(received) else {
            return;
        };
        // One may call one's own devices, but only by name.
        let for_us = match &invitee {
            Some(invitee) => *invitee == self.me,
            None => sender != self.me,
        };
        // A call that is still kept ended in this very step.
        let over = self.calls.contains_key(&key) || self.ended.covers(&key, &sender, &self.me);
        if !for_us || over {
            return;
        }
        let video = invited.offer.sends_video();
        let permission = self.wanted(&key, &sender, invited.permission);
        if invited.expires <= self.now {
            self.ended.remember_by(key.clone(), sender.clone());
            suppress(out, key, sender, Silence::TooLate, video);
        } else if self.loses_glare(&key, &sender) {
            self.ended.remember_by(key, sender);
        } else if self.has_room(out, &sender, permission) {
            self.add(out, key, invited);
        } else {
            self.ended.remember_by(key.clone(), sender.clone());
            suppress(out, key, sender, Silence::TooMany, video);
        }
    }

    /// What a call is allowed: one in place of a call of ours is as good as taken.
    fn wanted(&self, key: &CallKey, sender: &UserId, permission: Permission) -> Permission {
        let expected =
            self.glare_with(key, sender).is_some() || self.awaited(key, sender).is_some();
        if expected {
            Permission::Ring
        } else {
            permission
        }
    }

    fn read_invite(&self, received: Received) -> Option<(Option<OwnedUserId>, Invited)> {
        let party = received.message.party(&received.sender);
        let version = received.message.version;
        let Body::Invite {
            offer,
            lifetime,
            invitee,
            capabilities,
            streams,
        } = received.message.body
        else {
            return None;
        };
        let left = lifetime.min(MAX_LIFETIME).saturating_sub(received.age);
        let peer = Peer {
            party,
            version,
            capabilities,
            describes_streams: streams.is_some(),
        };
        let invited = Invited {
            peer,
            offer,
            streams,
            expires: self.now + left,
            permission: received.permission,
        };
        Some((invitee, invited))
    }

    fn add(&mut self, out: &mut Vec<Action>, key: CallKey, invited: Invited) {
        self.end_former(out, &key, &invited.peer);
        let early = self.early.take(&key, &invited.peer.party.user_id);
        let mut cx = Self::cx(&self.me, &mut self.ids, &mut self.last_send, self.now, out);
        let mut call = Call::incoming(&mut cx, key.clone(), invited);
        if let Some(early) = early {
            call.adopt_early(early);
        }
        self.calls.insert(key, call);
    }

    /// A device that calls again has given up its former call, even if we never heard so.
    fn end_former(&mut self, out: &mut Vec<Action>, key: &CallKey, peer: &Peer) {
        self.with_all(out, |call, cx| {
            if call.key.room_id == key.room_id && call.is_unanswered_of(&peer.party) {
                call.end(cx, EndReason::Unanswered, Side::There, None);
            }
        });
    }

    /// A call of ours to the one who calls, in the same room.
    fn glare_with(&self, key: &CallKey, sender: &UserId) -> Option<CallKey> {
        let ours = self.calls.values().find(|call| {
            let same = call.key.room_id == key.room_id && *sender != *self.me;
            same && call.glare_state().is_some() && call.calls(&self.me, sender)
        });
        ours.map(|call| call.key.clone())
    }

    /// Whether our own call goes on instead.
    fn loses_glare(&self, key: &CallKey, sender: &UserId) -> bool {
        let ours = self.glare_with(key, sender);
        let ours = ours.and_then(|ours| self.calls.get(&ours));
        let winner = ours.and_then(|ours| {
            let state = ours.glare_state()?;
            Some(decide(state, &ours.key.call_id, &key.call_id))
        });
        winner == Some(Winner::Ours)
    }

    /// Their call goes on, with what ours had captured.
    fn take_glare(&mut self, out: &mut Vec<Action>, ours: CallKey, key: &CallKey) {
        let video = self.calls.get(&ours).is_some_and(Call::video);
        self.with(out, &ours, |call, cx| call.end_replaced(cx, key.clone()));
        let taking = Taking {
            video,
            instead_of: Some(ours),
        };
        self.with(out, key, |call, cx| call.accept(cx, taking));
    }

    /// The call that a transfer announced.
    fn take_awaited(&mut self, out: &mut Vec<Action>, key: &CallKey, video: bool) {
        self.put_aside(out, Some(key), Others::Hold);
        let taking = Taking {
            video,
            instead_of: None,
        };
        self.with(out, key, |call, cx| call.accept(cx, taking));
    }

    /// Whether another call can be known. One that may ring drives out one that may not, and nobody has all the room.
    fn has_room(&mut self, out: &mut Vec<Action>, sender: &UserId, permission: Permission) -> bool {
        let open = |call: &&Call| call.expires().is_some() && !call.is_ours();
        let own = |call: &&Call| open(call) && call.caller() == Some(sender);
        if self.calls.values().filter(own).count() >= MAX_OPEN_A_SENDER {
            return false;
        }
        if self.calls.values().filter(open).count() < MAX_RINGING + MAX_SILENT {
            return true;
        }
        let unwanted = |call: &&Call| open(call) && call.permission() != Permission::Ring;
        let unwanted = self.calls.values().filter(unwanted).map(|call| &call.key);
        let Some(driven_out) = unwanted.min().cloned() else {
            return false;
        };
        if permission != Permission::Ring {
            return false;
        }
        let end = |call: &mut Call, cx: &mut Cx<'_>| {
            call.end(cx, EndReason::Unanswered, Side::There, None);
        };
        self.with(out, &driven_out, end);
        true
    }

    /// After a whole batch: what is still there is taken in place of a call of ours, or rings, if it may.
    pub(super) fn ring_all(&mut self, out: &mut Vec<Action>) {
        let arrived = self.calls.values().filter(|call| call.has_arrived());
        let arrived: Vec<_> = arrived.map(|call| call.key.clone()).collect();
        for key in arrived {
            let caller = self.calls.get(&key).and_then(Call::caller);
            let Some(caller) = caller.map(ToOwned::to_owned) else {
                continue;
            };
            if self.loses_glare(&key, &caller) {
                let end = |call: &mut Call, cx: &mut Cx<'_>| {
                    call.end(cx, EndReason::Unanswered, Side::Here, None);
                };
                self.with(out, &key, end);
            } else if let Some(ours) = self.glare_with(&key, &caller) {
                self.take_glare(out, ours, &key);
            } else if let Some(video) = self.awaited(&key, &caller) {
                self.take_awaited(out, &key, video);
            } else {
                self.ring(out, &key);
            }
        }
    }

    fn ring(&mut self, out: &mut Vec<Action>, key: &CallKey) {
        let silence = self.silence(key);
        let waiting = self.calls.values().any(Call::is_active);
        self.with(out, key, |call, cx| match silence {
            Some(why) => call.be_silent(cx, why),
            None => call.ring(cx, waiting),
        });
    }

    fn silence(&mut self, key: &CallKey) -> Option<Silence> {
        let n_ringing = self.calls.values().filter(|call| call.is_ringing()).count();
        let call = self.calls.get(key)?;
        if let Permission::Silent(why) = call.permission() {
            return Some(why);
        }
        if call.expires().is_none_or(|at| at - self.now < MIN_RING) {
            return Some(Silence::TooLate);
        }
        if n_ringing >= MAX_RINGING {
            return Some(Silence::TooMany);
        }
        let caller = call.caller()?.to_owned();
        let allowed = self.bursts.allow(self.now, &caller);
        (!allowed).then_some(Silence::Burst)
    }
}

fn suppress(out: &mut Vec<Action>, call: CallKey, sender: OwnedUserId, why: Silence, video: bool) {
    out.push(Action::Suppressed {
        call,
        sender,
        why,
        video,
    });
}
