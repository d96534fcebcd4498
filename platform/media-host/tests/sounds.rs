//! The sounds around a call, measured in what is recorded of them.

mod support;

use std::{path::Path, time::Duration};

use hardline_media_protocol::{AudioSink, AudioSource, Event, Fault, Request, Sound};
use support::{Media, Pair, setup, sound, tone};

const SECOND: Duration = Duration::from_secs(1);
/// What is told apart as on or off, in seconds.
const SLICE: f64 = 0.01;
/// On a busy machine the recorder joins a little later than the sound begins.
const TOLERANCE: f64 = 0.03;

fn play(media: &mut Media, sound: Sound, path: &Path) {
    let sink = AudioSink::Record { path: path.into() };
    media.ask(&Request::Play { sound, sink });
}

/// Plays a sound for a while in a process without a call; what is recorded.
fn recorded(sound: Sound, seconds: f64) -> Vec<f64> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sound.wav");
    let mut media = Media::start();
    play(&mut media, sound, &path);
    assert_eq!(media.next(Duration::from_secs_f64(seconds)), Ok(None));
    media.ask(&Request::Silence);
    media.ask(&Request::Close);
    media.wait(|event| matches!(event, Event::Closed));
    let samples = sound::read(&path);
    let found = samples.len() as f64 / sound::RATE as f64;
    assert!(
        (seconds - 1.0..seconds + 1.0).contains(&found),
        "{found} s instead of {seconds}"
    );
    samples
}

/// Whether there is sound, and for how long, one after the other.
fn cadence(samples: &[f64]) -> Vec<(bool, f64)> {
    let n_slice = (sound::RATE as f64 * SLICE) as usize;
    let mut runs: Vec<(bool, f64)> = Vec::new();
    for slice in samples.chunks_exact(n_slice) {
        let on = sound::loudness(slice) > 0.02;
        match runs.last_mut() {
            Some((was_on, seconds)) if *was_on == on => *seconds += SLICE,
            _ => runs.push((on, SLICE)),
        }
    }
    runs
}

/// Whether a sound is a tone in that cadence: on, off, on … in seconds. What was being played at the end is left out.
#[track_caller]
fn assert_cadence(samples: &[f64], hertz: f64, expected: &[f64]) {
    let mut runs = cadence(samples);
    runs.pop();
    eprintln!("{runs:.2?}");
    assert!(runs.len() >= expected.len(), "{runs:?}");
    assert!(runs[0].0, "it does not begin with sound");
    for ((_, found), expected) in runs.iter().zip(expected.iter().cycle()) {
        assert!((found - expected).abs() <= TOLERANCE, "{runs:.2?}");
    }
    let n_first = (sound::RATE as f64 * (expected[0] - TOLERANCE)) as usize;
    let found = sound::frequency(&samples[..n_first]);
    eprintln!("{found} Hz");
    assert!((found - hertz).abs() <= 2.0, "{found} instead of {hertz}");
}

#[test]
fn ringback_is_425_hertz_for_a_second_in_five() {
    assert_cadence(&recorded(Sound::Ringback, 7.0), 425.0, &[1.0, 4.0]);
}

#[test]
fn busy_is_425_hertz_for_half_of_each_second() {
    assert_cadence(&recorded(Sound::Busy, 4.0), 425.0, &[0.5, 0.5]);
}

#[test]
fn waiting_is_two_soft_beeps_every_five_seconds() {
    let samples = recorded(Sound::Waiting, 7.0);
    assert_cadence(&samples, 425.0, &[0.2, 0.2, 0.2, 4.4]);
    let loudness = sound::loudness(&samples[..sound::RATE / 10]);
    assert!((0.03..0.15).contains(&loudness), "{loudness}");
}

#[test]
fn the_ringtone_goes_up_in_notes_and_comes_again() {
    let samples = recorded(Sound::Ringtone, 6.0);
    let part = |from: f64, to: f64| {
        let at = |seconds: f64| (seconds * sound::RATE as f64) as usize;
        &samples[at(from)..at(to)]
    };
    for (from, to, hertz) in [
        (0.0, 0.15, 659.0),
        (0.16, 0.31, 831.0),
        (0.32, 0.47, 988.0),
        (0.48, 0.90, 1_319.0),
        (4.0, 4.15, 659.0),
    ] {
        let found = sound::frequency(part(from, to));
        eprintln!("{found} Hz, loudness {}", sound::loudness(part(from, to)));
        assert!((found - hertz).abs() <= 12.0, "{found} instead of {hertz}");
        assert!(sound::loudness(part(from, to)) > 0.05);
    }
    assert!(sound::loudness(part(3.5, 4.0)) < 0.005);
}

#[test]
fn a_sound_takes_the_place_of_the_one_before_and_silence_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("1.wav"), dir.path().join("2.wav"));
    let mut media = Media::start();
    play(&mut media, Sound::Ringback, &first);
    assert_eq!(media.next(SECOND), Ok(None));
    play(&mut media, Sound::Busy, &second);
    assert_eq!(media.next(SECOND), Ok(None));
    let n_first = sound::read(&first).len();
    media.ask(&Request::Silence);
    assert_eq!(media.next(SECOND / 2), Ok(None));
    let n_second = sound::read(&second).len();
    assert_eq!(media.next(SECOND), Ok(None));
    assert_eq!(sound::read(&first).len(), n_first);
    assert_eq!(sound::read(&second).len(), n_second);
    assert!(n_first > sound::RATE / 2 && n_second > sound::RATE / 2);
}

#[test]
fn a_sound_beside_a_call_leaves_the_call_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut pair = Pair::connected(tone(440, &path("caller")), tone(700, &path("callee")));
    play(&mut pair.caller, Sound::Waiting, &path("waiting"));
    pair.run_for(3 * SECOND);
    let received = sound::read(&path("caller"));
    assert!(sound::n_tenths_of_tone(sound::last(&received, 2.0), 700.0) >= 10);
    let waiting = sound::read(&path("waiting"));
    let found = sound::frequency(&waiting[..sound::RATE / 6]);
    assert!((found - 425.0).abs() <= 2.0, "{found}");
}

#[test]
fn a_ringback_goes_on_while_the_call_begins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ringback");
    let mut media = Media::start();
    play(&mut media, Sound::Ringback, &path);
    let setup = setup(AudioSource::Silence, AudioSink::Discard);
    media.ask(&Request::Start(Box::new(setup)));
    media.wait(|event| matches!(event, Event::Started));
    media.offer(false);
    std::thread::sleep(2 * SECOND);
    assert!(sound::n_tenths_of_tone(&sound::read(&path), 425.0) >= 8);
}

#[test]
fn a_loudspeaker_that_is_not_there_is_said_and_the_process_lives() {
    let mut media = Media::start();
    let name = Some("no such loudspeaker".to_owned());
    let sink = AudioSink::Device { name };
    let sound = Sound::Ringtone;
    media.ask(&Request::Play { sound, sink });
    assert_eq!(media.wait_for_fault(), Fault::NoSpeaker);
    let path = "/no such folder/sound.wav".into();
    let sink = AudioSink::Record { path };
    media.ask(&Request::Play { sound, sink });
    assert!(matches!(media.wait_for_fault(), Fault::Playback { .. }));
    let sink = AudioSink::Discard;
    media.ask(&Request::Play { sound, sink });
    media.ask(&Request::Close);
    media.wait(|event| matches!(event, Event::Closed));
}
