//! Two machines agree in the end, or both end, whatever the room does.

use proptest::prelude::*;

use super::simulated_room::{Fate, World};
use crate::voip::Stage;

/// When everything has come to rest.
const REST: u64 = 900_000;

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    // The seed beside the package shows it: after "network" on one side and an offer of the other that comes late, a recovery
    // goes on for ever. To be mended before calls use this package.
    #[ignore = "known fault: one room in some hundreds leaves a call that reconnects for ever"]
    #[test]
    fn a_bad_room_leaves_them_agreed(fates in fates(), plans in plans()) {
        let mut world = World::new(fates);
        world.plan(0, 0, "place c1");
        world.plan(1_000, 1, "accept c1");
        world.plan(3_000, 1, "accept c1");
        for (at, side, line) in &plans {
            world.plan(*at, *side, line);
        }
        world.run_until(REST);
        agree(&world);
    }
}
