//! Two people call each other at the same time.

use super::transcript::{check, check_after};

#[test]
fn while_we_prepare_theirs_is_taken() {
    check(
        "
        0 place c1 video
        > media c1 offer#1 fresh video
        > c1 is Preparing video
        100 @bob/B invite c2 video
        > ended c1 Replaced(!room:x/c2) There
        > media c2 answer#1 video discard adopt c1
        > c2 is Answering video (their video)
        200 media c1 offer video
        300 media c2 answer video
        300 media c2 complete
        > send answer c2 video
        > send candidates c2 0+end
        > c2 is Connecting video (their video)
        400 media c2 connected
        > c2 is Connected video (their video)
        ",
    );
}

#[test]
fn a_call_that_comes_with_its_end_does_not_cost_ours() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        100 @bob/B invite c2; @bob/B hangup c2
        > ended c2 Unanswered There missed
        200 media c1 offer
        200 media c1 complete
        > send invite c1
        > c1 is Inviting
        ",
    );
}

#[test]
fn of_two_invites_ours_wins_by_its_id() {
    check_after(
        "
        0 place c1
        10 media c1 offer
        10 media c1 complete
        20 sent
        ",
        "
        100 @bob/B invite c2
        200 @bob/B answer c1
        > media c1 accept#1
        > send select_answer c1 B
        > c1 is Connecting
        300 @bob/B hangup c2
        400 @bob/B invite c2
        ",
    );
}

#[test]
fn of_two_invites_theirs_wins_by_its_id() {
    check_after(
        "
        0 place c2
        10 media c2 offer
        10 media c2 complete
        20 sent
        ",
        "
        50 @bob/B candidates c1 n=3
        100 @bob/B invite c1
        > send hangup c2 user_hangup
        > ended c2 Replaced(!room:x/c1) There
        > media c1 answer#1 discard adopt c2
        > media c1 candidates 3
        > c1 is Answering
        200 @bob/B answer c2
        300 media c1 answer
        300 media c1 complete
        > send answer c1
        > send candidates c1 0+end
        > c1 is Connecting
        ",
    );
}

#[test]
fn somebody_else_in_the_room_is_no_glare() {
    check_after(
        "
        0 place c2 to=@bob
        10 media c2 offer
        10 media c2 complete
        20 sent
        ",
        "
        100 @carol/C invite c1
        > ring c1 waiting
        > c1 is Ringing
        ",
    );
}

#[test]
fn another_room_is_no_glare() {
    check_after(
        "
        0 place c2
        10 media c2 offer
        10 media c2 complete
        20 sent
        ",
        "
        100 @bob/B invite !elsewhere:x/c1
        > ring c1 waiting
        > c1 is Ringing
        ",
    );
}

/// matrix-js-sdk compares ids while it still prepares: it hangs up our call before its own invite is there.
#[test]
fn a_call_that_is_dropped_for_another_waits_for_it() {
    check_after(
        "
        0 place c2
        10 media c2 offer
        10 media c2 complete
        20 sent
        ",
        "
        100 @bob/B hangup c2 replaced
        900 @bob/B invite c3
        > ended c2 Replaced(!room:x/c3) There
        > media c3 answer#1 discard adopt c2
        > c3 is Answering
        ",
    );
}

#[test]
fn a_call_that_is_dropped_for_nothing_ends() {
    check_after(
        "
        0 place c2
        10 media c2 offer
        10 media c2 complete
        20 sent
        ",
        "
        100 @bob/B hangup c2 replaced
        5100 timer
        > media c2 close
        > ended c2 HungUp There
        9000 tick
        ",
    );
}
