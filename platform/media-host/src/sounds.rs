//! The sounds around a call, made up here: no files, nobody else's rights.
//!
//! Tones: [ITU-T E.180](https://www.itu.int/rec/T-REC-E.180), as most of Europe has them.

use std::f64::consts::TAU;

use hardline_media_protocol::Sound;

const RATE: f64 = 48_000.0;
/// The tone of exchanges, in hertz.
const EXCHANGE: f64 = 425.0;
/// How long a tone takes to come and to go, in seconds: cut off, it would click.
const EDGE: f64 = 0.005;
/// The ringtone: when a bell is struck, in seconds, and its note, in hertz.
const BELLS: [(f64, f64); 8] = [
    (0.0, 659.26),
    (0.16, 830.61),
    (0.32, 987.77),
    (0.48, 1_318.51),
    (0.96, 659.26),
    (1.12, 830.61),
    (1.28, 987.77),
    (1.44, 1_318.51),
];
/// What sounds along with a bell's note: how many times as high, how loud, and how long until a third is left, in seconds.
const PARTIALS: [(f64, f64, f64); 3] = [(1.0, 0.32, 0.30), (2.0, 0.10, 0.15), (3.0, 0.05, 0.08)];

/// One round of a sound, which follows itself without a break: 48,000 samples a second.
pub(crate) fn round(sound: Sound) -> Vec<i16> {
    let (seconds, sample): (f64, fn(f64) -> f64) = match sound {
        Sound::Ringtone => (4.0, ringtone),
        Sound::Ringback => (5.0, |at| tone(at, 0.25, &[(0.0, 1.0)])),
        Sound::Busy => (1.0, |at| tone(at, 0.25, &[(0.0, 0.5)])),
        Sound::Waiting => (5.0, |at| tone(at, 0.12, &[(0.0, 0.2), (0.4, 0.2)])),
    };
    let n_samples = (seconds * RATE) as u32;
    (0..n_samples)
        .map(|n| (sample(f64::from(n) / RATE).clamp(-1.0, 1.0) * 32_767.0) as i16)
        .collect()
}

/// The exchange's tone, which is there from each beginning for so long.
fn tone(at: f64, amplitude: f64, times: &[(f64, f64)]) -> f64 {
    let strength: f64 = times
        .iter()
        .map(|(begin, length)| {
            let (since, left) = (at - begin, begin + length - at);
            (since.min(left) / EDGE).clamp(0.0, 1.0)
        })
        .sum();
    amplitude * strength * (TAU * EXCHANGE * at).sin()
}

fn ringtone(at: f64) -> f64 {
    let struck = BELLS.iter().filter(|(begin, _)| at >= *begin);
    struck.map(|(begin, note)| bell(at - begin, *note)).sum()
}

fn bell(since: f64, note: f64) -> f64 {
    let attack = (since / EDGE).min(1.0);
    let partials = PARTIALS.iter().map(|(times, loud, decay)| {
        loud * (-since / decay).exp() * (TAU * note * times * since).sin()
    });
    attack * partials.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_begin_and_end_in_silence_and_never_reach_the_limit() {
        for sound in [
            Sound::Ringtone,
            Sound::Ringback,
            Sound::Busy,
            Sound::Waiting,
        ] {
            let round = round(sound);
            let loudest = round.iter().map(|sample| sample.unsigned_abs()).max();
            assert!(loudest.is_some_and(|peak| peak < 25_000), "{sound:?}");
            for sample in [round.first(), round.last()] {
                assert!(sample.is_some_and(|s| s.unsigned_abs() < 40), "{sound:?}");
            }
        }
    }
}
