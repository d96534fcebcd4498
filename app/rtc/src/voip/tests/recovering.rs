//! A connection that breaks, and what becomes of it.

use super::transcript::{Story, TO_BOB, WITH_BOB, check_after};
use crate::voip::{
    limits::MAX_RECOVERIES,
    wire::{Body, DescriptionKind},
};

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
fn a_network_that_changes_without_harm_leaves_the_call() {
    check_after(
        TO_BOB,
        "
        3000 network
        > media c1 offer#2 fresh
        > c1 is Reconnecting
        3100 media c1 offer
        3100 media c1 complete
        > send negotiate c1 offer
        > send candidates c1 0+end
        18100 timer
        > media c1 discard#2
        20100 timer
        > media c1 offer#3 fresh
        20200 media c1 offer
        20200 media c1 complete
        > send negotiate c1 offer
        > send candidates c1 0+end
        33000 timer
        > c1 is Connected
        35200 timer
        > media c1 discard#3
        60000 tick
        ",
    );
}

#[test]
fn a_connection_that_breaks_over_and_over_is_made_anew_so_often_only() {
    let mut story = Story::new();
    story.tell(TO_BOB);
    for n in 1..20 {
        let at = n * 10_000;
        story.tell(&format!("{at} media c1 disconnected"));
        story.tell(&format!("{} tick", at + 2_000));
        story.tell(&format!("{} media c1 offer", at + 2_100));
        story.tell(&format!("{} @bob/B negotiate c1 answer", at + 2_500));
        story.tell(&format!("{} media c1 connected", at + 2_600));
    }
    let offers = story.sent().iter().filter(|sent| {
        let Body::Negotiate { description, .. } = &sent.message.body else {
            return false;
        };
        description.kind == DescriptionKind::Offer
    });
    assert_eq!(offers.count(), MAX_RECOVERIES);
    story.forget();
    story.tell("300000 media c1 disconnected");
    story.assert(
        "
        300000 media c1 disconnected
        > c1 is Reconnecting
        ",
    );
    story.forget();
    story.tell("310000 tick");
    story.assert(
        "
        302000 timer
        > media c1 offer#8 fresh
        310000 tick
        ",
    );
}
