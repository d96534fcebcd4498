//! Keys between the media process and Chromium's own WebRTC.

mod support;

use std::time::Duration;

use hardline_media_protocol::{AudioSink, AudioSource, Event, Request, Sdp, Tones};
use support::{Chromium, Media, setup, sound};

/// Answers the offer with a tone, presses keys when it is connected, and tells what it received.
const PAGE: &str = r"<!doctype html><script>
const post = (path, body) => fetch(path, { method: 'POST', body });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
async function run() {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 600 });
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const connection = new RTCPeerConnection();
  const player = new Audio();
  connection.ontrack = (event) => {
    player.srcObject = event.streams[0];
    player.play();
  };
  const sender = connection.addTrack(out.stream.getTracks()[0], out.stream);
  await connection.setRemoteDescription({ type: 'offer', sdp: OFFER });
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete') await pause(20);
  await post('/answer', connection.localDescription.sdp);
  while (connection.connectionState !== 'connected') await pause(20);
  await pause(2000);
  sender.dtmf.insertDTMF('19#A', 100, 70);
  await pause(3000);
  const counts = { packets: 0, lost: 0, level: 0 };
  for (const report of (await connection.getStats()).values()) {
    if (report.type === 'inbound-rtp') {
      counts.packets = report.packetsReceived;
      counts.lost = report.packetsLost;
      counts.level = report.audioLevel;
    }
  }
  await post('/received', JSON.stringify(counts));
}
run().catch((error) => post('/failed', String(error)));
</script>";

#[test]
fn keys_of_chromium_are_told_and_ours_do_not_disturb_it_in_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recorded.wav");
    let sink = AudioSink::Record { path: path.clone() };
    let mut media = Media::capturing(setup(AudioSource::Tone { hertz: 440 }, sink));
    let (round, Sdp(mut offer)) = media.offer(false);
    media.wait(|event| matches!(event, Event::GatheringComplete));
    for event in &media.said {
        if let Event::Candidate { candidate } = event {
            offer += &format!("a={}\r\n", candidate.candidate);
        }
    }
    let page = PAGE.replace("OFFER", &serde_json::to_string(&offer).unwrap());
    let chromium = Chromium::open(page);
    let answer = chromium.posted("/answer");
    assert!(answer.contains("telephone-event/48000"), "{answer}");
    let answer = Sdp(answer);
    media.ask(&Request::Accept { round, answer });
    media.wait(|event| *event == Event::Heard);
    let tones = Tones("123".to_owned());
    media.ask(&Request::Dial { tones });
    let mut told = String::new();
    while told.len() < 4 {
        if let Event::Dialled { key } = media.wait(|e| matches!(e, Event::Dialled { .. })) {
            told.push(key.0);
        }
    }
    assert_eq!(told, "19#A");
    let received: serde_json::Value = serde_json::from_str(&chromium.posted("/received")).unwrap();
    eprintln!("the page received {received}");
    assert!(received["packets"].as_u64() > Some(150), "{received}");
    assert!(received["lost"].as_u64() < Some(10), "{received}");
    assert!(received["level"].as_f64() > Some(0.1), "{received}");
    while media.next(Duration::from_secs(1)).unwrap().is_some() {}
    let n_good = sound::n_tenths_of_tone(sound::last(&sound::read(&path), 2.0), 600.0);
    eprintln!("{n_good} of 20 tenths of a second are its tone");
    assert!(n_good >= 12, "{n_good}");
}
