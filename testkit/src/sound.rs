//! What a recording sounds like.

use std::{f64::consts::TAU, fs, path::Path};

/// Samples a second.
pub const RATE: usize = 48_000;

/// The samples of a recording, from -1 to 1: of all that is in the file, whatever its header says.
pub fn read(path: &Path) -> Vec<f64> {
    let bytes = fs::read(path).unwrap();
    let samples = bytes[44..].chunks_exact(2);
    samples
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect()
}

/// A WAV file of a tone.
pub fn write_tone(path: &Path, hertz: f64, seconds: f64) {
    let n_samples = (RATE as f64 * seconds) as u32;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + 2 * n_samples).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend((RATE as u32).to_le_bytes());
    bytes.extend((2 * RATE as u32).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((2 * n_samples).to_le_bytes());
    for n in 0..n_samples {
        let sample = (TAU * hertz * f64::from(n) / RATE as f64).sin() * 16_000.0;
        bytes.extend((sample as i16).to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

/// The share of the energy that lies at a frequency, from 0 to 1 (Goertzel's algorithm).
pub fn share(samples: &[f64], hertz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    if samples.is_empty() || energy == 0.0 {
        return 0.0;
    }
    let factor = 2.0 * (TAU * hertz / RATE as f64).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + factor * last - before, last);
    }
    let power = last * last + before * before - factor * last * before;
    2.0 * power / (energy * samples.len() as f64)
}

/// How many tenths of a second are loud and little else than a tone.
pub fn n_tenths_of_tone(samples: &[f64], hertz: f64) -> usize {
    let tenths = samples.chunks_exact(RATE / 10);
    tenths
        .filter(|tenth| share(tenth, hertz) > 0.8 && loudness(tenth) > 0.05)
        .count()
}

/// The frequency with the largest share between 100 and 2,000, to 1 hertz.
pub fn frequency(samples: &[f64]) -> f64 {
    let loudest = |candidates: &mut dyn Iterator<Item = f64>, samples: &[f64]| {
        candidates
            .map(|hertz| (share(samples, hertz), hertz))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(0.0, |(_, hertz)| hertz)
    };
    let short = &samples[..samples.len().min(RATE / 10)];
    let near = loudest(&mut (10..=200).map(|n| f64::from(n) * 10.0), short);
    loudest(&mut (-10..=10).map(|n| near + f64::from(n)), samples)
}

/// How loud it is, from 0 to 1: the root mean square.
pub fn loudness(samples: &[f64]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    (energy / samples.len().max(1) as f64).sqrt()
}

/// The last of a recording.
pub fn last(samples: &[f64], seconds: f64) -> &[f64] {
    let n_samples = (RATE as f64 * seconds) as usize;
    &samples[samples.len().saturating_sub(n_samples)..]
}
