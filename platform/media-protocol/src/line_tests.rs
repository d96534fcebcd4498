use std::io::Cursor;

use super::*;
use crate::{
    AudioSink, AudioSource, Candidate, Event, IceServer, Key, Request, Round, Sdp, Setup, Shape,
    Sound, Tones,
};

fn offer(sdp: &str) -> Request {
    Request::Answer {
        round: Round(1),
        offer: Sdp(sdp.to_owned()),
        shape: Shape { held: false },
        discard: false,
    }
}

#[test]
fn what_is_written_is_read() {
    let requests = [
        Request::Start(Box::new(Setup {
            ice_servers: vec![IceServer {
                urls: vec!["turn:turn.example.org".to_owned()],
                username: Some("1:ada".to_owned()),
                credential: Some("c/d=".to_owned()),
            }],
            relay_only: true,
            local_addresses: vec!["127.0.0.1".parse().unwrap()],
            source: AudioSource::Tone { hertz: 440 },
            sink: AudioSink::Record {
                path: "a.wav".into(),
            },
            meter_interval: Some(100),
            voice_processing: false,
        })),
        offer("v=0\r\ns=-\r\n"),
        Request::Statistics,
        Request::Dial {
            tones: Tones("1,2#".to_owned()),
        },
        Request::Play {
            sound: Sound::Ringback,
            sink: AudioSink::Device { name: None },
        },
        Request::Silence,
        Request::Devices,
        Request::UseDevices {
            microphone: None,
            speaker: Some("alsa_output.usb".to_owned()),
        },
        Request::Close,
    ];
    let mut bytes = Vec::new();
    for request in &requests {
        write_message(&mut bytes, request).unwrap();
    }
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 9);
    let mut reader = Cursor::new(bytes);
    for request in requests {
        assert_eq!(read_message(&mut reader).unwrap(), Some(request));
    }
    assert_eq!(read_message::<Request>(&mut reader).unwrap(), None);
}

#[test]
fn a_request_is_written_as_the_document_says() {
    let text = serde_json::to_string(&Request::Offer {
        round: Round(3),
        shape: Shape { held: true },
        fresh: false,
    });
    let expected = r#"{"do":"offer","round":3,"shape":{"held":true},"fresh":false}"#;
    assert_eq!(text.unwrap(), expected);
}

#[test]
fn a_bad_line_costs_itself_alone() {
    let text = format!(
        "nonsense\n\n{{\"do\":\"dance\"}}\n{}\n\u{fffd}\n{{\"do\":\"close\"}}",
        "x".repeat(2 * MAX_LINE_BYTES as usize)
    );
    let mut reader = Cursor::new(text);
    for _ in 0..5 {
        let error = read_message::<Request>(&mut reader).unwrap_err();
        assert!(matches!(error, LineError::Malformed(_)), "{error}");
    }
    assert_eq!(read_message(&mut reader).unwrap(), Some(Request::Close));
}

#[test]
fn printing_shows_nothing_private() {
    let event = Event::Candidate {
        candidate: Candidate {
            candidate: "candidate:1 1 UDP 1 192.0.2.7 9 typ host".to_owned(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
        },
    };
    let server = IceServer {
        urls: vec!["turn:192.0.2.7".to_owned()],
        username: Some("192.0.2.7".to_owned()),
        credential: Some("192.0.2.7".to_owned()),
    };
    for printed in [
        format!("{event:?}"),
        format!("{server:?}"),
        format!("{:?}", offer("c=IN IP4 192.0.2.7")),
    ] {
        assert!(!printed.contains("192.0.2.7"), "{printed}");
    }
}

#[test]
fn an_error_does_not_quote_what_it_read() {
    let mut reader = Cursor::new("{\"do\":\"secret of 192.0.2.7\"}\n");
    let error = read_message::<Request>(&mut reader).unwrap_err();
    assert!(!error.to_string().contains("192.0.2.7"), "{error}");
}

#[test]
fn printing_shows_no_key() {
    let dial = Request::Dial {
        tones: Tones("4711".to_owned()),
    };
    let dialled = Event::Dialled { key: Key('7') };
    for printed in [format!("{dial:?}"), format!("{dialled:?}")] {
        assert!(!printed.contains('7'), "{printed}");
    }
}
