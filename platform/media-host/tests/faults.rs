//! Bad input, missing things and sudden ends.

mod support;

use std::{fs, time::Duration};

use hardline_media_protocol::{
    AudioSink, AudioSource, Candidate, Event, Failure, Fault, Request, Round, Sdp, Shape,
};
use support::{Media, Pair, setup, without_plugin};

fn silent() -> hardline_media_protocol::Setup {
    setup(AudioSource::Silence, AudioSink::Discard)
}

fn answer(media: &mut Media, offer: &str) -> Fault {
    media.ask_for_answer(Sdp(offer.to_owned()));
    media.wait_for_fault()
}

#[test]
fn malformed_offers_are_told_and_the_process_lives() {
    let (_, good) = Media::capturing(silent()).offer(false);
    let mut media = Media::capturing(silent());
    let without = |part: &str| good.0.replace(part, "a=x:");
    for offer in [
        String::new(),
        "nonsense".to_owned(),
        "v=0\r\n".to_owned(),
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".to_owned(),
        good.0[..good.0.len() / 2].to_owned(),
        without("a=ice-ufrag:"),
        without("a=fingerprint:"),
        good.0.replace("OPUS", "NOISE"),
        good.0.replace("m=audio 9", "m=audio 0"),
    ] {
        let fault = answer(&mut media, &offer);
        assert_eq!(fault.failure(), Some(Failure::Description), "{fault:?}");
    }
    media.ask_for_answer(good);
    media.wait(|event| matches!(event, Event::Answer { .. }));
}

#[test]
fn lines_that_are_no_requests_are_refused_and_the_process_lives() {
    let mut media = Media::start();
    let long = "x".repeat(2_000_000);
    for line in ["", "nonsense", "{}", r#"{"do":"dance"}"#, "[1,2]", &long] {
        media.write(line);
        let fault = media.wait_for_fault();
        assert!(matches!(fault, Fault::Malformed { .. }), "{fault:?}");
    }
    media.ask(&Request::Close);
    media.wait(|event| matches!(event, Event::Closed));
}

#[test]
fn malformed_candidates_are_refused_one_by_one_and_the_call_goes_on() {
    let mut pair = Pair::connected(silent(), silent());
    let candidate = |text: &str, section| Candidate {
        candidate: text.to_owned(),
        sdp_mid: None,
        sdp_m_line_index: Some(section),
    };
    let good = "candidate:9 1 UDP 2015363327 127.0.0.1 9 typ host";
    let candidates = vec![
        candidate("nonsense", 0),
        candidate("candidate:1 1 UDP", 0),
        candidate(good, 7),
        candidate(good, 0),
    ];
    pair.caller.ask(&Request::Candidates { candidates });
    for _ in 0..3 {
        let fault = pair.caller.wait_for_fault();
        assert!(matches!(fault, Fault::Candidate { .. }), "{fault:?}");
    }
    pair.caller.ask(&Request::Statistics);
    pair.caller
        .wait(|event| matches!(event, Event::Statistics(_)));
}

#[test]
fn a_thousand_candidates_are_survived() {
    let mut pair = Pair::connected(silent(), silent());
    let candidates = (1..=1_000).map(|port: u16| Candidate {
        candidate: format!("candidate:{port} 1 UDP 1 127.0.0.1 {port} typ host"),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
    });
    let candidates = candidates.collect();
    pair.caller.ask(&Request::Candidates { candidates });
    pair.run_for(Duration::from_secs(2));
    pair.caller.ask(&Request::Statistics);
    pair.caller
        .wait(|event| matches!(event, Event::Statistics(_)));
}

#[test]
fn whoever_has_another_key_than_was_described_is_not_talked_to() {
    let mut caller = Media::capturing(silent());
    let mut callee = Media::capturing(silent());
    let (round, offer) = caller.offer(false);
    callee.ask_for_answer(offer);
    let Event::Answer { sdp, .. } = callee.wait(|event| matches!(event, Event::Answer { .. }))
    else {
        panic!("no answer");
    };
    let forged = "a=fingerprint:sha-256 00:00:00:00";
    let at = sdp.0.find("a=fingerprint:").unwrap();
    let answer = Sdp(sdp.0[..at].to_owned() + forged + &sdp.0[at + forged.len()..]);
    caller.ask(&Request::Accept { round, answer });
    let end = std::time::Instant::now() + support::LIMIT;
    while !caller
        .said
        .iter()
        .any(|event| matches!(event, Event::Failed { .. }))
    {
        assert!(std::time::Instant::now() < end, "{:?}", caller.said);
        let wait = Duration::from_millis(5);
        if let Some(Event::Candidate { candidate }) = caller.next(wait).unwrap() {
            let candidates = vec![candidate];
            callee.ask(&Request::Candidates { candidates });
        }
        if let Some(Event::Candidate { candidate }) = callee.next(wait).unwrap() {
            let candidates = vec![candidate];
            caller.ask(&Request::Candidates { candidates });
        }
    }
    let failed = caller
        .said
        .iter()
        .find(|event| matches!(event, Event::Failed { .. }));
    assert!(
        matches!(
            failed,
            Some(Event::Failed {
                fault: Fault::Fingerprint,
                ..
            })
        ),
        "{failed:?}"
    );
    assert!(!caller.said.contains(&Event::Connected) && !caller.said.contains(&Event::Heard));
    caller.offer(false);
}

#[test]
fn a_bad_answer_is_told_with_its_round() {
    let mut media = Media::capturing(silent());
    let (round, _) = media.offer(false);
    let answer = Sdp("v=0\r\n".to_owned());
    media.ask(&Request::Accept { round, answer });
    let failed = media.wait(|event| matches!(event, Event::Failed { .. }));
    assert!(matches!(failed, Event::Failed { round: told, .. } if told == Some(round)));
    media.offer(true);
}

#[test]
fn what_comes_too_early_is_refused() {
    let mut media = Media::start();
    let shape = Shape::default();
    let round = Round(1);
    media.ask(&Request::Offer {
        round,
        shape,
        fresh: false,
    });
    assert!(matches!(media.wait_for_fault(), Fault::NotNow { .. }));
    media.ask(&Request::Statistics);
    assert!(matches!(media.wait_for_fault(), Fault::NotNow { .. }));
    media.ask(&Request::Apply { shape, muted: true });
    assert!(matches!(media.wait_for_fault(), Fault::NotNow { .. }));
}

#[test]
fn a_discarded_offer_makes_room_for_theirs() {
    let (_, theirs) = Media::capturing(silent()).offer(false);
    let mut media = Media::capturing(silent());
    let (round, _) = media.offer(false);
    media.ask(&Request::Discard { round });
    media.ask_for_answer(theirs);
    media.wait(|event| matches!(event, Event::Answer { fresh: true, .. }));
}

#[test]
fn a_microphone_that_is_not_there_is_said() {
    let mut media = Media::start();
    let name = Some("no such microphone".to_owned());
    let setup = setup(AudioSource::Device { name }, AudioSink::Discard);
    media.ask(&Request::Start(Box::new(setup)));
    let fault = media.wait_for_fault();
    assert_eq!(fault, Fault::NoMicrophone);
    assert_eq!(fault.failure(), Some(Failure::Capture));
}

#[test]
fn a_call_goes_on_without_a_loudspeaker() {
    let name = Some("no such loudspeaker".to_owned());
    let mut media = Media::capturing(setup(AudioSource::Silence, AudioSink::Device { name }));
    assert_eq!(media.wait_for_fault(), Fault::NoSpeaker);
    media.offer(false);
}

#[test]
fn a_file_that_is_not_there_or_no_sound_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.wav");
    fs::write(&text, "this is no sound").unwrap();
    for path in [dir.path().join("absent.wav"), text] {
        let mut media = Media::start();
        let setup = setup(AudioSource::File { path }, AudioSink::Discard);
        media.ask(&Request::Start(Box::new(setup)));
        let fault = media.wait_for_fault();
        assert_eq!(fault.failure(), Some(Failure::Capture), "{fault:?}");
    }
}

#[test]
fn a_missing_element_is_named_with_its_package() {
    let dir = tempfile::tempdir().unwrap();
    let mut media = Media::start_with(&without_plugin("libgstnice.so", dir.path()));
    media.ask(&Request::Start(Box::new(silent())));
    let fault = media.wait_for_fault();
    let expected = Fault::MissingElement {
        element: "nicesrc".to_owned(),
        package: "gstreamer1.0-nice".to_owned(),
    };
    assert_eq!(fault, expected);
}

#[test]
fn a_killed_process_is_noticed_and_the_other_one_lives() {
    let mut pair = Pair::connected(silent(), silent());
    pair.caller.kill();
    while let Ok(event) = pair.caller.next(Duration::from_secs(2)) {
        assert!(event.is_some(), "its end is not noticed");
    }
    assert!(!pair.caller.end(Duration::from_secs(2)).success());
    pair.callee.ask(&Request::Statistics);
    pair.callee
        .wait(|event| matches!(event, Event::Statistics(_)));
}

#[test]
fn a_process_whose_parent_goes_goes_too() {
    let mut pair = Pair::connected(silent(), silent());
    pair.caller.hang_up_input();
    assert!(pair.caller.end(Duration::from_secs(5)).success());
}

#[test]
fn close_ends_the_process_in_good_order() {
    let mut pair = Pair::connected(silent(), silent());
    pair.caller.ask(&Request::Close);
    pair.caller.wait(|event| matches!(event, Event::Closed));
    assert!(pair.caller.end(Duration::from_secs(5)).success());
}
