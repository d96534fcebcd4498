use ruma::{owned_room_id, user_id};

use super::*;
use crate::voip::ids::CallId;

fn key(n: usize) -> CallKey {
    let call_id = CallId::parse(&n.to_string()).unwrap();
    CallKey::new(owned_room_id!("!r:x"), call_id)
}

#[test]
fn the_oldest_end_is_forgotten() {
    let mut ended = Ended::default();
    for n in 0..=MAX_ENDED {
        ended.remember(key(n));
    }
    assert!(!ended.contains(&key(0)));
    assert!(ended.contains(&key(1)));
    assert_eq!(ended.len(), MAX_ENDED);
}

#[test]
fn only_its_caller_or_we_end_a_call_ahead_of_its_invite() {
    let (me, alice, eve) = (user_id!("@me:x"), user_id!("@alice:x"), user_id!("@eve:x"));
    let mut ended = Ended::default();
    ended.remember_by(key(1), eve.to_owned());
    ended.remember_by(key(2), alice.to_owned());
    ended.remember_by(key(3), me.to_owned());
    assert!(!ended.covers(&key(1), alice, me));
    assert!(ended.covers(&key(2), alice, me));
    assert!(ended.covers(&key(3), alice, me));
    ended.remember_by(key(1), alice.to_owned());
    assert!(ended.covers(&key(1), alice, me));
}

#[test]
fn who_tells_of_many_ends_drives_out_nobody_elses() {
    let (me, alice, eve) = (user_id!("@me:x"), user_id!("@alice:x"), user_id!("@eve:x"));
    let mut ended = Ended::default();
    ended.remember(key(1));
    ended.remember_by(key(2), alice.to_owned());
    for n in 10..5_000 {
        ended.remember_by(key(n), eve.to_owned());
    }
    assert!(ended.covers(&key(1), alice, me) && ended.covers(&key(2), alice, me));
    assert_eq!(ended.n_told(), MAX_TOLD_A_SENDER + 1);
    for n in 0..5_000 {
        let user_id = UserId::parse(format!("@u{n}:x")).unwrap();
        ended.remember_by(key(n), user_id);
    }
    assert_eq!(ended.n_told(), MAX_TOLD);
}

#[test]
fn somebody_who_rings_on_and_on_is_not_heard() {
    let mut bursts = Bursts::default();
    let eve = user_id!("@eve:x");
    for n in 0..MAX_RINGS_A_SENDER {
        assert!(bursts.allow(Moment(n as u64 * 1_000), eve));
    }
    assert!(!bursts.allow(Moment(10_000), eve));
    assert!(bursts.allow(Moment(BURST_WINDOW), eve));
}

#[test]
fn a_crowd_is_not_counted_for_ever() {
    let mut bursts = Bursts::default();
    for n in 0..1_000 {
        let user_id = UserId::parse(format!("@u{n}:x")).unwrap();
        assert_eq!(bursts.allow(Moment(0), &user_id), n < MAX_COUNTED_SENDERS);
    }
    assert!(bursts.allow(Moment(BURST_WINDOW), user_id!("@late:x")));
    assert_eq!(bursts.len(), 1);
}

#[test]
fn early_candidates_are_bounded_and_grow_old() {
    let mut early = Early::default();
    let party = |name: &str| Party {
        user_id: UserId::parse(format!("@{name}:x")).unwrap(),
        party_id: None,
    };
    let (alice, eve) = (party("alice"), party("eve"));
    let end = || vec![Candidate::end()];
    early.keep(Moment(0), key(0), alice.clone(), end());
    for n in 1..1_000 {
        early.keep(Moment(n as u64), key(n), eve.clone(), end());
    }
    assert_eq!(early.len(), MAX_EARLY_CALLS_A_SENDER + 1);
    assert!(early.take(&key(1), &eve.user_id).is_none());
    assert!(early.take(&key(999), &alice.user_id).is_none());
    assert!(early.take(&key(999), &eve.user_id).is_some());
    assert!(early.take(&key(0), &alice.user_id).is_some());
    for n in 0..1_000 {
        early.keep(Moment(2_000), key(0), party(&format!("u{n}")), end());
    }
    assert_eq!(early.len(), MAX_EARLY_CALLS);
    early.keep(Moment(EARLY_CALL_LIFETIME + 2_000), key(1), alice, vec![]);
    assert_eq!(early.len(), 1);
}
