//! Keys (DTMF) that one process sends are what the other one tells, over a real connection.

mod support;

use std::time::{Duration, Instant};

use hardline_media_protocol::{AudioSink, AudioSource, Event, Fault, Request, Setup, Shape, Tones};
use support::{LIMIT, Media, Pair, setup, sound, tone};

fn silent() -> Setup {
    setup(AudioSource::Silence, AudioSink::Discard)
}

fn dial(media: &mut Media, tones: &str) {
    let tones = Tones(tones.to_owned());
    media.ask(&Request::Dial { tones });
}

/// Waits for so many keys of the callee: which, and when each came.
#[track_caller]
fn keys(pair: &mut Pair, n_keys: usize) -> (String, Vec<Instant>) {
    let (end, mut told, mut times) = (Instant::now() + LIMIT, String::new(), Vec::new());
    while told.len() < n_keys {
        assert!(Instant::now() < end, "{told}; {:?}", pair.callee.said);
        if let Ok(Some(Event::Dialled { key })) = pair.callee.next(Duration::from_millis(100)) {
            told.push(key.0);
            times.push(Instant::now());
        }
    }
    (told, times)
}

#[track_caller]
fn assert_no_more(pair: &mut Pair) {
    while let Some(event) = pair.callee.next(Duration::from_secs(1)).unwrap() {
        assert!(!matches!(event, Event::Dialled { .. }), "one key too many");
    }
}

#[test]
fn every_key_arrives_once_and_in_order() {
    let mut pair = Pair::connected(silent(), silent());
    dial(&mut pair.caller, "0123456789");
    dial(&mut pair.caller, "*#ABCD");
    dial(&mut pair.caller, "11");
    let (told, times) = keys(&mut pair, 18);
    assert_eq!(told, "0123456789*#ABCD11");
    let all = times[17] - times[0];
    eprintln!("18 keys in {all:?}");
    // 17 beginnings after the first, 180 milliseconds from one to the next; a busy machine may hold back the first or the last
    assert!((2.0..4.5).contains(&all.as_secs_f64()), "{all:?}");
    assert_no_more(&mut pair);
}

#[test]
fn a_comma_is_a_pause_of_two_seconds() {
    let mut pair = Pair::connected(silent(), silent());
    // until it is known how evenly packets arrive
    pair.run_for(Duration::from_secs(3));
    dial(&mut pair.caller, "1,2");
    let (told, times) = keys(&mut pair, 2);
    assert_eq!(told, "12");
    let pause = times[1] - times[0];
    eprintln!("{pause:?}");
    assert!((1.5..3.5).contains(&pause.as_secs_f64()), "{pause:?}");
}

#[test]
fn keys_are_sent_while_muted_and_on_hold() {
    let mut pair = Pair::connected(silent(), silent());
    pair.caller.mute(true);
    dial(&mut pair.caller, "5");
    assert_eq!(keys(&mut pair, 1).0, "5");
    let shape = Shape { held: true };
    pair.caller.ask(&Request::Apply {
        shape,
        muted: false,
    });
    dial(&mut pair.caller, "6");
    assert_eq!(keys(&mut pair, 1).0, "6");
}

#[test]
fn the_called_side_sends_keys_and_a_new_connection_takes_them_too() {
    let mut pair = Pair::connected(silent(), silent());
    std::mem::swap(&mut pair.caller, &mut pair.callee);
    dial(&mut pair.caller, "7");
    assert_eq!(keys(&mut pair, 1).0, "7");
    let n_heard = |media: &Media| media.said.iter().filter(|e| **e == Event::Heard).count();
    pair.caller.ask_for_offer(true);
    pair.run_until(|pair| n_heard(&pair.caller) == 2 && n_heard(&pair.callee) == 2);
    dial(&mut pair.caller, "8");
    assert_eq!(keys(&mut pair, 1).0, "8");
}

#[test]
fn sound_goes_on_after_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("callee.wav");
    let mut pair = Pair::connected(tone(440, &dir.path().join("x.wav")), tone(700, &path));
    dial(&mut pair.caller, "123");
    assert_eq!(keys(&mut pair, 3).0, "123");
    pair.run_for(Duration::from_secs(3));
    let samples = sound::read(&path);
    let n_good = sound::n_tenths_of_tone(sound::last(&samples, 2.0), 440.0);
    eprintln!("{n_good} of 20 tenths of a second are the tone");
    assert!(n_good >= 15, "{n_good}");
    let n_heard = pair.callee.said.iter().filter(|e| **e == Event::Heard);
    assert_eq!(n_heard.count(), 1);
}

/// A description without the formats of which a line says this.
fn without(sdp: &str, what: &str) -> String {
    let removed = sdp.lines().filter(|line| line.contains(what));
    let numbers: Vec<String> = removed
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '))
        .map(|(number, _)| number.to_owned())
        .collect();
    let mut text = String::new();
    for line in sdp.lines() {
        let of_removed = |n: &String| {
            line.starts_with(&format!("a=rtpmap:{n} ")) || line.starts_with(&format!("a=fmtp:{n} "))
        };
        if numbers.iter().any(of_removed) {
            continue;
        }
        let mut line = line.to_owned();
        if line.starts_with("m=audio ") {
            for number in &numbers {
                line = line.replace(&format!(" {number}"), "");
            }
        }
        text += &line;
        text += "\r\n";
    }
    text
}

#[test]
fn the_slower_clock_will_do() {
    let edit = |sdp: &str| without(sdp, "telephone-event/48000");
    let mut pair = Pair::connected_through(silent(), silent(), edit);
    dial(&mut pair.caller, "98#");
    assert_eq!(keys(&mut pair, 3).0, "98#");
    assert_no_more(&mut pair);
}

#[test]
fn descriptions_offer_both_clocks() {
    let (_, offer) = Media::capturing(silent()).offer(false);
    for line in [
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
        "a=rtpmap:126 telephone-event/8000",
    ] {
        assert!(offer.0.lines().any(|found| found == line), "{}", offer.0);
    }
}

#[test]
fn without_an_agreement_keys_are_refused() {
    let edit = |sdp: &str| without(sdp, "telephone-event/");
    let mut pair = Pair::connected_through(silent(), silent(), edit);
    for media in [&mut pair.caller, &mut pair.callee] {
        dial(media, "1");
        assert_eq!(media.wait_for_fault(), Fault::NoTones);
    }
    let answer = pair.callee.said.iter().find_map(|event| match event {
        Event::Answer { sdp, .. } => Some(&sdp.0),
        _ => None,
    });
    assert!(!answer.unwrap().contains("telephone-event"));
}

#[test]
fn what_are_no_keys_or_too_early_is_refused() {
    let mut media = Media::capturing(silent());
    dial(&mut media, "1");
    assert!(matches!(media.wait_for_fault(), Fault::NotNow { .. }));
    media.offer(false);
    dial(&mut media, "1");
    assert!(matches!(media.wait_for_fault(), Fault::NotNow { .. }));
    for tones in ["x", &"1".repeat(65)] {
        dial(&mut media, tones);
        assert!(matches!(media.wait_for_fault(), Fault::Malformed { .. }));
    }
}
