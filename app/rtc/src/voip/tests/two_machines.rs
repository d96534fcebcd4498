//! Two machines agree in the end, or both end, whatever the room does.

use proptest::prelude::*;

use super::simulated_room::{Fate, World};
use crate::voip::Stage;

/// When everything has come to rest.
const REST: u64 = 900_000;
/// When nothing is sent any more: the last plan is 60 s old, and the last event 80 s late.
const QUIET: u64 = 400_000;

#[track_caller]
fn agree(world: &World) {
    let connected = [0, 1].map(|side| world.connected(side));
    assert_eq!(connected[0], connected[1], "they are not in the same calls");
    for side in [0, 1] {
        let calls = world.calls(side);
        let all_connected = calls.iter().all(|call| call.stage == Stage::Connected);
        assert!(all_connected, "something is left over: {calls:#?}");
    }
}

#[test]
fn a_good_room_connects_them() {
    let mut world = World::new(Vec::new());
    world.plan(0, 0, "place c1 to=@bob");
    world.plan(2_000, 1, "accept c1");
    world.run_until(10_000);
    agree(&world);
    assert_eq!(world.connected(0).len(), 1);
    world.plan(11_000, 1, "hangup c1");
    world.run_until(20_000);
    agree(&world);
    assert!(world.calls(0).is_empty());
}

#[test]
fn hold_by_both_at_once_is_settled() {
    let mut world = World::new(Vec::new());
    world.plan(0, 0, "place c1 to=@bob");
    world.plan(2_000, 1, "accept c1");
    world.plan(10_000, 0, "hold c1");
    world.plan(10_000, 1, "hold c1");
    world.run_until(60_000);
    agree(&world);
    for side in [0, 1] {
        let call = &world.calls(side)[0];
        assert!(call.shape.held && call.remote.holds, "{call:?}");
    }
}

#[test]
fn both_change_their_network_at_once() {
    let mut world = World::new(Vec::new());
    world.plan(0, 0, "place c1 to=@bob");
    world.plan(2_000, 1, "accept c1");
    world.plan(10_000, 0, "network");
    world.plan(10_010, 1, "network");
    world.run_until(60_000);
    agree(&world);
    assert_eq!(world.connected(0).len(), 1);
}

#[test]
fn glare_gives_one_call() {
    for bob_calls_at in [0, 10, 60, 100, 240, 300, 1_000] {
        for ids in [["a", "b"], ["b", "a"]] {
            let mut world = World::new(Vec::new());
            world.plan(0, 0, &format!("place {} to=@bob", ids[0]));
            world.plan(bob_calls_at, 1, &format!("place {} to=@alice", ids[1]));
            world.plan(1_500, 1, &format!("accept {}", ids[0]));
            world.run_until(60_000);
            agree(&world);
            let connected = world.connected(0);
            assert_eq!(connected.len(), 1, "Bob calls at {bob_calls_at}: {ids:?}");
        }
    }
}

/// Events take so long in turn; those marked come again later.
fn delays(delays: &[(u64, bool)]) -> Vec<Fate> {
    let fate = |(delay, twice)| Fate {
        delay,
        lost: false,
        twice,
    };
    delays.iter().copied().map(fate).collect()
}

#[track_caller]
fn settles_before(mut world: World, plans: &[(u64, usize, &str)], quiet: u64) -> World {
    world.plan(0, 0, "place c1");
    world.plan(1_000, 1, "accept c1");
    for (at, side, line) in plans {
        world.plan(*at, *side, line);
    }
    world.run_until(REST);
    agree(&world);
    assert!(world.last_sent_at() < quiet, "{}", world.last_sent_at());
    world
}

const AGAIN_AND_AGAIN: [(u64, bool); 13] = [
    (10, false),
    (12, false),
    (10, false),
    (10, false),
    (27, false),
    (209, true),
    (10, false),
    (94, false),
    (10, false),
    (69, true),
    (80, false),
    (64, false),
    (10, false),
];

const NETWORK_AND_VIDEO: [(u64, usize, &str); 5] = [
    (1_031, 1, "mute c1 audio"),
    (1_031, 1, "video c1 on"),
    (8_939, 0, "network"),
    (9_118, 0, "network"),
    (9_118, 0, "video c1 on"),
];

/// It was taken for news and answered, each time anew, and each answer broke what stood.
#[test]
fn an_offer_that_comes_again_does_not_undo_a_later_one() {
    let world = World::new(delays(&AGAIN_AND_AGAIN));
    let world = settles_before(world, &NETWORK_AND_VIDEO, 10_000);
    assert_eq!(world.connected(0).len(), 1);
}

#[test]
fn an_offer_that_comes_again_to_others_does_not_undo_a_later_one() {
    let world = World::plain(delays(&AGAIN_AND_AGAIN));
    let world = settles_before(world, &NETWORK_AND_VIDEO, 20_000);
    assert_eq!(world.connected(0).len(), 1);
}

/// Where nothing is numbered, answers can be taken for those to other offers again and again.
#[test]
fn a_room_in_which_nothing_can_be_agreed_on_ends_the_call() {
    let mut fates = delays(&[(10, false); 12]);
    fates[5] = delays(&[(2_056, true)])[0];
    fates[7] = delays(&[(226, true)])[0];
    fates[10] = delays(&[(80, false)])[0];
    let plans = [(1_081, 0, "network"), (3_870, 0, "video c1 on")];
    settles_before(World::plain(fates), &plans, QUIET);
}

/// Whoever answers must not think the connection broken while its answer is on its way.
#[test]
fn a_slow_answer_is_waited_for() {
    let mut fates = delays(&[(10, false); 14]);
    for (at, delay) in [(3, 487), (6, 175), (10, 168), (13, 4_000)] {
        fates[at] = delays(&[(delay, false)])[0];
    }
    let world = settles_before(World::new(fates), &[(1_031, 1, "video c1 on")], 10_000);
    assert_eq!(world.connected(0).len(), 1);
}

/// An answer that was long on its way ends the recovery: no other is offered over what it brings.
#[test]
fn a_late_answer_is_not_overtaken() {
    let mut fates = delays(&[(10, false); 10]);
    for (at, delay) in [(2, 12_605), (4, 2_797), (9, 168)] {
        fates[at] = delays(&[(delay, false)])[0];
    }
    let world = settles_before(World::new(fates), &[(3_828, 0, "hold c1")], 60_000);
    assert_eq!(world.connected(0).len(), 1);
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let delay = prop_oneof![6 => 10..300_u64, 2 => 300..4_000_u64, 1 => 4_000..40_000_u64];
    let fate = (delay, prop::bool::weighted(0.12), prop::bool::weighted(0.2));
    let fate = fate.prop_map(|(delay, lost, twice)| Fate { delay, lost, twice });
    prop::collection::vec(fate, 7..40)
}

fn plans() -> impl Strategy<Value = Vec<(u64, usize, String)>> {
    let verbs = vec![
        "accept c1",
        "accept c1",
        "accept c2",
        "reject c1",
        "hangup c1",
        "hangup c2",
        "hold c1",
        "resume c1",
        "hold c2",
        "video c1 on",
        "screen c2 on",
        "network",
        "ignore c1",
        "mute c1 audio",
        "place c2",
        "place c1",
        "place c3 end",
    ];
    let line = proptest::sample::select(verbs).prop_map(str::to_owned);
    prop::collection::vec((0..60_000_u64, 0..2_usize, line), 0..14)
}

#[track_caller]
fn come_to_rest(mut world: World, plans: &[(u64, usize, String)]) {
    world.plan(0, 0, "place c1");
    world.plan(1_000, 1, "accept c1");
    world.plan(3_000, 1, "accept c1");
    for (at, side, line) in plans {
        world.plan(*at, *side, line);
    }
    world.run_until(REST);
    agree(&world);
    assert!(world.last_sent_at() < QUIET, "{}", world.last_sent_at());
}

proptest! {
    #![proptest_config(super::cases(1_000))]

    #[test]
    fn a_bad_room_leaves_them_agreed(fates in fates(), plans in plans()) {
        come_to_rest(World::new(fates), &plans);
    }

    #[test]
    fn a_bad_room_leaves_those_agreed_who_do_not_number_their_offers(
        fates in fates(), plans in plans(),
    ) {
        come_to_rest(World::plain(fates), &plans);
    }
}
