//! Two people call each other at the same time.
//!
//! Spec: [glare](https://spec.matrix.org/v1.16/client-server-api/#glare). Both sides follow the same rule, so they keep the
//! same call without a word.

use super::ids::CallId;

/// How far our own call to the same room has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OurCall {
    /// Nobody knows of it yet.
    Preparing,
    /// The invite is on its way or there.
    Invited,
    /// The other side has dropped it for a call of its own that we have not seen yet.
    Yielding,
}

/// Which call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    Ours,
    Theirs,
}

/// Decides between our call and one that comes in.
pub(super) fn decide(state: OurCall, ours: &CallId, theirs: &CallId) -> Winner {
    match state {
        OurCall::Preparing | OurCall::Yielding => Winner::Theirs,
        OurCall::Invited if theirs.as_str() < ours.as_str() => Winner::Theirs,
        OurCall::Invited => Winner::Ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> CallId {
        CallId::parse(text).unwrap()
    }

    #[test]
    fn a_call_nobody_knows_of_gives_way() {
        let winner = decide(OurCall::Preparing, &id("a"), &id("b"));
        assert_eq!(winner, Winner::Theirs);
    }

    #[test]
    fn of_two_invites_the_lesser_id_wins_on_both_sides() {
        for (one, other) in [("a", "b"), ("1", "10"), ("Z", "a"), ("10", "9")] {
            let here = decide(OurCall::Invited, &id(one), &id(other));
            let there = decide(OurCall::Invited, &id(other), &id(one));
            assert_eq!((here, there), (Winner::Ours, Winner::Theirs));
        }
    }
}
