//! Calls of others.

use super::transcript::{WITH_BOB, check, check_after};

#[test]
fn a_call_rings_is_taken_and_ends() {
    check(
        "
        0 @bob/B invite c1 video age=200; @bob/B candidates c1 n=2
        > ring c1
        > c1 is Ringing (their video)
        50 @bob/B candidates c1 n=3
        4000 accept c1 video
        > silence c1 Accepted
        > media c1 answer#1 video
        > media c1 candidates 5
        > c1 is Answering video (their video)
        4100 media c1 answer video
        4150 media c1 candidate
        4300 timer
        > send answer c1 video with 1
        > c1 is Connecting video (their video)
        4400 sent
        4500 media c1 candidate
        4600 media c1 complete
        > send candidates c1 1+end
        4700 @bob/B select_answer c1 id1
        4800 @bob/B candidates c1 n=1
        > media c1 candidates 1
        4900 media c1 connected
        > c1 is Connected video (their video)
        9000 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}

#[test]
fn a_call_is_rejected_everywhere() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 reject c1
        > silence c1 Over
        > send reject c1
        > ended c1 Rejected Here
        901 @me/id1 reject c1
        902 @bob/B select_answer c1 id1
        ",
    );
}

#[test]
fn a_call_is_rejected_because_of_another() {
    check_after(
        WITH_BOB,
        "
        2000 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        2100 reject c2 busy
        > silence c2 Over
        > send reject c2 user_busy
        > ended c2 Rejected Here
        ",
    );
}

#[test]
fn a_call_is_ignored_here_and_can_still_be_taken() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 ignore c1
        > silence c1 Ignored
        > c1 is Silent
        901 ignore c1
        > refuse c1 NotNow
        1000 accept c1
        > media c1 answer#1
        > c1 is Answering
        ",
    );
}

#[test]
fn an_ignored_call_is_over_when_its_time_is() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 ignore c1
        > silence c1 Ignored
        > c1 is Silent
        60000 timer
        > ended c1 Unanswered There missed
        70000 tick
        ",
    );
}

#[test]
fn the_caller_gives_up() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @bob/B hangup c1
        > silence c1 Over
        > ended c1 Unanswered There missed
        ",
    );
}

#[test]
fn somebody_else_cannot_give_up_for_the_caller() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 @eve/B hangup c1
        901 @eve/E answer c1
        902 @eve/E reject c1
        903 @eve/E select_answer c1 E
        ",
    );
}

#[test]
fn candidates_before_the_invite_are_kept() {
    check(
        "
        0 @bob/B candidates c1 n=4; @eve/E candidates c1 n=9
        10 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > media c1 candidates 4
        > c1 is Answering
        ",
    );
}

#[test]
fn a_thousand_candidates_are_bounded() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        1 @bob/B candidates c1 n=1000
        900 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > media c1 candidates 128
        > c1 is Answering
        950 @bob/B candidates c1 n=1000
        > media c1 candidates 384
        960 @bob/B candidates c1 n=1000
        ",
    );
}

#[test]
fn voice_answers_video_and_video_does_not_answer_voice() {
    check(
        "
        0 @bob/B invite c1 video
        > ring c1
        > c1 is Ringing (their video)
        10 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering (their video)
        20 hangup c1
        > send reject c1
        > media c1 close
        > ended c1 Rejected Here
        30 @bob/B invite c2
        > ring c2
        > c2 is Ringing
        40 accept c2 video
        > silence c2 Accepted
        > media c2 answer#1
        > c2 is Answering
        ",
    );
}

#[test]
fn the_answer_cannot_be_sent() {
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
        220 timer
        > send answer c1
        > c1 is Connecting
        300 refused
        > media c1 close
        > ended c1 Forbidden Here
        ",
    );
}

#[test]
fn an_answer_that_may_have_arrived_is_taken_back() {
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
        220 timer
        > send answer c1
        > c1 is Connecting
        30300 lost
        > send hangup c1 unknown_error
        > media c1 close
        > ended c1 Unreachable Here
        ",
    );
}

#[test]
fn an_answer_is_not_sent_when_the_invite_is_over() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        59900 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering
        60000 timer
        > media c1 close
        > ended c1 Unanswered There missed
        60100 media c1 answer
        ",
    );
}

#[test]
fn a_microphone_that_is_refused_here_leaves_the_call_to_others() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        10 accept c1
        > silence c1 Accepted
        > media c1 answer#1
        > c1 is Answering
        20 media c1 failed capture
        > media c1 close
        > ended c1 NoMicrophone Here
        ",
    );
}

#[test]
fn a_description_that_cannot_be_used_ends_the_call() {
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
        30 media c1 failed description
        > send hangup c1 unknown_error
        > media c1 close
        > ended c1 Incompatible Here
        ",
    );
}

#[test]
fn the_caller_leaves_the_room() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        900 left @eve
        1000 left @bob
        > silence c1 Over
        > ended c1 Left There missed
        ",
    );
}

#[test]
fn we_leave_the_room() {
    check_after(
        WITH_BOB,
        "
        2000 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        3000 left @me
        > media c1 close
        > ended c1 Left Here
        > silence c2 Over
        > ended c2 Left Here
        ",
    );
}

#[test]
fn keys_of_the_dial_pad_are_passed_on() {
    check_after(
        WITH_BOB,
        "
        2000 dial c1 12#
        > media c1 dial 12#
        2001 dial c1 hello
        > refuse c1 NotNow
        ",
    );
}

#[test]
fn a_bridge_says_who_is_calling() {
    check(
        "
        0 @bridge/B invite c1
        > ring c1
        > c1 is Ringing
        10 @bridge/B identity c1
        > c1 is Ringing (identity)
        20 @eve/E identity c1
        ",
    );
}

#[test]
fn mute_is_told_and_heard() {
    check_after(
        WITH_BOB,
        "
        2000 mute c1 audio
        > media c1 apply no-audio
        > send sdp_stream_metadata_changed c1 ours no-audio no-video
        > c1 is Connected
        2001 mute c1 audio
        2100 mute c1
        > media c1 apply
        > send sdp_stream_metadata_changed c1 ours no-video
        > c1 is Connected
        3000 @bob/B streams c1 muted
        > media c1 streams
        > c1 is Connected (they are muted)
        3001 @eve/E streams c1
        3100 @bob/B streams c1
        > media c1 streams
        > c1 is Connected
        ",
    );
}
