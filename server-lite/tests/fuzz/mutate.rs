//! Inputs that resemble others, and do not.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// What parsers have rules about.
const WORDS: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e999",
    "9007199254740993",
    "18446744073709551616",
    "0.1",
    "\"\"",
    "{}",
    "[]",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "m.room.member",
    "m.relates_to",
    "event_id",
    "@a:b",
    "!a:b",
    "$a",
    "#a:b",
    "*",
    "..",
    "%00",
    "&",
    "=",
    ",",
    ":",
    "\"",
    "{\"",
    "\"}",
    "[[[[[[[[",
    "]]]]]]]]",
    "$.content",
    "\\",
    "'",
    ";--",
    "\n",
    "\u{1F600}",
    "\t",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "---\n",
    "|\n",
    "{1000}",
    "(?",
];

/// The longest input.
const MAX: usize = 8192;

/// A mutant of one or two of the corpus.
pub fn mutate(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus.choose(random).cloned().unwrap_or_default();
    for _ in 0..random.random_range(1..=4) {
        change(&mut input, corpus, random);
    }
    input.truncate(MAX);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let end = random.random_range(at..=input.len());
    match random.random_range(0..9) {
        0 => flip(input, random),
        1 => drop(input.drain(at..end)),
        2 => {
            let part = input[at..end.min(at + 200)].to_vec();
            let n = random.random_range(1..20);
            let copies = part.iter().copied().cycle().take(part.len() * n);
            input.splice(at..at, copies.collect::<Vec<u8>>());
        }
        3 | 4 => {
            let word = WORDS.choose(random).unwrap_or(&"");
            input.splice(at..at, word.bytes());
        }
        5 => {
            let word = WORDS.choose(random).unwrap_or(&"");
            input.splice(at..end.min(at + 12), word.bytes());
        }
        6 => {
            let other = corpus.choose(random).cloned().unwrap_or_default();
            let from = random.random_range(0..=other.len());
            let upto = random.random_range(from..=other.len());
            input.splice(at..end, other[from..upto].iter().copied());
        }
        7 => {
            let bytes: Vec<u8> = (0..random.random_range(1..8))
                .map(|_| random.random())
                .collect();
            input.splice(at..at, bytes);
        }
        _ => number(input, random),
    }
}

fn flip(input: &mut [u8], random: &mut StdRng) {
    if let Some(idx) = input.len().checked_sub(1) {
        let idx = random.random_range(0..=idx);
        input[idx] ^= 1 << random.random_range(0..8);
    }
}

/// Another number in the place of the first digits found.
fn number(input: &mut Vec<u8>, random: &mut StdRng) {
    let digits: Vec<usize> = (0..input.len())
        .filter(|&n| input[n].is_ascii_digit())
        .collect();
    if let Some(&at) = digits.choose(random) {
        let n: i64 = match random.random_range(0..4) {
            0 => random.random_range(-2..3),
            1 => i64::MAX,
            2 => 1 << random.random_range(0..62),
            _ => random.random(),
        };
        input.splice(at..=at, n.to_string().into_bytes());
    }
}
