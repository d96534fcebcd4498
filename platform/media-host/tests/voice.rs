//! Two processes that call each other on loopback: what one sends is measured in what the other records.

mod support;

use std::time::{Duration, Instant};

use hardline_media_protocol::{AudioSink, AudioSource, Event, Request, Shape, Statistics};
use support::{Media, Pair, setup, sound, tone};

const SECOND: Duration = Duration::from_secs(1);

/// Whether most of a recording is a tone. On a busy machine some of it may be missing; what is there has to be the tone.
#[track_caller]
fn assert_tone(samples: &[f64], hertz: f64) {
    let tenths: Vec<&[f64]> = samples.chunks_exact(sound::RATE / 10).collect();
    let (n_tenths, n_good) = (tenths.len(), sound::n_tenths_of_tone(samples, hertz));
    eprintln!("{n_good} of {n_tenths} tenths of a second are at {hertz} Hz");
    assert!(
        n_good > 0 && 2 * n_good >= n_tenths,
        "{n_good} of {n_tenths}"
    );
    let purest = tenths
        .into_iter()
        .max_by(|a, b| sound::share(a, hertz).total_cmp(&sound::share(b, hertz)));
    let found = sound::frequency(purest.unwrap());
    assert!((found - hertz).abs() <= 2.0, "{found} instead of {hertz}");
}

fn statistics(media: &mut Media) -> Statistics {
    media.ask(&Request::Statistics);
    match media.wait(|event| matches!(event, Event::Statistics(_))) {
        Event::Statistics(statistics) => statistics,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_side_hears_the_other_sides_tone() {
    let dir = tempfile::tempdir().unwrap();
    let (at_caller, at_callee) = (dir.path().join("caller.wav"), dir.path().join("callee.wav"));
    let mut pair = Pair::connected(tone(440, &at_caller), tone(700, &at_callee));
    pair.run_for(3 * SECOND);
    assert_tone(sound::last(&sound::read(&at_callee), 2.0), 440.0);
    assert_tone(sound::last(&sound::read(&at_caller), 2.0), 700.0);
    for media in [&mut pair.caller, &mut pair.callee] {
        let statistics = statistics(media);
        eprintln!("{statistics:?}");
        assert!(statistics.packets_sent > 100 && statistics.bytes_sent > 1_000);
        assert!(statistics.packets_received > 100 && statistics.bytes_received > 1_000);
        assert!(statistics.packets_lost < 5);
    }
}

#[test]
fn a_description_is_told_before_its_candidates_and_their_end_after_them() {
    let mut pair = Pair::connected(silent(), silent());
    pair.run_until(|pair| {
        let complete = |media: &Media| media.said.contains(&Event::GatheringComplete);
        complete(&pair.caller) && complete(&pair.callee)
    });
    for media in [&pair.caller, &pair.callee] {
        let at = |wanted: fn(&Event) -> bool| media.said.iter().position(wanted);
        let described = at(|event| matches!(event, Event::Offer { .. } | Event::Answer { .. }));
        let first = at(|event| matches!(event, Event::Candidate { .. }));
        let complete = at(|event| matches!(event, Event::GatheringComplete));
        let last = media
            .said
            .iter()
            .rposition(|event| matches!(event, Event::Candidate { .. }));
        assert!(described.is_some() && described < first, "{:?}", media.said);
        assert!(complete.is_some() && last < complete, "{:?}", media.said);
    }
}

#[test]
fn descriptions_name_the_stream_and_opus_with_what_it_can_do() {
    let mut media = Media::capturing(silent());
    let round = media.ask_for_offer(false);
    let offer = media.wait(|event| matches!(event, Event::Offer { .. }));
    let Event::Offer {
        round: told,
        sdp,
        streams,
    } = offer
    else {
        panic!("{offer:?}");
    };
    assert_eq!(told, round);
    assert_eq!(streams.len(), 1);
    assert!(sdp.0.contains(&streams[0].id));
    for part in ["OPUS/48000/2", "useinbandfec=1", "a=mid:", "a=sendrecv"] {
        assert!(sdp.0.contains(part), "{part} is not in {}", sdp.0);
    }
}

#[test]
fn muting_removes_the_tone_and_unmuting_brings_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("callee.wav");
    let mut pair = Pair::connected(tone(440, &dir.path().join("x.wav")), tone(700, &path));
    pair.run_for(2 * SECOND);
    assert_tone(sound::last(&sound::read(&path), 1.0), 440.0);
    pair.caller.mute(true);
    pair.run_for(3 * SECOND);
    let samples = sound::read(&path);
    let muted = sound::last(&samples, 1.0);
    assert!(sound::loudness(muted) < 0.005, "{}", sound::loudness(muted));
    pair.caller.mute(false);
    pair.run_for(3 * SECOND);
    assert_tone(sound::last(&sound::read(&path), 1.0), 440.0);
}

#[test]
fn on_hold_nothing_is_sent_nor_played() {
    let dir = tempfile::tempdir().unwrap();
    let (at_caller, at_callee) = (dir.path().join("caller.wav"), dir.path().join("callee.wav"));
    let mut pair = Pair::connected(tone(440, &at_caller), tone(700, &at_callee));
    pair.caller.ask(&Request::Apply {
        shape: Shape { held: true },
        muted: false,
    });
    pair.run_for(3 * SECOND);
    for path in [&at_caller, &at_callee] {
        let samples = sound::read(path);
        assert!(sound::loudness(sound::last(&samples, 1.0)) < 0.005);
    }
}

#[test]
fn a_new_connection_takes_the_place_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (at_caller, at_callee) = (dir.path().join("caller.wav"), dir.path().join("callee.wav"));
    let mut pair = Pair::connected(tone(440, &at_caller), tone(700, &at_callee));
    pair.run_for(SECOND);
    let n_heard = |media: &Media| media.said.iter().filter(|e| **e == Event::Heard).count();
    let started = Instant::now();
    pair.caller.ask_for_offer(true);
    pair.run_until(|pair| n_heard(&pair.caller) == 2 && n_heard(&pair.callee) == 2);
    eprintln!("sound again after {:?}", started.elapsed());
    let fresh = |event: &&Event| matches!(event, Event::Answer { fresh: true, .. });
    assert_eq!(pair.callee.said.iter().filter(fresh).count(), 2);
    for media in [&pair.caller, &pair.callee] {
        let fingerprints = fingerprints(media);
        assert_eq!(fingerprints.len(), 2);
        assert_ne!(fingerprints[0], fingerprints[1]);
    }
    pair.run_for(3 * SECOND);
    assert_tone(sound::last(&sound::read(&at_callee), 1.0), 440.0);
    assert_tone(sound::last(&sound::read(&at_caller), 1.0), 700.0);
}

/// One of each description.
fn fingerprints(media: &Media) -> Vec<&str> {
    let described = media.said.iter().filter_map(|event| match event {
        Event::Offer { sdp, .. } | Event::Answer { sdp, .. } => Some(&sdp.0),
        _ => None,
    });
    let fingerprint = |line: &&str| line.starts_with("a=fingerprint:");
    described
        .filter_map(|text| text.lines().find(fingerprint))
        .collect()
}

#[test]
fn a_file_is_played_to_the_other_side_and_silence_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (played, recorded) = (
        dir.path().join("played.wav"),
        dir.path().join("recorded.wav"),
    );
    sound::write_tone(&played, 520.0, 10.0);
    let file = AudioSource::File { path: played };
    let caller = setup(file, AudioSink::Discard);
    let mut pair = Pair::connected(caller, tone(700, &recorded));
    pair.run_for(11 * SECOND);
    let samples = sound::read(&recorded);
    assert!(sound::n_tenths_of_tone(&samples, 520.0) >= 10);
    assert!(sound::loudness(sound::last(&samples, 0.5)) < 0.005);
}

#[test]
fn levels_are_told_when_they_are_wanted() {
    let mut loud = setup(AudioSource::Tone { hertz: 440 }, AudioSink::Discard);
    loud.meter_interval = Some(100);
    let mut media = Media::capturing(loud);
    let event = media.wait(|event| matches!(event, Event::Meter(_)));
    let Event::Meter(hardline_media_protocol::Meter::Sent { level }) = event else {
        panic!("{event:?}");
    };
    // half the amplitude of a sine that fills the range
    assert!((-10.0..-8.0).contains(&level), "{level}");
}

fn silent() -> hardline_media_protocol::Setup {
    setup(AudioSource::Silence, AudioSink::Discard)
}
