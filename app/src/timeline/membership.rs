//! Membership and profile changes, and their folding into one row.

use matrix_sdk_ui::timeline::{
    EventTimelineItem, MemberProfileChange, MembershipChange as SdkChange, RoomMembershipChange,
};
use ruma::events::StateEventContentChange;

use super::{MapContext, list::Mapped, names::Person};
use crate::view::room::MembershipChange;

/// A membership change as a row tells it.
pub(super) fn map(
    event: &EventTimelineItem,
    change: &RoomMembershipChange,
    context: &MapContext,
) -> Mapped {
    let user_id = change.user_id();
    let name = Person {
        display_name: change.display_name(),
        ..Person::default()
    }
    .name(user_id);
    let by = || {
        context
            .names
            .of(event.sender(), Some(event.sender_profile()))
            .name(event.sender())
    };
    let reason = || match change.content() {
        StateEventContentChange::Original { content, .. } => content
            .reason
            .as_deref()
            .map(|reason| crate::text::one_line(reason, 200))
            .filter(|reason| !reason.is_empty()),
        StateEventContentChange::Redacted(_) => None,
    };
    let Some(kind) = change.change() else {
        return Mapped::Hidden;
    };
    Mapped::Member(match kind {
        SdkChange::Joined | SdkChange::InvitationAccepted | SdkChange::KnockAccepted => {
            MembershipChange::Joined { name }
        }
        SdkChange::Left => MembershipChange::Left { name },
        SdkChange::Invited => MembershipChange::Invited { name, by: by() },
        SdkChange::InvitationRejected | SdkChange::KnockRetracted => {
            MembershipChange::Declined { name }
        }
        SdkChange::InvitationRevoked | SdkChange::KnockDenied => {
            MembershipChange::Revoked { name, by: by() }
        }
        SdkChange::Kicked => MembershipChange::Kicked {
            name,
            by: by(),
            reason: reason(),
        },
        SdkChange::Banned | SdkChange::KickedAndBanned => MembershipChange::Banned {
            name,
            by: by(),
            reason: reason(),
        },
        SdkChange::Unbanned => MembershipChange::Unbanned { name, by: by() },
        SdkChange::Knocked => MembershipChange::Knocked { name },
        SdkChange::None | SdkChange::Error | SdkChange::NotImplemented => return Mapped::Hidden,
    })
}

/// A change of name or picture.
pub(super) fn map_profile(change: &MemberProfileChange) -> Mapped {
    let user_id = change.user_id();
    let name_of = |name: &Option<String>| {
        Person {
            display_name: name.clone(),
            ..Person::default()
        }
        .name(user_id)
    };
    if let Some(names) = change.displayname_change() {
        return Mapped::Member(MembershipChange::Renamed {
            from: name_of(&names.old),
            to: name_of(&names.new),
        });
    }
    if change.avatar_url_change().is_some() {
        return Mapped::Member(MembershipChange::NewAvatar {
            name: user_id.localpart().to_owned(),
        });
    }
    Mapped::Hidden
}

/// Adds a change to those told in one row; what takes back or repeats the one before is summed up.
pub(super) fn fold_in(changes: &mut Vec<MembershipChange>, change: MembershipChange) {
    match (&change, changes.last_mut()) {
        (
            MembershipChange::Renamed { from, to },
            Some(MembershipChange::Renamed {
                to: before,
                from: first,
            }),
        ) if before == from => {
            if first == to {
                changes.pop();
            } else {
                *before = to.clone();
            }
        }
        (MembershipChange::NewAvatar { .. }, Some(last)) if *last == change => {}
        _ => changes.push(change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_changes_are_summed_up() {
        let renamed = |from: &str, to: &str| MembershipChange::Renamed {
            from: from.into(),
            to: to.into(),
        };
        let avatar = || MembershipChange::NewAvatar { name: "ada".into() };
        let mut changes = Vec::new();
        for change in [
            renamed("a", "b"),
            renamed("b", "c"),
            avatar(),
            avatar(),
            renamed("x", "y"),
            renamed("y", "x"),
        ] {
            fold_in(&mut changes, change);
        }
        assert_eq!(changes, [renamed("a", "c"), avatar()]);
    }
}
