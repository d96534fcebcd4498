//! Calls of ours.

use super::{
    stimulus::key,
    transcript::{Story, TO_BOB, check, check_after},
};
use crate::voip::{Stage, limits, wire::Body};

#[test]
fn a_call_is_placed_answered_and_ended() {
    check(
        "
        0 place c1 to=@bob
        > media c1 offer#1 fresh
        > c1 is Preparing
        500 media c1 offer
        550 media c1 candidate n=1
        700 timer
        > send invite c1 to @bob:x with 1
        > c1 is Inviting
        800 sent
        > c1 is Calling
        900 media c1 candidate n=2
        2900 timer
        > send candidates c1 1
        3000 media c1 candidate n=3
        3100 media c1 complete
        > send candidates c1 1+end
        5000 @bob/B answer c1
        > media c1 accept#1
        > send select_answer c1 B
        > c1 is Connecting
        5200 media c1 connected
        > c1 is Connected
        9000 hangup c1
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 HungUp Here
        9100 @me/id1 hangup c1
        ",
    );
}

#[test]
fn an_answer_hurries_the_candidates_that_wait() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        210 timer
        > send invite c1
        > c1 is Inviting
        300 sent
        > c1 is Calling
        400 media c1 candidate
        500 @bob/B answer c1
        > media c1 accept#1
        > send select_answer c1 B
        > send candidates c1 1
        > c1 is Connecting
        600 media c1 candidate
        1100 timer
        > send candidates c1 1
        2000 tick
        ",
    );
}

#[test]
fn the_invite_does_not_wait_when_gathering_is_done() {
    check(
        "
        0 place c1 video
        > media c1 offer#1 fresh video
        > c1 is Preparing video
        10 media c1 candidate n=1
        20 media c1 complete
        30 media c1 offer video
        > send invite c1 video with 1
        > c1 is Inviting video
        40 @me/id1 invite c1
        > send candidates c1 0+end
        > c1 is Calling video
        50 hangup c1
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 HungUp Here
        ",
    );
}

#[test]
fn a_call_that_is_given_up_before_the_invite_is_never_known() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        100 hangup c1
        > media c1 close
        > ended c1 HungUp Here
        400 tick
        ",
    );
}

#[test]
fn an_invite_that_cannot_be_sent_ends_the_call() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        210 timer
        > send invite c1
        > c1 is Inviting
        300 refused
        > media c1 close
        > ended c1 Forbidden Here
        400 sync
        ",
    );
}

#[test]
fn an_invite_that_never_left_ends_the_call_as_unreachable() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        210 timer
        > send invite c1
        > c1 is Inviting
        300 unsent
        > media c1 close
        > ended c1 Unreachable Here
        400 sync
        ",
    );
}

#[test]
fn an_invite_that_may_have_arrived_is_taken_back() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        210 timer
        > send invite c1
        > c1 is Inviting
        15210 timer
        > send hangup c1 unknown_error
        > media c1 close
        > ended c1 Unreachable Here
        20000 lost
        ",
    );
}

#[test]
fn nothing_is_sent_after_it_is_of_use() {
    let mut story = Story::new();
    story.tell(TO_BOB);
    story.tell("3000 hangup c1");
    for outgoing in story.sent() {
        let at = outgoing.deadline.0;
        let limit = match outgoing.message.body {
            Body::Invite { .. } => 300 + limits::SEND_INVITE_LIMIT,
            Body::Hangup(_) => 3_000 + limits::SEND_HANGUP_LIMIT,
            _ => 2_000 + limits::SEND_LIMIT,
        };
        assert!(at <= limit, "{outgoing:?}");
    }
}

#[test]
fn nobody_answers() {
    check(
        "
        0 place c1 to=@bob
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        20 media c1 complete
        > send invite c1 to @bob:x
        > c1 is Inviting
        100 sent
        > send candidates c1 0+end
        > c1 is Calling
        90100 timer
        > send hangup c1 invite_timeout
        > media c1 close
        > ended c1 Unanswered There
        95000 @bob/B answer c1
        ",
    );
}

#[test]
fn the_other_side_rejects() {
    check(
        "
        0 place c1 to=@bob
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        20 media c1 complete
        > send invite c1 to @bob:x
        > c1 is Inviting
        100 sent
        > send candidates c1 0+end
        > c1 is Calling
        200 @eve/E reject c1
        900 @bob/B reject c1
        > send select_answer c1 B
        > media c1 close
        > ended c1 Rejected There
        950 @bob/C answer c1
        ",
    );
}

#[test]
fn the_other_side_is_busy() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        20 media c1 complete
        30 media c1 offer
        > send invite c1
        > c1 is Inviting
        100 sent
        > send candidates c1 0+end
        > c1 is Calling
        900 @bob/B reject c1 user_busy
        > send select_answer c1 B
        > media c1 close
        > ended c1 Busy There
        ",
    );
}

#[test]
fn the_first_answer_counts() {
    check_after(
        "
        0 place c1
        20 media c1 complete
        30 media c1 offer
        100 sent
        ",
        "
        200 @bob/C candidates c1 n=2
        210 @bob/B candidates c1 n=3
        900 @bob/B answer c1
        > media c1 accept#1
        > media c1 candidates 3
        > send select_answer c1 B
        > c1 is Connecting
        910 @bob/C answer c1
        920 @bob/C candidates c1 n=2
        930 @bob/B candidates c1 n=1
        > media c1 candidates 1
        940 @bob/C hangup c1
        950 @bob/C reject c1
        ",
    );
}

#[test]
fn an_answer_of_somebody_else_than_the_called_is_none() {
    check_after(
        "
        0 place c1 to=@bob
        20 media c1 complete
        30 media c1 offer
        100 sent
        ",
        "
        200 @eve/E answer c1
        300 @me/other answer c1
        400 @bob/B identity c1
        > c1 is Calling (identity)
        ",
    );
}

#[test]
fn an_answer_may_be_faster_than_the_response_of_the_homeserver() {
    check_after(
        "
        0 place c1
        30 media c1 offer
        30 media c1 candidate
        230 tick
        ",
        "
        300 @bob/B answer c1
        > media c1 accept#1
        > send select_answer c1 B
        > c1 is Connecting
        400 sent
        ",
    );
}

#[test]
fn the_microphone_is_refused() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        900 media c1 failed capture
        > media c1 close
        > ended c1 NoMicrophone Here
        ",
    );
}

#[test]
fn the_media_process_dies_in_the_middle_of_a_call() {
    check_after(
        TO_BOB,
        "
        3000 media c1 failed crashed
        > send hangup c1 unknown_error
        > media c1 close
        > ended c1 MediaCrashed Here
        ",
    );
}

#[test]
fn no_way_to_the_other_side_is_found() {
    check_after(
        "
        0 place c1
        30 media c1 offer
        30 media c1 complete
        100 sent
        300 @bob/B answer c1
        ",
        "
        9000 media c1 failed connection
        > send hangup c1 ice_failed
        > media c1 close
        > ended c1 ConnectionFailed Here
        ",
    );
}

#[test]
fn a_connection_that_never_comes_is_not_waited_for() {
    check_after(
        "
        0 place c1
        30 media c1 offer
        30 media c1 complete
        100 sent
        300 @bob/B answer c1
        ",
        "
        45300 timer
        > send hangup c1 ice_failed
        > media c1 close
        > ended c1 ConnectionFailed Here
        60000 tick
        ",
    );
}

#[test]
fn the_other_side_hangs_up() {
    check_after(
        TO_BOB,
        "
        9000 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}

#[test]
fn the_other_side_loses_the_connection() {
    check_after(
        TO_BOB,
        "
        9000 @bob/B hangup c1 ice_timeout
        > media c1 close
        > ended c1 ConnectionLost There
        ",
    );
}

#[test]
fn somebody_else_cannot_hang_up() {
    check_after(
        TO_BOB,
        "
        9000 @eve/E hangup c1
        9001 @eve/B hangup c1
        9002 @bob/C hangup c1
        9003 @me/other hangup c1
        9004 @bob/B hangup !elsewhere:x/c1
        ",
    );
}

#[test]
fn a_used_id_is_not_used_again() {
    check(
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 hangup c1
        > media c1 close
        > ended c1 HungUp Here
        20 place c1
        > refuse c1 NotNow
        ",
    );
}

#[test]
fn a_call_is_shown_as_it_is() {
    let mut story = Story::new();
    story.tell(TO_BOB);
    let view = story.machine().call(&key("c1")).unwrap();
    assert_eq!(view.stage, Stage::Connected);
    assert_eq!(view.peer.unwrap(), "@bob:x");
    assert_eq!(view.connected_at.unwrap().0, 2_000);
    assert_eq!(view.abilities.dtmf, Some(false));
    assert!(view.abilities.renegotiates);
}
