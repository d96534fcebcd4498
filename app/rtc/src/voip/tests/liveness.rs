//! What rings, for how long, and what does not.

use super::transcript::{Story, WITH_BOB, check};
use crate::voip::limits::{MAX_RINGING, MAX_SILENT};

#[test]
fn a_ring_ends_with_the_invites_life() {
    check(
        "
        0 @bob/B invite c1 age=20000
        > ring c1
        > c1 is Ringing
        40000 timer
        > silence c1 Over
        > ended c1 Unanswered There missed
        41000 @bob/B hangup c1 invite_timeout
        ",
    );
}

#[test]
fn a_call_that_comes_with_its_end_never_rings() {
    check(
        "
        0 @bob/B invite c1; @bob/B hangup c1
        > ended c1 Unanswered There missed
        10 @bob/B invite c2; @me/other answer c2
        > ended c2 AnsweredElsewhere Here
        20 @bob/B invite c3; @me/other reject c3
        > ended c3 RejectedElsewhere Here
        30 @bob/B invite c4; @bob/B select_answer c4 other
        > ended c4 AnsweredElsewhere Here
        ",
    );
}

#[test]
fn an_end_that_comes_before_its_beginning_counts() {
    check(
        "
        0 @bob/B hangup c1
        10 @me/other answer c2
        20 @me/other reject c3
        30 @bob/B invite c1
        40 @bob/B invite c2
        50 @bob/B invite c3
        60 @eve/E hangup c4
        70 @bob/B invite c4
        > ring c4
        > c4 is Ringing
        ",
    );
}

#[test]
fn what_is_stored_rings_after_a_sync_if_it_is_still_valid() {
    check(
        "
        0 backlog @bob/B invite c1 age=30000; @carol/C invite c2 age=10000
        10 tick
        2000 @carol/C hangup c2
        > ended c2 Unanswered There missed
        > ring c1
        > c1 is Ringing
        ",
    );
}

#[test]
fn a_ring_that_would_be_too_short_is_none() {
    check(
        "
        0 @bob/B invite c1 age=57500
        > suppress c1 TooLate
        > c1 is Silent
        100 @bob/B invite c2 age=60000
        > suppress c2 TooLate
        200 @bob/B invite c3 life=0
        > suppress c3 TooLate
        2500 timer
        > ended c1 Unanswered There missed
        3000 tick
        ",
    );
}

#[test]
fn nobody_rings_for_a_week() {
    check(
        "
        0 @bob/B invite c1 life=604800000
        > ring c1
        > c1 is Ringing
        300000 timer
        > silence c1 Over
        > ended c1 Unanswered There missed
        400000 tick
        ",
    );
}

#[test]
fn strangers_do_not_ring_and_can_be_answered() {
    check(
        "
        0 @eve/E invite c1 stranger video
        > suppress c1 Stranger
        > c1 is Silent (their video)
        5000 accept c1
        > media c1 answer#1
        > c1 is Answering (their video)
        ",
    );
}

#[test]
fn an_invite_twice_rings_once() {
    check(
        "
        0 @bob/B invite c1; @bob/B invite c1
        > ring c1
        > c1 is Ringing
        10 @bob/B invite c1
        20 @bob/B hangup c1
        > silence c1 Over
        > ended c1 Unanswered There missed
        30 @bob/B invite c1
        ",
    );
}

#[test]
fn somebody_who_calls_on_and_on_is_silenced() {
    check(
        "
        0 @bob/B invite c1; @bob/C invite c2; @bob/D invite c3
        > ring c1
        > ring c2
        > ring c3
        > c1 is Ringing
        > c2 is Ringing
        > c3 is Ringing
        10 @bob/B hangup c1; @bob/C hangup c2; @bob/D hangup c3
        > silence c1 Over
        > ended c1 Unanswered There missed
        > silence c2 Over
        > ended c2 Unanswered There missed
        > silence c3 Over
        > ended c3 Unanswered There missed
        20 @bob/B invite c4; @bob/C invite c5; @bob/D invite c6
        > ring c4
        > ring c5
        > suppress c6 Burst
        > c4 is Ringing
        > c5 is Ringing
        > c6 is Silent
        ",
    );
}

#[test]
fn a_burst_of_invites_is_bounded_and_lets_friends_through() {
    let mut story = Story::new();
    for n in 0..1_000 {
        story.tell(&format!("0 @eve{n}/E invite c{n} stranger"));
    }
    assert_eq!(
        story.machine().footprint().n_calls,
        MAX_RINGING + MAX_SILENT
    );
    story.forget();
    story.tell("10 @bob/B invite friend");
    story.assert(
        "
        10 @bob/B invite friend
        > ended c0 Unanswered There missed
        > ring friend
        > friend is Ringing
        ",
    );
    for n in 0..1_000 {
        story.tell(&format!("20 @fan{n}/F invite f{n}"));
    }
    let footprint = story.machine().footprint();
    assert_eq!(footprint.n_calls, MAX_RINGING + MAX_SILENT);
}

#[test]
fn events_of_unknown_calls_are_bounded() {
    let mut story = Story::new();
    for n in 0..2_000 {
        story.tell(&format!(
            "{n} @eve/E hangup h{n}; @eve/E candidates k{n} n=5"
        ));
        story.tell(&format!(
            "{n} @eve/E answer a{n}; @eve/E negotiate n{n} offer"
        ));
    }
    let footprint = story.machine().footprint();
    assert_eq!(
        (
            footprint.n_calls,
            footprint.n_ended,
            footprint.n_told,
            footprint.n_early
        ),
        (0, 0, 16, 4)
    );
}

#[test]
fn time_does_not_run_backwards() {
    let mut story = Story::new();
    story.tell(WITH_BOB);
    story.forget();
    story.tell("500 @bob/B hangup c1");
    story.assert(
        "
        500 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}
