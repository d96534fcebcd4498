//! Microphones and loudspeakers of a real sound server.

mod support;

use std::{f64::consts::TAU, fs, path::Path, time::Duration};

use hardline_media_protocol::{
    AudioSink, AudioSource, Device, Event, Fault, Request, Setup, Sound,
};
use support::{Pair, Pulse, setup, sound, tone, without_plugin};

const SECOND: Duration = Duration::from_secs(1);

/// A microphone and a loudspeaker, or the system's choice.
fn devices(microphone: Option<&str>, speaker: Option<&str>) -> Setup {
    let name = microphone.map(str::to_owned);
    let source = AudioSource::Device { name };
    let name = speaker.map(str::to_owned);
    setup(source, AudioSink::Device { name })
}

fn unprocessed(mut setup: Setup) -> Setup {
    setup.voice_processing = false;
    setup
}

fn use_devices(pair: &mut Pair, microphone: Option<&str>, speaker: Option<&str>) {
    pair.caller.ask(&Request::UseDevices {
        microphone: microphone.map(str::to_owned),
        speaker: speaker.map(str::to_owned),
    });
}

/// A call from a process that uses the sound server to one that does not.
fn call(pulse: &Pulse, caller: Setup, callee: Setup) -> Pair {
    let caller = pulse.media().begun(caller);
    Pair::connect(caller, support::Media::capturing(callee), str::to_owned)
}

#[track_caller]
fn assert_mostly(samples: &[f64], hertz: f64) {
    let n_tenths = samples.len() * 10 / sound::RATE;
    let n_good = sound::n_tenths_of_tone(samples, hertz);
    eprintln!("{n_good} of {n_tenths} tenths of a second are at {hertz} Hz");
    assert!(
        n_good > 5 && 2 * n_good > n_tenths,
        "{n_good} of {n_tenths}"
    );
}

#[test]
fn devices_are_told_and_told_again_when_they_change() {
    let pulse = Pulse::start();
    let mut media = pulse.media();
    media.ask(&Request::Devices);
    let names = |devices: &[Device]| {
        let mut names: Vec<String> = devices.iter().map(|device| device.name.clone()).collect();
        names.sort();
        names
    };
    let default = |devices: &[Device]| {
        let mut defaults = devices.iter().filter(|device| device.is_default);
        defaults.next().map(|device| device.label.clone())
    };
    let mut wait = |expected_speaker: &str, n_speakers: usize| {
        let event = media.wait(|event| {
            matches!(event, Event::Devices { speakers, .. }
                if speakers.len() == n_speakers && default(speakers).as_deref() == Some(expected_speaker))
        });
        let Event::Devices {
            microphones,
            speakers,
        } = event
        else {
            panic!("{event:?}");
        };
        (names(&microphones), names(&speakers))
    };
    let (microphones, speakers) = wait("Room", 5);
    assert_eq!(microphones, ["echo", "high", "low", "talk"]);
    assert_eq!(speakers, ["alto", "bass", "desk", "room", "voice"]);
    pulse.pactl(&["set-default-sink", "desk"]);
    let module = pulse.pactl(&["load-module", "module-null-sink", "sink_name=headset"]);
    let speakers = wait("Desk", 6).1;
    assert!(speakers.contains(&"headset".to_owned()), "{speakers:?}");
    pulse.pactl(&["unload-module", module.trim()]);
    wait("Desk", 5);
    pulse.pactl(&["set-default-sink", "room"]);
    media.ask(&Request::Devices);
    let event = media.wait(|event| matches!(event, Event::Devices { .. }));
    let Event::Devices { speakers, .. } = event else {
        panic!("{event:?}");
    };
    assert_eq!(default(&speakers).as_deref(), Some("Room"));
}

#[test]
fn another_microphone_is_used_in_mid_call() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("callee.wav");
    let caller = unprocessed(devices(None, Some("room")));
    let mut pair = call(&pulse, caller, tone(700, &path));
    pair.run_for(3 * SECOND);
    assert_mostly(sound::last(&sound::read(&path), 1.5), 440.0);
    let n_said = pair.caller.said.len();
    use_devices(&mut pair, Some("high"), Some("room"));
    pair.run_for(4 * SECOND);
    assert_mostly(sound::last(&sound::read(&path), 1.5), 600.0);
    assert_eq!(pair.caller.said.len(), n_said, "{:?}", pair.caller.said);
    use_devices(&mut pair, None, Some("room"));
    pair.run_for(4 * SECOND);
    assert_mostly(sound::last(&sound::read(&path), 1.5), 440.0);
}

#[test]
fn another_loudspeaker_is_used_in_mid_call() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let caller = unprocessed(devices(None, None));
    let mut pair = call(&pulse, caller, tone(700, &dir.path().join("callee.wav")));
    pair.run_for(2 * SECOND);
    assert_mostly(&pulse.heard_from("room", 2 * SECOND), 700.0);
    let n_said = pair.caller.said.len();
    use_devices(&mut pair, None, Some("desk"));
    pair.run_for(2 * SECOND);
    assert_mostly(&pulse.heard_from("desk", 2 * SECOND), 700.0);
    assert!(sound::loudness(&pulse.heard_from("room", SECOND)) < 0.005);
    use_devices(&mut pair, None, None);
    pair.run_for(2 * SECOND);
    assert_mostly(&pulse.heard_from("room", 2 * SECOND), 700.0);
    pulse.pactl(&["set-default-sink", "desk"]);
    pair.run_for(2 * SECOND);
    assert_mostly(&pulse.heard_from("desk", 2 * SECOND), 700.0);
    assert_eq!(pair.caller.said.len(), n_said, "{:?}", pair.caller.said);
}

#[test]
fn a_device_that_is_not_there_is_said_and_the_call_goes_on() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("callee.wav");
    let caller = unprocessed(devices(Some("high"), Some("absent")));
    let mut caller = pulse.media().begun(caller);
    assert_eq!(caller.wait_for_fault(), Fault::NoSpeaker);
    let callee = support::Media::capturing(tone(700, &path));
    let mut pair = Pair::connect(caller, callee, str::to_owned);
    use_devices(&mut pair, Some("absent"), Some("absent"));
    assert_eq!(pair.caller.wait_for_fault(), Fault::NoMicrophone);
    assert_eq!(pair.caller.wait_for_fault(), Fault::NoSpeaker);
    pair.run_for(3 * SECOND);
    assert_mostly(sound::last(&sound::read(&path), 1.5), 600.0);
    // The loudspeaker may come later.
    use_devices(&mut pair, Some("high"), Some("desk"));
    pair.run_for(2 * SECOND);
    assert_mostly(&pulse.heard_from("desk", 2 * SECOND), 700.0);
}

#[test]
fn what_is_no_device_is_left_as_it_is() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let (at_caller, at_callee) = (dir.path().join("caller.wav"), dir.path().join("callee.wav"));
    let mut pair = call(&pulse, tone(500, &at_caller), tone(700, &at_callee));
    use_devices(&mut pair, Some("high"), Some("desk"));
    pair.run_for(3 * SECOND);
    assert_mostly(sound::last(&sound::read(&at_callee), 1.5), 500.0);
    assert_mostly(sound::last(&sound::read(&at_caller), 1.5), 700.0);
}

#[test]
fn a_sound_is_played_by_a_loudspeaker() {
    let pulse = Pulse::start();
    let mut media = pulse.media();
    let name = Some("desk".to_owned());
    let (sound, sink) = (Sound::Busy, AudioSink::Device { name });
    media.ask(&Request::Play { sound, sink });
    let samples = pulse.heard_from("desk", 4 * SECOND);
    let n_good = sound::n_tenths_of_tone(&samples, 425.0);
    eprintln!("{n_good} of {} tenths", samples.len() * 10 / sound::RATE);
    assert!((10..=25).contains(&n_good), "{n_good}");
    media.ask(&Request::Silence);
    assert_eq!(media.next(SECOND), Ok(None));
    assert!(sound::loudness(&pulse.heard_from("desk", SECOND)) < 0.005);
}

/// Noise in the rhythm of speech: four syllables a second, and a pause after every fourth.
fn write_speech(path: &Path, seconds: u32) {
    let n_samples = seconds * sound::RATE as u32;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + 2 * n_samples).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend((sound::RATE as u32).to_le_bytes());
    bytes.extend((2 * sound::RATE as u32).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((2 * n_samples).to_le_bytes());
    let (mut dice, mut low) = (1_u64, 0.0);
    for n in 0..n_samples {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let noise = (dice >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
        low += 0.15 * (noise - low);
        let at = f64::from(n) / sound::RATE as f64;
        let syllable = (TAU * 2.0 * at).sin().powi(2);
        let speaks = at % 1.5 < 1.0;
        let sample = if speaks {
            low * syllable * 45_000.0
        } else {
            0.0
        };
        bytes.extend((sample.clamp(-32_000.0, 32_000.0) as i16).to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

/// How loud the other side hears itself, if what the loudspeaker plays gets into the microphone.
fn echo(processed: bool) -> f64 {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let (speech, path) = (dir.path().join("speech.wav"), dir.path().join("callee.wav"));
    write_speech(&speech, 60);
    let mut caller = devices(Some("echo"), Some("room"));
    caller.voice_processing = processed;
    let source = AudioSource::File { path: speech };
    let callee = setup(source, AudioSink::Record { path: path.clone() });
    let mut pair = call(&pulse, caller, callee);
    pair.run_for(12 * SECOND);
    let loudness = sound::loudness(sound::last(&sound::read(&path), 4.5));
    eprintln!("processed: {processed}; loudness {loudness}");
    loudness
}

#[test]
fn the_other_side_does_not_hear_itself() {
    let (with, without) = (echo(true), echo(false));
    assert!(without > 0.02, "{without}");
    assert!(with < without / 4.0, "{with} instead of {without}");
}

#[test]
fn who_speaks_while_the_other_side_does_is_heard_without_it() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let (speech, path) = (dir.path().join("speech.wav"), dir.path().join("callee.wav"));
    write_speech(&speech, 60);
    // In the room are both: the other side's tone, and who speaks.
    let _playing = pulse.play(&speech, "room");
    let mut pair = call(
        &pulse,
        devices(Some("echo"), Some("room")),
        tone(700, &path),
    );
    pair.run_for(12 * SECOND);
    let in_room = pulse.heard_from("room", 3 * SECOND);
    let samples = sound::read(&path);
    let returned = sound::last(&samples, 4.5);
    let (loudness, share) = (sound::loudness(returned), sound::share(returned, 700.0));
    let share_in_room = sound::share(&in_room, 700.0);
    eprintln!("loudness {loudness}; the tone's share {share}, in the room {share_in_room}");
    assert!(loudness > 0.005, "{loudness}");
    assert!(share < share_in_room / 4.0, "{share} of {share_in_room}");
}

#[test]
fn the_processing_goes_on_over_a_new_connection_and_with_other_devices() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let (speech, path) = (dir.path().join("speech.wav"), dir.path().join("callee.wav"));
    write_speech(&speech, 60);
    let _playing = pulse.play(&speech, "voice");
    let source = AudioSource::File { path: speech };
    let callee = setup(source, AudioSink::Record { path: path.clone() });
    let mut pair = call(&pulse, devices(Some("echo"), Some("room")), callee);
    pair.caller.ask_for_offer(true);
    pair.run_for(12 * SECOND);
    let loudness = |seconds| sound::loudness(sound::last(&sound::read(&path), seconds));
    let returned = loudness(4.5);
    use_devices(&mut pair, Some("talk"), Some("desk"));
    pair.run_for(6 * SECOND);
    let sent = loudness(3.0);
    eprintln!("loudness of the echo {returned}, of speech {sent}");
    assert!(returned < 0.02, "{returned}");
    assert!(sent > 0.02, "{sent}");
    assert!(sound::loudness(&pulse.heard_from("desk", 3 * SECOND)) > 0.02);
}

#[test]
fn a_call_begins_without_the_processing_where_it_is_not_installed() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let environment = without_plugin("libgstwebrtcdsp.so", dir.path());
    let media = pulse.media_with(environment);
    media.begun(devices(None, None)).offer(false);
}

#[test]
fn speech_passes_the_processing() {
    let pulse = Pulse::start();
    let dir = tempfile::tempdir().unwrap();
    let (speech, path) = (dir.path().join("speech.wav"), dir.path().join("callee.wav"));
    write_speech(&speech, 60);
    let _playing = pulse.play(&speech, "voice");
    let sink = AudioSink::Record { path: path.clone() };
    let callee = setup(AudioSource::Silence, sink);
    let mut pair = call(&pulse, devices(Some("talk"), Some("room")), callee);
    pair.run_for(6 * SECOND);
    let loudness = sound::loudness(sound::last(&sound::read(&path), 3.0));
    eprintln!("loudness {loudness}");
    assert!(loudness > 0.02, "{loudness}");
}
