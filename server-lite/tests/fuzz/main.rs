//! Fuzzing: bytes that nobody would send, at everything that reads what others sent.
//!
//! `targets.rs` is a library of functions over bytes. Here a small mutator of our own drives them, with a fixed seed in
//! the tests and for an hour each in `make soak` (`HARDLINE_FUZZ_SECONDS` says otherwise). What is in `corpus/` is
//! replayed first; an input that fails is kept, and the test says under which name it belongs there.

mod mutate;
mod targets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

use crate::{
    mutate::mutate,
    targets::{TARGETS, Target},
};

/// Inputs a target is given in the tests.
const N_INPUTS: usize = 1500;
const SEED: u64 = 3;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("no {}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Gives a target one input; says how to keep it if it fails.
fn give(target: &Target, input: &[u8]) {
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if result.is_err() {
        let digest = Sha256::digest(input);
        let hash: String = digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let path = std::env::temp_dir().join(format!("{}-{hash}", target.name));
        let _ = std::fs::write(&path, input);
        panic!(
            "{} failed on {:?}\nkept as {}; put it into tests/fuzz/corpus/{}/",
            target.name,
            String::from_utf8_lossy(&input[..input.len().min(400)]),
            path.display(),
            target.name
        );
    }
}

/// Ends the server in this process, also when a target fails.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        targets::end();
    }
}

/// Replays the corpus, then gives mutants of it until `goes_on` is false; gives their number.
fn drive(target: &Target, seed: u64, mut goes_on: impl FnMut(usize) -> bool) -> usize {
    let _end = End;
    let corpus = corpus(target.name);
    assert!(
        !corpus.is_empty(),
        "nothing in the corpus of {}",
        target.name
    );
    for input in &corpus {
        give(target, input);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut n_inputs = 0;
    while goes_on(n_inputs) {
        give(target, &mutate(&corpus, &mut random));
        n_inputs += 1;
    }
    n_inputs
}

fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target {name}"))
}

fn time() -> Duration {
    let seconds = std::env::var("HARDLINE_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(3600))
}

fn soak(name: &str) {
    let (end, target) = (Instant::now() + time(), target(name));
    let seed = rand::random();
    let n = drive(target, seed, |_| Instant::now() < end);
    eprintln!("{name}: {n} inputs, seed {seed}");
}

macro_rules! fuzz_tests {
    ($($name:ident $soak:ident)*) => {$(
        #[test]
        fn $name() {
            drive(target(stringify!($name)), SEED, |n| n < N_INPUTS);
        }

        #[test]
        fn $soak() {
            soak(stringify!($name));
        }
    )*
        #[test]
        fn every_target_has_its_tests() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

fuzz_tests! {
    request soak_fuzz_request
    query soak_fuzz_query
    event soak_fuzz_event
    filter soak_fuzz_filter
    sync_token soak_fuzz_sync_token
    sliding_sync soak_fuzz_sliding_sync
    configuration soak_fuzz_configuration
    registration soak_fuzz_registration
    picture soak_fuzz_picture
}
