//! Hold, video, a screen: what a call carries.

use super::transcript::{Story, TO_BOB, WITH_BOB, check_after};
use crate::voip::{limits::MAX_OFFERS_OF_THEIRS, wire::Body};

#[test]
fn hold_and_resume_are_told() {
    check_after(
        TO_BOB,
        "
        3000 hold c1
        > media c1 apply held
        > media c1 offer#2 held
        > c1 is Connected held
        3100 media c1 offer sendonly
        > send negotiate c1 offer
        3200 @bob/B negotiate c1 answer recvonly
        > media c1 accept#2
        4000 resume c1
        > media c1 apply
        > media c1 offer#3
        > c1 is Connected
        4100 media c1 offer
        > send negotiate c1 offer
        4200 @bob/B negotiate c1 answer
        > media c1 accept#3
        ",
    );
}

#[test]
fn the_other_side_holds_and_resumes() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer sendonly
        > media c1 answer#2
        > c1 is Connected (they hold)
        3100 media c1 answer recvonly
        > send negotiate c1 answer
        4000 @bob/B negotiate c1 offer
        > media c1 answer#3
        > c1 is Connected
        4100 media c1 answer
        > send negotiate c1 answer
        ",
    );
}

#[test]
fn voice_becomes_video() {
    check_after(
        TO_BOB,
        "
        3000 video c1 on
        > media c1 apply video
        > media c1 offer#2 video
        > c1 is Connected video
        3100 media c1 offer video
        > send negotiate c1 offer video
        3200 @bob/B negotiate c1 answer video
        > media c1 accept#2
        > c1 is Connected video (their video)
        4000 video c1 off
        > media c1 apply
        > send sdp_stream_metadata_changed c1 ours no-video
        > c1 is Connected (their video)
        5000 video c1 on
        > media c1 apply video
        > send sdp_stream_metadata_changed c1 ours
        > c1 is Connected video (their video)
        ",
    );
}

#[test]
fn the_other_side_adds_video() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer video
        > media c1 answer#2
        > c1 is Connected (their video)
        3100 media c1 answer video
        > send negotiate c1 answer video
        4000 @bob/B streams c1 hidden
        > media c1 streams
        > c1 is Connected
        ",
    );
}

#[test]
fn a_screen_is_shared_and_no_longer() {
    check_after(
        TO_BOB,
        "
        3000 screen c1 on
        > media c1 apply screen
        > media c1 offer#2 screen
        > c1 is Connected screen
        3100 media c1 offer
        > send negotiate c1 offer
        3200 @bob/B negotiate c1 answer
        > media c1 accept#2
        4000 screen c1 off
        > media c1 apply
        > media c1 offer#3
        > c1 is Connected
        ",
    );
}

#[test]
fn an_offer_that_is_not_answered_is_taken_back() {
    check_after(
        TO_BOB,
        "
        3000 video c1 on
        > media c1 apply video
        > media c1 offer#2 video
        > c1 is Connected video
        3100 media c1 offer video
        > send negotiate c1 offer video
        18100 timer
        > media c1 discard#2
        > media c1 apply
        > refuse c1 NotAnswered
        > media c1 offer#3
        > c1 is Connected
        18200 media c1 offer
        > send negotiate c1 offer
        20000 @bob/B negotiate c1 answer video to=2
        20100 @bob/B negotiate c1 answer to=3
        > media c1 accept#3
        ",
    );
}

#[test]
fn several_wishes_are_one_offer() {
    check_after(
        TO_BOB,
        "
        3000 hold c1
        > media c1 apply held
        > media c1 offer#2 held
        > c1 is Connected held
        3010 resume c1
        > media c1 apply
        > c1 is Connected
        3020 video c1 on
        > media c1 apply video
        > c1 is Connected video
        3100 media c1 offer
        > send negotiate c1 offer
        3200 @bob/B negotiate c1 answer
        > media c1 accept#2
        > media c1 offer#3 video
        ",
    );
}

#[test]
fn when_both_offer_the_caller_insists() {
    check_after(
        TO_BOB,
        "
        3000 hold c1
        > media c1 apply held
        > media c1 offer#2 held
        > c1 is Connected held
        3050 media c1 offer sendonly
        > send negotiate c1 offer
        3100 @bob/B negotiate c1 offer video
        3200 @bob/B negotiate c1 answer recvonly
        > media c1 accept#2
        ",
    );
}

#[test]
fn when_both_offer_the_callee_gives_way_and_offers_what_is_left() {
    check_after(
        WITH_BOB,
        "
        3000 hold c1
        > media c1 apply held
        > media c1 offer#2 held
        > c1 is Connected held
        3050 media c1 offer sendonly
        > send negotiate c1 offer
        3100 @bob/B negotiate c1 offer video
        > media c1 answer#3 held discard
        > c1 is Connected held (their video)
        3200 media c1 answer
        > send negotiate c1 answer
        4000 screen c1 on
        > media c1 apply screen held
        > media c1 offer#4 screen held
        > c1 is Connected screen held (their video)
        4050 media c1 offer sendonly
        > send negotiate c1 offer
        4100 @bob/B negotiate c1 offer video
        > media c1 answer#5 screen held discard
        4200 media c1 answer
        > send negotiate c1 answer
        > media c1 offer#6 screen held
        ",
    );
}

#[test]
fn of_offers_that_come_while_one_is_answered_the_last_is_answered() {
    check_after(
        WITH_BOB,
        "
        3000 @bob/B negotiate c1 offer video
        > media c1 answer#2
        > c1 is Connected (their video)
        3010 @bob/B negotiate c1 offer sendonly
        3020 @bob/B negotiate c1 offer
        3100 media c1 answer
        > media c1 answer#3
        > c1 is Connected
        3200 media c1 answer
        > send negotiate c1 answer
        ",
    );
}

#[test]
fn offers_of_others_and_old_ones_are_none() {
    check_after(
        WITH_BOB,
        "
        3000 @eve/E negotiate c1 offer
        3001 @bob/C negotiate c1 offer
        3002 @me/other negotiate c1 offer
        3003 @bob/B negotiate c1 offer age=60000
        3004 @bob/B negotiate c1 answer
        ",
    );
}

#[test]
fn a_description_that_cannot_be_used_in_a_call_does_not_end_it() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer
        > media c1 answer#2
        3100 media c1 failed description
        3200 @bob/B negotiate c1 offer
        > media c1 answer#3
        ",
    );
}

#[test]
fn a_connection_with_somebody_else_ends_the_call_at_any_time() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer
        > media c1 answer#2
        3100 media c1 failed unauthentic
        > send hangup c1 unknown_error
        > media c1 close
        > ended c1 ConnectionFailed Here
        ",
    );
}

#[test]
fn what_is_older_than_what_was_taken_counts_no_more() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer round=5
        > media c1 answer#2
        3010 @bob/B negotiate c1 offer round=5
        3020 @bob/B negotiate c1 offer round=4
        3100 media c1 answer
        > send negotiate c1 answer
        3200 @bob/B negotiate c1 offer round=5
        4000 hold c1
        > media c1 apply held
        > media c1 offer#3 held
        > c1 is Connected held
        4100 media c1 offer sendonly
        > send negotiate c1 offer
        4200 @bob/B negotiate c1 answer round=8 to=2
        4300 @bob/B negotiate c1 answer round=9 to=3
        > media c1 accept#3
        4400 @bob/B negotiate c1 offer round=7
        4500 @bob/B negotiate c1 offer round=10 sendonly
        > media c1 answer#4 held
        > c1 is Connected held (they hold)
        ",
    );
}

#[test]
fn an_answer_that_did_not_get_there_is_followed_by_an_offer() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B negotiate c1 offer
        > media c1 answer#2
        3100 media c1 answer
        > send negotiate c1 answer
        3200 refused
        > media c1 offer#3
        ",
    );
}

#[test]
fn hold_is_offered_twice_and_no_more_until_asked_again() {
    check_after(
        TO_BOB,
        "
        3000 hold c1
        > media c1 apply held
        > media c1 offer#2 held
        > c1 is Connected held
        3100 media c1 offer sendonly
        > send negotiate c1 offer
        18100 timer
        > media c1 discard#2
        > media c1 offer#3 held
        18200 media c1 offer sendonly
        > send negotiate c1 offer
        33200 timer
        > media c1 discard#3
        90000 resume c1
        > media c1 apply
        > media c1 offer#4
        > c1 is Connected
        ",
    );
}

#[test]
fn a_flood_of_offers_is_answered_so_often_only() {
    let mut story = Story::new();
    story.tell(TO_BOB);
    story.forget();
    for n in 0..1_000 {
        story.tell(&format!("{} @bob/B negotiate c1 offer", 3_000 + n * 2));
        story.tell(&format!("{} media c1 answer", 3_001 + n * 2));
    }
    let answers = story.sent().iter();
    let answers = answers.filter(|sent| matches!(sent.message.body, Body::Negotiate { .. }));
    assert_eq!(answers.count(), MAX_OFFERS_OF_THEIRS);
}
