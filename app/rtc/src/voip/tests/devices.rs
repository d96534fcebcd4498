//! Several devices of ours and of theirs.

use super::transcript::{WITH_BOB, check, check_after};

#[test]
fn another_device_of_ours_answers() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @me/other answer c1
        > silence c1 Over
        > ended c1 AnsweredElsewhere Here
        901 @bob/B select_answer c1 other
        902 accept c1
        > refuse c1 NoSuchCall
        ",
    );
}

#[test]
fn another_device_of_ours_rejects() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @me/other reject c1
        > silence c1 Over
        > ended c1 RejectedElsewhere Here
        ",
    );
}

#[test]
fn another_device_of_ours_rejects_as_version_0_does() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @me hangup c1 v0
        > silence c1 Over
        > ended c1 RejectedElsewhere Here
        ",
    );
}

#[test]
fn another_device_is_faster_while_our_answer_is_made() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        800 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering
        900 @me/other answer c1
        > media c1 close
        > ended c1 AnsweredElsewhere Here
        950 media c1 answer
        ",
    );
}

#[test]
fn two_devices_answer_and_the_caller_chooses_the_other() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        10 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering
        20 media c1 answer
        20 media c1 complete
        > send answer c1
        > send candidates c1 0+end
        > c1 is Connecting
        100 @me/other answer c1
        150 media c1 connected
        > c1 is Connected
        200 @bob/B select_answer c1 other
        > media c1 close
        > ended c1 AnsweredElsewhere Here
        ",
    );
}

#[test]
fn two_devices_answer_and_the_caller_chooses_ours() {
    check_after(
        WITH_BOB,
        "
        1100 @me/other answer c1
        1200 @bob/B select_answer c1 id1
        1300 @me/other hangup c1
        ",
    );
}

#[test]
fn only_the_caller_chooses() {
    check_after(
        WITH_BOB,
        "
        1200 @eve/E select_answer c1 other
        1201 @eve/B select_answer c1 other
        1202 @bob/C select_answer c1 other
        ",
    );
}

#[test]
fn a_choice_without_its_answer_ends_the_ring() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @bob/B select_answer c1 other
        > silence c1 Over
        > ended c1 AnsweredElsewhere Here
        ",
    );
}

#[test]
fn a_call_of_another_device_of_ours_does_not_ring_here() {
    check(
        "
        0 @me/other invite c1
        10 @bob/B answer c1
        20 @me/other invite c2 to=@bob
        ",
    );
}

#[test]
fn a_call_to_oneself_rings_on_the_other_device_alone() {
    check(
        "
        0 @me/other invite c1 to=@me
        > ring c1
        > c1 is Ringing
        100 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering
        200 media c1 answer
        200 media c1 complete
        > send answer c1
        > send candidates c1 0+end
        > c1 is Connecting
        300 @me/other select_answer c1 id1
        400 @me/other hangup c1
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}

#[test]
fn a_call_for_somebody_else_does_not_ring() {
    check(
        "
        0 @bob/B invite c1 to=@carol
        ",
    );
}

#[test]
fn a_device_that_calls_again_has_given_up_before() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        5000 @bob/B invite c2
        > silence c1 Over
        > ended c1 Unanswered There missed
        > ring c2
        > c2 is Ringing
        ",
    );
}
