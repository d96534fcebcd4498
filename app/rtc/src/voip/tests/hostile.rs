//! What somebody can send who wants no good.

use super::transcript::{Story, TO_BOB, WITH_BOB, check, check_after};
use crate::voip::limits::{MAX_OPEN_A_SENDER, MAX_PARTIES_A_USER, MAX_REMOTE_CANDIDATES};

#[test]
fn yes_is_said_to_what_was_asked_and_not_to_what_was_slipped_in() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B replaces c1 @carol create=n1
        > transfer c1 to @carol:x?
        3100 @bob/B replaces c1 @eve await=n2
        3200 yes c1
        3300 @eve/E invite n2
        > ring n2 waiting
        > n2 is Ringing
        ",
    );
}

#[test]
fn a_transfer_that_was_left_unanswered_is_void_and_another_may_be_asked_for() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B replaces c1 @carol create=n1
        > transfer c1 to @carol:x?
        63000 yes c1
        > refuse c1 NotNow
        63100 @bob/B replaces c1 @dave create=n2
        > transfer c1 to @dave:x?
        ",
    );
}

#[test]
fn a_contact_with_many_devices_leaves_room_for_others() {
    let mut story = Story::new();
    for n in 0..100 {
        story.tell(&format!("0 @bob/B{n} invite c{n}"));
    }
    assert_eq!(story.machine().footprint().n_calls, MAX_OPEN_A_SENDER);
    story.forget();
    story.tell("10 @bob/B0 hangup c0");
    story.tell("20 @carol/C invite c");
    story.assert(
        "
        10 @bob/B0 hangup c0
        > silence c0 Over
        > ended c0 Unanswered There missed
        20 @carol/C invite c
        > ring c
        > c is Ringing
        ",
    );
}

#[test]
fn an_old_invite_is_told_of_once() {
    check(
        "
        0 @bob/B invite c1 age=60000
        > suppress c1 TooLate
        10 @bob/B invite c1 age=60000
        20 @bob/B invite c1 age=0
        ",
    );
}

#[test]
fn candidates_of_one_who_may_answer_do_not_crowd_out_anothers() {
    let mut story = Story::new();
    story.tell(
        "
        0 place c1
        10 media c1 offer
        10 media c1 complete
        20 sent
        ",
    );
    for n in 0..50 {
        story.tell(&format!("100 @eve/E{n} candidates c1 n=99"));
    }
    story.tell("200 @bob/B candidates c1 n=3");
    story.forget();
    story.tell("300 @bob/B answer c1");
    story.assert(
        "
        300 @bob/B answer c1
        > media c1 accept#1
        > media c1 candidates 3
        > send select_answer c1 B
        > c1 is Connecting
        ",
    );
    const { assert!(MAX_PARTIES_A_USER < crate::voip::limits::MAX_PARTIES) };
}

#[test]
fn a_flood_of_candidates_stops_at_the_media_process() {
    let mut story = Story::new();
    story.tell(WITH_BOB);
    story.forget();
    for n in 0..100 {
        story.tell(&format!("3000 @bob/B candidates c1 from={} n=100", n * 100));
    }
    story.tell("4000 @bob/B negotiate c1 offer");
    let passed = |line: &&String| line.starts_with("> media c1 candidates");
    let passed: usize = story
        .text()
        .iter()
        .filter(passed)
        .map(|line| {
            let n = line.rsplit(' ').next().unwrap();
            n.parse::<usize>().unwrap()
        })
        .sum();
    assert_eq!(passed, MAX_REMOTE_CANDIDATES);
}

#[test]
fn an_offer_that_says_it_lives_for_ever_does_not() {
    check_after(
        WITH_BOB,
        "
        3000 @bob/B negotiate c1 offer life=18446744073709551615 age=60000
        3010 @bob/B negotiate c1 offer life=18446744073709551615 age=59999
        > media c1 answer#2
        3020 @bob/B negotiate c1 offer life=18446744073709551615 age=50000
        18010 timer
        20000 tick
        ",
    );
}

#[test]
fn a_number_beyond_all_others_stops_its_senders_offers_alone() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer round=4294967295
        > media c1 answer#2
        3100 media c1 answer
        > send negotiate c1 answer
        3200 @bob/B negotiate c1 offer round=1
        4000 hold c1
        > media c1 apply held
        > media c1 offer#3 held
        > c1 is Connected held
        4100 media c1 offer sendonly
        > send negotiate c1 offer
        4200 @bob/B negotiate c1 answer round=4294967295 to=4294967295
        4300 @bob/B negotiate c1 answer to=3
        > media c1 accept#3
        5000 hangup c1
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 HungUp Here
        ",
    );
}

#[test]
fn a_clock_that_jumps_to_its_end_ends_what_waits() {
    let mut story = Story::new();
    story.tell(TO_BOB);
    story.tell("3000 hold c1");
    story.tell("3100 @carol/C invite c2");
    story.forget();
    story.tell("9000000000000000000 tick");
    story.tell("9000000000000000001 @bob/B hangup c1");
    assert_eq!(story.machine().footprint().n_calls, 0);
}

#[test]
fn a_device_that_changes_its_version_or_its_party_is_another() {
    check_after(
        WITH_BOB,
        "
        3000 @bob/B hangup c1 user_hangup v0
        3010 @bob/B2 hangup c1
        3020 @bob hangup c1
        3030 @eve/B hangup c1
        3040 @eve/id1 hangup c1
        3050 @bob/id1 hangup c1
        ",
    );
}
