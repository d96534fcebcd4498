//! Several calls, one of them active.

use super::transcript::{TO_BOB, WITH_BOB, check, check_after};

#[test]
fn a_second_call_is_taken_and_the_first_waits() {
    check_after(
        WITH_BOB,
        "
        2000 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        3000 accept c2
        > media c1 apply held
        > media c1 offer#2 held
        > silence c2 Accepted
        > media c2 answer#1
        > c1 is Connected held
        > c2 is Answering
        3100 media c1 offer sendonly round=2
        > send negotiate c1 offer
        3200 media c2 answer
        3200 media c2 complete
        > send answer c2
        > send candidates c2 0+end
        > c2 is Connecting
        3300 @bob/B negotiate c1 answer recvonly
        > media c1 accept#2
        3400 media c2 connected
        > c2 is Connected
        5000 @carol/C hangup c2
        > media c2 close
        > ended c2 HungUp There
        5100 resume c1
        > media c1 apply
        > media c1 offer#3
        > c1 is Connected
        ",
    );
}

#[test]
fn a_second_call_is_taken_and_the_first_ends() {
    check_after(
        WITH_BOB,
        "
        2000 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        3000 accept c2 end
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 HungUp Here
        > silence c2 Accepted
        > media c2 answer#1
        > c2 is Answering
        ",
    );
}

#[test]
fn two_calls_are_swapped() {
    check_after(
        WITH_BOB,
        "
        2000 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        3000 accept c2
        > media c1 apply held
        > media c1 offer#2 held
        > silence c2 Accepted
        > media c2 answer#1
        > c1 is Connected held
        > c2 is Answering
        3200 media c2 answer
        3200 media c2 complete
        > send answer c2
        > send candidates c2 0+end
        > c2 is Connecting
        3400 media c2 connected
        > c2 is Connected
        4000 resume c1
        > media c2 apply held
        > media c2 offer#2 held
        > media c1 apply
        > c1 is Connected
        > c2 is Connected held
        5000 resume c1
        ",
    );
}

#[test]
fn placing_a_call_puts_the_active_one_on_hold() {
    check_after(
        WITH_BOB,
        "
        2000 place c2
        > media c1 apply held
        > media c1 offer#2 held
        > media c2 offer#1 fresh
        > c1 is Connected held
        > c2 is Preparing
        ",
    );
}

#[test]
fn a_call_nobody_took_does_not_wait() {
    check(
        "
        0 place c1 to=@bob
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        10 media c1 complete
        > send invite c1 to @bob:x
        > c1 is Inviting
        20 sent
        > send candidates c1 0+end
        > c1 is Calling
        50 @carol/C invite c2
        > ring c2 waiting
        > c2 is Ringing
        3000 accept c2
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 HungUp Here
        > silence c2 Accepted
        > media c2 answer#1
        > c2 is Answering
        ",
    );
}

#[test]
fn what_rings_is_not_put_on_hold() {
    check(
        "
        0 @bob/B invite c1
        > ring c1
        > c1 is Ringing
        10 hold c1
        > refuse c1 NotNow
        20 resume c1
        > refuse c1 NotNow
        30 mute c1 audio
        > refuse c1 NotNow
        40 video c1 on
        > refuse c1 NotNow
        50 screen c1 on
        > refuse c1 NotNow
        60 dial c1 1
        > refuse c1 NotNow
        70 transfer c1 @carol
        > refuse c1 NotNow
        80 yes c1
        > refuse c1 NotNow
        90 hold nothing
        > refuse nothing NoSuchCall
        ",
    );
}

#[test]
fn what_is_over_is_not_taken() {
    check_after(
        TO_BOB,
        "
        3000 accept c1
        > refuse c1 NotNow
        3001 reject c1
        > refuse c1 NotNow
        3002 ignore c1
        > refuse c1 NotNow
        3003 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        3004 hangup c1
        > refuse c1 NoSuchCall
        3005 media c1 connected
        3006 sent
        ",
    );
}
