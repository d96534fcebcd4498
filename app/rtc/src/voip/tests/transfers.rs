//! Calls that go on with somebody else.

use super::transcript::{TO_BOB, WITH_BOB, check_after};

#[test]
fn the_other_side_goes_where_we_send_it() {
    check_after(
        WITH_BOB,
        "
        2000 transfer c1 @carol
        > send replaces c1 @carol:x Create(id3)
        2100 transfer c1 @carol
        > refuse c1 NotNow
        5000 @bob/B hangup c1
        > transfer c1 Done
        > media c1 close
        > ended c1 Transferred There
        ",
    );
}

#[test]
fn the_other_side_does_not_want_to_go() {
    check_after(
        WITH_BOB,
        "
        2000 transfer c1 @carol
        > send replaces c1 @carol:x Create(id3)
        3000 @eve/E reject_replacement c1 id3
        3001 @bob/B reject_replacement c1 other
        3002 @bob/B reject_replacement c1 id4
        > transfer c1 Refused
        3003 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}

#[test]
fn the_other_side_takes_no_notice() {
    check_after(
        WITH_BOB,
        "
        2000 transfer c1 @carol
        > send replaces c1 @carol:x Create(id3)
        62000 timer
        > transfer c1 Failed
        70000 tick
        ",
    );
}

#[test]
fn one_who_cannot_be_transferred_is_not_asked() {
    check_after(
        "
        0 @bob/B invite c1 stays
        100 accept c1
        200 media c1 answer
        200 media c1 complete
        1000 media c1 connected
        ",
        "
        2000 transfer c1 @carol
        > refuse c1 PeerCannot
        ",
    );
}

#[test]
fn two_others_are_joined() {
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
        4000 join c1 c2
        > send replaces c2 @bob:x Await(id3)
        > send replaces c1 @carol:x Create(id3)
        4500 @carol/C hangup c2
        > transfer c2 Done
        > media c2 close
        > ended c2 Transferred There
        4600 @bob/B hangup c1
        > transfer c1 Done
        > media c1 close
        > ended c1 Transferred There
        ",
    );
}

#[test]
fn we_are_sent_to_somebody_and_call_them() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B replaces c1 @carol create=n1
        > transfer c1 to @carol:x?
        4000 yes c1
        4100 place !other:x/n1 to=@carol end
        > media c1 apply held
        > media c1 offer#2 held
        > media n1 offer#1 fresh
        > n1 is Preparing
        > c1 is Connected held
        4200 media !other:x/n1 offer
        4200 media !other:x/n1 complete
        > send invite n1 to @carol:x
        > n1 is Inviting
        4300 sent
        > send candidates n1 0+end
        > n1 is Calling
        5000 @carol/C answer !other:x/n1
        > media n1 accept#1
        > send select_answer n1 C
        > n1 is Connecting
        6000 media !other:x/n1 connected
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 Transferred Here
        > transfer c1 Done
        > n1 is Connected
        ",
    );
}

#[test]
fn we_are_sent_to_somebody_and_are_called() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B replaces c1 @carol await=n1
        > transfer c1 to @carol:x?
        4000 yes c1
        4500 @eve/E invite n1
        > ring n1 waiting
        > n1 is Ringing
        4600 @eve/E hangup n1
        > silence n1 Over
        > ended n1 Unanswered There missed
        5000 @carol/C invite !other:x/n1
        > media c1 apply held
        > media c1 offer#2 held
        > media n1 answer#1
        > n1 is Answering
        > c1 is Connected held
        5100 media !other:x/n1 answer
        5100 media !other:x/n1 complete
        > send answer n1
        > send candidates n1 0+end
        > n1 is Connecting
        5200 media !other:x/n1 connected
        > send hangup c1 user_hangup
        > media c1 close
        > ended c1 Transferred Here
        > transfer c1 Done
        > n1 is Connected
        ",
    );
}

#[test]
fn we_do_not_want_to_be_sent() {
    check_after(
        TO_BOB,
        "
        3000 @eve/E replaces c1 @eve create=n1
        3001 @bob/B replaces c1 @carol create=n1
        > transfer c1 to @carol:x?
        4000 no c1
        > send reject_replacement c1
        4001 no c1
        > refuse c1 NotNow
        ",
    );
}

#[test]
fn the_one_we_are_sent_to_never_calls() {
    check_after(
        TO_BOB,
        "
        3000 @bob/B replaces c1 @carol await=n1
        > transfer c1 to @carol:x?
        4000 yes c1
        5000 @bob/B hangup c1
        > media c1 close
        > ended c1 HungUp There
        64000 timer
        > transfer c1 Failed
        70000 @carol/C invite n1
        > ring n1
        > n1 is Ringing
        ",
    );
}
