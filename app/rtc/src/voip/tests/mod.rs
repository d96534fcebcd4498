//! What the machine does, told as transcripts; what it never does, as properties; what two of them do to each other.

mod fixtures;
mod render;
mod stimulus;
mod transcript;

mod answering;
mod calling;
mod devices;
mod glare;
mod hostile;
mod interop;
mod liveness;
mod negotiating;
mod properties;
mod recovering;
mod several;
mod simulated_media;
mod simulated_room;
mod transfers;
mod two_machines;

/// As many random cases as are asked for by `PROPTEST_CASES`, or by the test.
fn cases(cases: u32) -> proptest::test_runner::Config {
    let asked = proptest::test_runner::Config::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => asked,
        None => proptest::test_runner::Config { cases, ..asked },
    }
}
