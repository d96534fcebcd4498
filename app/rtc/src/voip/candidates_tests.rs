use ruma::user_id;

use super::*;
use crate::voip::{ids::PartyId, limits::BATCH_AFTER_ANSWER};

fn candidate(n: usize) -> Candidate {
    Candidate {
        candidate: format!("candidate:{n}"),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
    }
}

fn party(id: &str) -> Party {
    Party {
        user_id: user_id!("@bob:x").to_owned(),
        party_id: PartyId::parse(id),
    }
}

#[test]
fn a_batch_waits_for_its_oldest_candidate_alone() {
    let mut local = LocalCandidates::default();
    local.start(Moment(0), 2_000);
    local.push(Moment(100), candidate(1));
    local.push(Moment(1_900), candidate(2));
    assert!(local.due(Moment(2_099)).is_empty());
    assert_eq!(local.due(Moment(2_100))[0].len(), 2);
    assert_eq!(local.deadline(), None);
}

#[test]
fn the_end_goes_out_at_once_and_once() {
    let mut local = LocalCandidates::default();
    local.start(Moment(0), 2_000);
    local.push(Moment(10), candidate(1));
    local.complete(Moment(20));
    let due = local.due(Moment(20));
    assert_eq!(due[0].len(), 2);
    assert!(due[0][1].is_end());
    local.complete(Moment(30));
    local.push(Moment(30), candidate(2));
    assert!(local.due(Moment(9_999)).is_empty());
}

#[test]
fn nothing_goes_out_before_the_description() {
    let mut local = LocalCandidates::default();
    local.push(Moment(0), candidate(1));
    local.complete(Moment(0));
    assert!(local.due(Moment(99_999)).is_empty());
    assert_eq!(local.take().len(), 1);
    local.start(Moment(100_000), BATCH_AFTER_ANSWER);
    let due = local.due(Moment(100_000));
    assert_eq!(
        due.len(),
        1,
        "the end is said even if all were in the description"
    );
    assert!(due[0][0].is_end());
}

#[test]
fn an_answer_hurries_what_waits() {
    let mut local = LocalCandidates::default();
    local.start(Moment(0), 2_000);
    local.push(Moment(100), candidate(1));
    local.hurry(Moment(300), 500);
    assert_eq!(local.due(Moment(300)).len(), 1);
    local.push(Moment(400), candidate(2));
    assert_eq!(local.deadline(), Some(Moment(900)));
}

#[test]
fn a_thousand_of_ours_are_few_events() {
    let mut local = LocalCandidates::default();
    local.start(Moment(0), 2_000);
    for n in 0..1_000 {
        local.push(Moment(0), candidate(n));
    }
    local.complete(Moment(0));
    let due = local.due(Moment(0));
    assert_eq!(due.len(), 5);
    assert!(
        due.iter()
            .all(|batch| batch.len() <= MAX_CANDIDATES_AN_EVENT)
    );
    assert!(due[4].last().is_some_and(Candidate::is_end));
}

#[test]
fn a_thousand_of_theirs_are_bounded() {
    let mut remote = RemoteCandidates::default();
    for n in 0..1_000 {
        remote.keep(party("a"), vec![candidate(n)]);
        remote.keep(party(&n.to_string()), vec![candidate(n)]);
    }
    assert_eq!(remote.waiting.len(), MAX_PARTIES_A_USER);
    for n in 0..1_000 {
        let other = Party {
            user_id: ruma::UserId::parse(format!("@u{n}:x")).unwrap(),
            party_id: None,
        };
        remote.keep(other, vec![candidate(n)]);
    }
    assert_eq!(remote.waiting.len(), MAX_PARTIES);
    assert_eq!(remote.choose(&party("a")).len(), MAX_EARLY_CANDIDATES);
    let passed: usize = (0..1_000)
        .map(|n| remote.pass(vec![candidate(n)]).len())
        .sum();
    assert_eq!(passed, MAX_REMOTE_CANDIDATES - MAX_EARLY_CANDIDATES);
}

#[test]
fn only_the_chosen_ones_candidates_are_used() {
    let mut remote = RemoteCandidates::default();
    remote.keep(party("a"), vec![candidate(1)]);
    remote.keep(party("b"), vec![candidate(2)]);
    assert_eq!(remote.choose(&party("b")), [candidate(2)]);
    assert!(remote.choose(&party("a")).is_empty());
}
