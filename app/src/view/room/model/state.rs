//! What is around the timeline: name, rights, typing, identities.

use matrix_sdk::{Room, RoomState as Membership};
use matrix_sdk_base::crypto::{IdentityState, IdentityStatusChange};
use ruma::events::{MessageLikeEventType, room::join_rules::JoinRule};

use super::{
    super::{RoomEffect, RoomMembership},
    driver::Model,
    lookups::Outcome,
};
use crate::{
    failure::{self, Doing},
    ids::OwnedUserId,
    rooms::{actions, name, row},
    timeline::{Can, Person},
};

/// Typists named at a time.
const TYPISTS: usize = 5;

impl Model {
    /// What we may do; rows show it.
    pub(super) async fn refresh_rights(&mut self) {
        let joined = self.is_joined();
        let own = self.context.own_id.clone();
        let levels = self.room.power_levels_or_default().await;
        let can = Can {
            send: joined && levels.user_can_send_message(&own, MessageLikeEventType::RoomMessage),
            redact_own: joined && levels.user_can_redact_own_event(&own),
            redact_others: joined && levels.user_can_redact_event_of_other(&own),
        };
        self.composer.destination.may_notify_room =
            joined && levels.user_can_trigger_room_notification(&own);
        if can != self.context.can {
            self.context.can = can;
            self.list.refresh(|_| true, &self.context);
        }
    }

    /// Reads the room again and shows what changed.
    pub(super) async fn refresh_state(&mut self) {
        let room = self.room.clone();
        let name = name::name(&room).await;
        let is_direct = room.is_direct().await.unwrap_or(false);
        let membership = self.membership().await;
        let avatar = row::avatar(&room, is_direct, &name);
        let is_encrypted = room.encryption_state().is_encrypted();
        self.composer.destination.encrypted = is_encrypted;
        let can_send = self.context.can.send;
        let can_call = can_send && is_for_two(&room);
        let gone = membership == RoomMembership::Left && self.was_joined;
        self.was_joined = membership == RoomMembership::Joined;
        self.screen.update(|state| {
            state.name = name;
            state.topic = row::topic(&room);
            state.avatar = avatar;
            state.is_direct = is_direct;
            state.is_encrypted = is_encrypted;
            state.member_count = room.joined_members_count();
            state.membership = membership;
            state.can_send = can_send;
            state.can_call = can_call;
        });
        if gone {
            self.effect(RoomEffect::Left);
        }
    }

    async fn membership(&self) -> RoomMembership {
        match self.room.state() {
            Membership::Joined => RoomMembership::Joined,
            Membership::Invited | Membership::Knocked => {
                let Ok(invite) = self.room.invite_details().await else {
                    return RoomMembership::Invited {
                        inviter: None,
                        inviter_name: None,
                    };
                };
                let name = invite
                    .inviter
                    .as_ref()
                    .map(|inviter| Person::from(inviter).name(&invite.inviter_id));
                RoomMembership::Invited {
                    inviter: Some(invite.inviter_id),
                    inviter_name: name,
                }
            }
            Membership::Left | Membership::Banned => RoomMembership::Left,
        }
    }

    pub(super) fn set_typing(&mut self, users: Vec<OwnedUserId>) {
        self.typing = users;
        self.show_typing();
    }

    pub(super) fn show_typing(&mut self) {
        let names = self
            .typing
            .iter()
            .take(TYPISTS)
            .map(|user| self.context.names.name(user))
            .collect();
        let wanted = self.context.names.take_wanted();
        if !wanted.is_empty() {
            self.look_up(wanted);
        }
        self.screen.update(|state| state.typing = names);
    }

    pub(super) fn take_identities(&mut self, changes: Vec<IdentityStatusChange>) {
        for change in changes {
            match change.changed_to {
                IdentityState::PinViolation | IdentityState::VerificationViolation => {
                    self.changed_identities.insert(change.user_id);
                }
                IdentityState::Verified | IdentityState::Pinned => {
                    self.changed_identities.remove(&change.user_id);
                }
            }
        }
        let name = self
            .changed_identities
            .iter()
            .min()
            .map(|user| self.context.names.name(user));
        self.screen.update(|state| state.identity_changed = name);
    }

    /// Accepts the new identities of everybody whose identity changed.
    pub(super) fn accept_identities(&self) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        let people: Vec<OwnedUserId> = self.changed_identities.iter().cloned().collect();
        self.tasks.detach("accept-identity", async move {
            for user_id in people {
                if let Err(error) = crate::encryption::accept_identity(&client, &user_id).await {
                    tracing::warn!(%user_id, %error, "the new identity could not be accepted");
                    let _ = outcomes.send(Outcome::Toast(error.notice()));
                }
            }
        });
    }

    /// Accepts an invite.
    pub(super) fn accept_invite(&self) {
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        self.tasks.detach("accept-invite", async move {
            if let Err(error) = room.join().await {
                let _ = outcomes.send(Outcome::Toast(failure::of_sdk(&error, Doing::InRoom)));
            }
        });
    }

    /// Declines an invite.
    pub(super) fn decline_invite(&self, ignore_inviter: bool) {
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        self.tasks.detach("decline-invite", async move {
            let outcome = match actions::decline_room(&room, ignore_inviter).await {
                Ok(()) => Outcome::Left,
                Err(error) => Outcome::Toast(failure::of_sdk(&error, Doing::InRoom)),
            };
            let _ = outcomes.send(outcome);
        });
    }
}

/// Whether calls ring in the room: [two are in it](https://spec.matrix.org/v1.16/client-server-api/#voice-over-ip), and nobody
/// else can join.
fn is_for_two(room: &Room) -> bool {
    room.joined_members_count() == 2 && room.join_rule() != Some(JoinRule::Public)
}
