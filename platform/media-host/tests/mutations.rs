//! Descriptions of the other side, damaged in many ways that still look like descriptions: the process lives through all of them.

mod support;

use hardline_media_protocol::{AudioSink, AudioSource, Event, Request, Sdp};
use support::{Media, setup};

const N_MUTATIONS: u64 = 120;

/// Pseudo-random numbers, the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Damages a description in one to three places.
fn mutate(good: &str, seed: u64) -> Sdp {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    for _ in 0..=dice.roll(3) {
        let at = 1 + dice.roll(lines.len() - 1);
        let line = lines[at].clone();
        match dice.roll(7) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => {
                let other = 1 + dice.roll(lines.len() - 1);
                lines.swap(at, other);
            }
            3 => lines[at] = line.replace(|c: char| c.is_ascii_digit(), "9999999999"),
            4 => lines[at] = line.chars().take(dice.roll(line.len().max(1))).collect(),
            5 => lines[at] = line.replace(' ', ""),
            _ => lines[at] = format!("{line} {}", "\u{fe}%s%n;=:".repeat(30)),
        }
    }
    Sdp(lines.join("\r\n") + "\r\n")
}

fn silent() -> Media {
    Media::capturing(setup(AudioSource::Silence, AudioSink::Discard))
}

/// Offers each damaged description and waits for what comes of it; how many were answered, and how many refused.
fn offer_all(seeds: std::ops::Range<u64>) -> (u32, u32) {
    let (_, good) = silent().offer(false);
    let mut media = silent();
    let (mut n_answered, mut n_refused) = (0, 0);
    for seed in seeds {
        media.ask_for_answer(mutate(&good.0, seed));
        match media.wait(|event| matches!(event, Event::Answer { .. } | Event::Failed { .. })) {
            Event::Answer { .. } => n_answered += 1,
            _ => n_refused += 1,
        }
    }
    media.ask_for_answer(good);
    media.wait(|event| matches!(event, Event::Answer { .. }));
    (n_answered, n_refused)
}

#[test]
fn damaged_offers_are_survived() {
    let (n_answered, n_refused) = offer_all(0..N_MUTATIONS);
    assert!(n_answered > 0 && n_refused > 0);
}

#[test]
fn soak_thousands_of_damaged_offers_are_survived() {
    let (n_answered, n_refused) = offer_all(N_MUTATIONS..5_000);
    eprintln!("{n_answered} answered, {n_refused} refused");
}

#[test]
fn damaged_answers_are_survived() {
    let (mut caller, mut callee) = (silent(), silent());
    for seed in 0..N_MUTATIONS / 4 {
        let (round, offer) = caller.offer(true);
        callee.ask_for_answer(offer);
        let answer = callee.wait(|event| matches!(event, Event::Answer { .. }));
        let Event::Answer { sdp, .. } = answer else {
            panic!("{answer:?}");
        };
        let answer = mutate(&sdp.0, seed);
        caller.ask(&Request::Accept { round, answer });
        caller.ask(&Request::Statistics);
        caller.wait(|event| matches!(event, Event::Statistics(_)));
    }
}
