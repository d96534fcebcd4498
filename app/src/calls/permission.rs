//! Who may ring.
//!
//! Spec: calls are placed in [rooms of two](https://spec.matrix.org/v1.16/client-server-api/#voice-over-ip), and do not ring
//! where anybody can join.

use hardline_rtc::voip::{Permission, Silence};
use matrix_sdk::Room;
use ruma::events::room::join_rules::JoinRule;

use super::settings::CallSettings;
use crate::{ids::UserId, session::Session};

/// What is known of a caller and the room.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// Anybody can join the room.
    public: bool,
    /// Nobody but the two is in the room.
    two_alone: bool,
    /// We have a direct room with the caller.
    direct: bool,
    /// Anybody in a room may ring.
    strangers_ring: bool,
}

/// Whether somebody may ring in a room; `None` if they are ignored, so that nothing is known of their call.
pub(super) async fn of(
    session: &Session,
    room: &Room,
    caller: &UserId,
    settings: &CallSettings,
) -> Option<Permission> {
    let client = session.client();
    if client.is_user_ignored(caller).await {
        return None;
    }
    Some(decide(Facts {
        public: room.join_rule() == Some(JoinRule::Public),
        two_alone: room.joined_members_count() <= 2,
        strangers_ring: settings.strangers_ring,
        direct: caller == session.user_id() || client.get_dm_room(caller).is_some(),
    }))
}

/// A room of two was accepted by the person here, and so was a direct room with the caller; in other rooms one does not choose
/// with whom one is.
fn decide(facts: Facts) -> Permission {
    if facts.public {
        Permission::Silent(Silence::PublicRoom)
    } else if facts.two_alone || facts.direct || facts.strangers_ring {
        Permission::Ring
    } else {
        Permission::Silent(Silence::Stranger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(public: bool, two_alone: bool, direct: bool, expected: Permission) {
        let facts = Facts {
            public,
            two_alone,
            direct,
            strangers_ring: false,
        };
        assert_eq!(decide(facts), expected, "{facts:?}");
    }

    #[test]
    fn a_room_of_two_and_people_one_talks_with_ring() {
        check(false, true, false, Permission::Ring);
        check(false, false, true, Permission::Ring);
    }

    #[test]
    fn strangers_in_a_group_do_not() {
        check(false, false, false, Permission::Silent(Silence::Stranger));
    }

    #[test]
    fn strangers_in_a_group_do_if_they_may() {
        let facts = |public| Facts {
            public,
            two_alone: false,
            direct: false,
            strangers_ring: true,
        };
        assert_eq!(decide(facts(false)), Permission::Ring);
        assert_eq!(decide(facts(true)), Permission::Silent(Silence::PublicRoom));
    }

    #[test]
    fn nobody_rings_where_anybody_can_join() {
        for (two_alone, direct) in [(true, true), (true, false), (false, true), (false, false)] {
            check(
                true,
                two_alone,
                direct,
                Permission::Silent(Silence::PublicRoom),
            );
        }
    }
}
