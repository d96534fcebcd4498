//! Hold, video, and a connection that breaks.

use super::transcript::{TO_BOB, WITH_BOB, check_after};

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
        > c1 is Connected
        30000 @bob/B negotiate c1 answer video
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
fn when_both_offer_the_callee_gives_way_and_offers_again() {
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
        > media c1 offer#4 held
        3300 media c1 offer sendonly
        > send negotiate c1 offer
        ",
    );
}

#[test]
fn offers_that_come_while_one_is_answered_wait() {
    check_after(
        WITH_BOB,
        "
        3000 @bob/B negotiate c1 offer video
        > media c1 answer#2
        > c1 is Connected (their video)
        3010 @bob/B negotiate c1 offer sendonly
        3020 @bob/B negotiate c1 offer
        3100 media c1 answer
        > send negotiate c1 answer
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
fn a_connection_comes_back_by_itself() {
    check_after(
        TO_BOB,
        "
        3000 media c1 disconnected
        > c1 is Reconnecting
        4000 media c1 connected
        > c1 is Connected
        9000 tick
        ",
    );
}

#[test]
fn a_broken_connection_is_made_anew() {
    check_after(
        TO_BOB,
        "
        3000 media c1 disconnected
        > c1 is Reconnecting
        5000 timer
        > media c1 offer#2 fresh
        5100 media c1 candidate n=7
        5200 media c1 offer
        5300 media c1 candidate n=1
        5350 @bob/B candidates c1 n=2
        5400 timer
        > send negotiate c1 offer with 1
        5500 @bob/B negotiate c1 answer
        > media c1 accept#2
        > media c1 candidates 2
        5600 @bob/B candidates c1 n=1
        > media c1 candidates 1
        5700 media c1 candidate n=2
        5800 media c1 complete
        > send candidates c1 1+end
        12000 media c1 connected
        > c1 is Connected
        ",
    );
}

#[test]
fn the_callee_lets_the_caller_mend_it_first() {
    check_after(
        WITH_BOB,
        "
        3000 media c1 disconnected
        > c1 is Reconnecting
        5200 @bob/B negotiate c1 offer
        > media c1 answer#2
        5400 media c1 answer fresh
        > send negotiate c1 answer
        5500 media c1 candidate
        5600 media c1 complete
        > send candidates c1 1+end
        6000 media c1 connected
        > c1 is Connected
        ",
    );
}

#[test]
fn a_network_change_does_not_wait_for_the_break() {
    check_after(
        WITH_BOB,
        "
        3000 network
        > media c1 offer#2 fresh
        > c1 is Reconnecting
        3200 media c1 offer
        3300 media c1 complete
        > send negotiate c1 offer
        > send candidates c1 0+end
        3400 @bob/B negotiate c1 answer
        > media c1 accept#2
        9000 media c1 connected
        > c1 is Connected
        ",
    );
}

#[test]
fn a_connection_that_does_not_come_back_is_given_up() {
    check_after(
        TO_BOB,
        "
        3000 media c1 disconnected
        > c1 is Reconnecting
        5000 timer
        > media c1 offer#2 fresh
        5200 media c1 offer
        5300 media c1 complete
        > send negotiate c1 offer
        > send candidates c1 0+end
        20300 timer
        > media c1 discard#2
        22300 timer
        > media c1 offer#3 fresh
        33000 timer
        > send hangup c1 ice_timeout
        > media c1 close
        > ended c1 ConnectionLost Here
        60000 tick
        ",
    );
}

#[test]
fn an_offer_that_could_not_be_sent_is_made_again() {
    check_after(
        TO_BOB,
        "
        3000 network
        > media c1 offer#2 fresh
        > c1 is Reconnecting
        3200 media c1 offer
        3400 timer
        > send negotiate c1 offer
        3500 refused
        > media c1 discard#2
        5500 timer
        > media c1 offer#3 fresh
        5600 media c1 offer
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
