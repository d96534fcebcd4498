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
    if is_creators_first(change, context) {
        return Mapped::Hidden;
    }
    let name = name_then(event, change, context);
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

/// The name the member had then; with their id if somebody else in the room has the same.
fn name_then(
    event: &EventTimelineItem,
    change: &RoomMembershipChange,
    context: &MapContext,
) -> String {
    let user_id = change.user_id();
    let profile = (event.sender() == user_id).then(|| event.sender_profile());
    let now = context.names.of(user_id, profile);
    let display_name = change.display_name().or(now.display_name);
    Person {
        display_name,
        ..now
    }
    .name(user_id)
}

/// Who creates a room is in it: that they joined then is no news.
fn is_creators_first(change: &RoomMembershipChange, context: &MapContext) -> bool {
    let first = matches!(
        change.content(),
        StateEventContentChange::Original {
            prev_content: None,
            ..
        }
    );
    first
        && matches!(change.change(), Some(SdkChange::Joined))
        && context
            .creators
            .iter()
            .any(|creator| creator == change.user_id())
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
