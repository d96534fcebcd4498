//! Events as other clients write them: matrix-js-sdk (Element Web), Nheko, version 0, bridges.

use serde_json::{Value, json};

use super::{
    stimulus::{key, raw},
    transcript::Story,
};
use crate::voip::{Stage, wire::Message};

const SDP: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\na=msid-semantic: WMS stream\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:0123456789abcdef01234567\r\na=mid:0\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n";

/// Tells events of Bob and lines of ours in turn.
fn tell(story: &mut Story, steps: &[(u64, &str, Value)]) {
    for (at, event_type, content) in steps {
        if event_type.starts_with("m.") || event_type.starts_with("org.") {
            story.give(*at, event_type, raw("@bob", event_type, content));
        } else {
            story.tell(&format!("{at} {event_type}"));
        }
    }
}

#[track_caller]
fn check(steps: &[(u64, &str, Value)], transcript: &str) {
    let mut story = Story::new();
    tell(&mut story, steps);
    story.assert(transcript);
}

/// An event of matrix-js-sdk 43, as it stood in a room.
fn element(mut fields: Value) -> Value {
    fields["call_id"] = json!("1795784400123aBcDeFgHiJkLmNoP");
    fields["party_id"] = json!("KXNRMTQUPD");
    fields["version"] = json!("1");
    fields
}

const ELEMENT_CALL: &str = "1795784400123aBcDeFgHiJkLmNoP";

fn element_invite() -> Value {
    element(json!({
        "lifetime": 60_000,
        "offer": {"type": "offer", "sdp": SDP},
        "capabilities": {"m.call.transferee": true, "m.call.dtmf": false},
        "sdp_stream_metadata": {
            "5a3f": {"purpose": "m.usermedia", "audio_muted": false, "video_muted": true},
        },
    }))
}

#[test]
fn element_web_calls_and_hangs_up() {
    let none = Value::Null;
    let accept = format!("accept {ELEMENT_CALL}");
    let answer = format!("media {ELEMENT_CALL} answer");
    let complete = format!("media {ELEMENT_CALL} complete");
    let candidates = element(json!({"candidates": [
        {"candidate": "candidate:1 1 udp 2122260223 10.0.0.2 40000 typ host", "sdpMid": "0",
         "sdpMLineIndex": 0, "usernameFragment": "abcd"},
        {"candidate": ""},
    ]}));
    let mute = element(json!({"sdp_stream_metadata": {
        "5a3f": {"purpose": "m.usermedia", "audio_muted": true, "video_muted": true},
    }}));
    check(
        &[
            (0, "m.call.invite", element_invite()),
            (44, "m.call.candidates", candidates),
            (900, &accept, none.clone()),
            (950, &answer, none.clone()),
            (950, &complete, none),
            (
                1_200,
                "m.call.select_answer",
                element(json!({"selected_party_id": "id1"})),
            ),
            (2_000, "m.call.sdp_stream_metadata_changed", mute.clone()),
            (2_100, "org.matrix.call.sdp_stream_metadata_changed", mute),
            (
                9_000,
                "m.call.hangup",
                element(json!({"reason": "user_hangup"})),
            ),
        ],
        "
        0 m.call.invite
        > ring 1795784400123aBcDeFgHiJkLmNoP
        > 1795784400123aBcDeFgHiJkLmNoP is Ringing
        44 m.call.candidates
        900 accept 1795784400123aBcDeFgHiJkLmNoP
        > silence 1795784400123aBcDeFgHiJkLmNoP Accepted
        > media 1795784400123aBcDeFgHiJkLmNoP answer#1
        > media 1795784400123aBcDeFgHiJkLmNoP candidates 1+end
        > 1795784400123aBcDeFgHiJkLmNoP is Answering
        950 media 1795784400123aBcDeFgHiJkLmNoP answer
        950 media 1795784400123aBcDeFgHiJkLmNoP complete
        > send answer 1795784400123aBcDeFgHiJkLmNoP
        > send candidates 1795784400123aBcDeFgHiJkLmNoP 0+end
        > 1795784400123aBcDeFgHiJkLmNoP is Connecting
        1200 m.call.select_answer
        2000 m.call.sdp_stream_metadata_changed
        > media 1795784400123aBcDeFgHiJkLmNoP streams
        > 1795784400123aBcDeFgHiJkLmNoP is Connecting (they are muted)
        2100 org.matrix.call.sdp_stream_metadata_changed
        > media 1795784400123aBcDeFgHiJkLmNoP streams
        9000 m.call.hangup
        > media 1795784400123aBcDeFgHiJkLmNoP close
        > ended 1795784400123aBcDeFgHiJkLmNoP HungUp There
        ",
    );
}

#[test]
fn element_web_takes_our_call() {
    let call = "m.call.answer";
    let answer = json!({
        "call_id": "c1", "party_id": "KXNRMTQUPD", "version": "1",
        "answer": {"type": "answer", "sdp": SDP},
        "capabilities": {"m.call.transferee": true, "m.call.dtmf": false},
        "org.matrix.msc3077.sdp_stream_metadata": {
            "77ab": {"purpose": "m.usermedia", "audio_muted": false, "video_muted": true},
        },
    });
    let hold = json!({
        "call_id": "c1", "party_id": "KXNRMTQUPD", "version": "1", "lifetime": 60_000,
        "description": {"type": "offer", "sdp": SDP.replace("sendrecv", "sendonly")},
        "sdp_stream_metadata": {
            "77ab": {"purpose": "m.usermedia", "audio_muted": false, "video_muted": true},
        },
    });
    let none = Value::Null;
    check(
        &[
            (0, "place c1", none.clone()),
            (10, "media c1 offer", none.clone()),
            (10, "media c1 complete", none.clone()),
            (50, "sent", none.clone()),
            (3_000, call, answer),
            (3_100, "media c1 connected", none.clone()),
            (4_000, "m.call.negotiate", hold),
            (4_100, "media c1 answer recvonly", none),
        ],
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 offer
        10 media c1 complete
        > send invite c1
        > c1 is Inviting
        50 sent
        > send candidates c1 0+end
        > c1 is Calling
        3000 m.call.answer
        > media c1 accept#1
        > send select_answer c1 KXNRMTQUPD
        > c1 is Connecting
        3100 media c1 connected
        > c1 is Connected
        4000 m.call.negotiate
        > media c1 answer#2
        > c1 is Connected (they hold)
        4100 media c1 answer recvonly
        > send negotiate c1 answer
        ",
    );
}

#[test]
fn element_web_rejects_our_call() {
    let reject = json!({"call_id": "c1", "party_id": "KXNRMTQUPD", "version": "1"});
    let none = Value::Null;
    check(
        &[
            (0, "place c1", none.clone()),
            (10, "media c1 complete", none.clone()),
            (10, "media c1 offer", none),
            (3_000, "m.call.reject", reject),
        ],
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 complete
        10 media c1 offer
        > send invite c1
        > c1 is Inviting
        3000 m.call.reject
        > send select_answer c1 KXNRMTQUPD
        > media c1 close
        > ended c1 Rejected There
        ",
    );
}

/// What matrix-js-sdk reads is what we write: it keeps a stream muted until it reads `false`.
#[test]
fn our_invite_is_written_as_element_web_reads_it() {
    let mut story = Story::new();
    story.tell("0 place c1 to=@bob\n10 media c1 offer\n20 media c1 complete");
    let message = &story.sent()[0].message;
    assert_eq!(message.event_type(), "m.call.invite");
    let mut content = message.content();
    let sdp = content["offer"]["sdp"].take();
    assert!(sdp.as_str().unwrap().starts_with("v=0\r\n"));
    let expected = json!({
        "call_id": "c1",
        "party_id": "id1",
        "version": "1",
        "lifetime": 90_000,
        "invitee": "@bob:x",
        "offer": {"type": "offer", "sdp": null},
        "capabilities": {"m.call.transferee": true, "m.call.dtmf": true},
        "sdp_stream_metadata": {
            "ours": {"purpose": "m.usermedia", "audio_muted": false, "video_muted": true},
        },
    });
    assert_eq!(content, expected);
}

/// Nheko: version 1, all candidates in one event without an end, no streams; it hangs up on any `m.call.negotiate`.
#[test]
fn nheko_is_not_asked_to_negotiate() {
    let nheko = |mut fields: Value| {
        fields["call_id"] = json!("c1784921");
        fields["party_id"] = json!("nheko");
        fields["version"] = json!("1");
        fields
    };
    let invite = nheko(json!({
        "lifetime": 120_000,
        "offer": {"type": "offer", "sdp": SDP},
    }));
    let candidates = nheko(json!({"candidates": [
        {"candidate": "candidate:1 1 UDP 2015363327 10.0.0.3 50000 typ host", "sdpMid": "",
         "sdpMLineIndex": 0},
    ]}));
    let none = Value::Null;
    check(
        &[
            (0, "m.call.invite", invite),
            (1, "m.call.candidates", candidates),
            (500, "accept c1784921", none.clone()),
            (600, "media c1784921 answer", none.clone()),
            (600, "media c1784921 complete", none.clone()),
            (900, "media c1784921 connected", none.clone()),
            (2_000, "hold c1784921", none.clone()),
            (3_000, "resume c1784921", none.clone()),
            (4_000, "video c1784921 on", none.clone()),
            (5_000, "mute c1784921 audio", none),
            (
                9_000,
                "m.call.hangup",
                nheko(json!({"reason": "user_hangup"})),
            ),
        ],
        "
        0 m.call.invite
        > ring c1784921
        > c1784921 is Ringing
        1 m.call.candidates
        500 accept c1784921
        > silence c1784921 Accepted
        > media c1784921 answer#1
        > media c1784921 candidates 1
        > c1784921 is Answering
        600 media c1784921 answer
        600 media c1784921 complete
        > send answer c1784921
        > send candidates c1784921 0+end
        > c1784921 is Connecting
        900 media c1784921 connected
        > c1784921 is Connected
        2000 hold c1784921
        > media c1784921 apply held
        > c1784921 is Connected held
        3000 resume c1784921
        > media c1784921 apply
        > c1784921 is Connected
        4000 video c1784921 on
        > refuse c1784921 PeerCannot
        5000 mute c1784921 audio
        > media c1784921 apply no-audio
        > c1784921 is Connected
        9000 m.call.hangup
        > media c1784921 close
        > ended c1784921 HungUp There
        ",
    );
}

/// Nheko hangs up invites that are for somebody else; that is not for the caller to heed.
#[test]
fn nheko_of_somebody_else_does_not_end_our_call() {
    let hangup = json!({
        "call_id": "c1", "party_id": "nheko", "version": "1", "reason": "invite_timeout",
    });
    let none = Value::Null;
    check(
        &[
            (0, "place c1", none.clone()),
            (10, "media c1 complete", none.clone()),
            (10, "media c1 offer", none),
            (3_000, "m.call.hangup", hangup),
        ],
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 complete
        10 media c1 offer
        > send invite c1
        > c1 is Inviting
        3000 m.call.hangup
        ",
    );
}

#[test]
fn version_0_is_rejected_by_a_hangup() {
    let invite = json!({
        "call_id": "12345", "version": 0, "lifetime": 60_000,
        "offer": {"type": "offer", "sdp": SDP},
    });
    check(
        &[
            (0, "m.call.invite", invite),
            (900, "reject 12345 busy", Value::Null),
        ],
        "
        0 m.call.invite
        > ring 12345
        > 12345 is Ringing
        900 reject 12345 busy
        > silence 12345 Over
        > send hangup 12345 user_busy
        > ended 12345 Rejected Here
        ",
    );
}

#[test]
fn version_0_answers_and_hangs_up_without_party_or_reason() {
    let answer = json!({
        "call_id": "c1", "version": 0, "answer": {"type": "answer", "sdp": SDP},
    });
    let candidates = json!({
        "call_id": "c1", "version": 0,
        "candidates": [{"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}],
    });
    let none = Value::Null;
    check(
        &[
            (0, "place c1", none.clone()),
            (10, "media c1 complete", none.clone()),
            (10, "media c1 offer", none.clone()),
            (50, "sent", none.clone()),
            (2_900, "m.call.candidates", candidates),
            (3_000, "m.call.answer", answer),
            (3_500, "media c1 connected", none.clone()),
            (4_000, "hold c1", none.clone()),
            (5_000, "network", none),
            (
                6_000,
                "m.call.hangup",
                json!({"call_id": "c1", "version": 0}),
            ),
        ],
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 complete
        10 media c1 offer
        > send invite c1
        > c1 is Inviting
        50 sent
        > send candidates c1 0+end
        > c1 is Calling
        2900 m.call.candidates
        3000 m.call.answer
        > media c1 accept#1
        > media c1 candidates 1
        > c1 is Connecting
        3500 media c1 connected
        > c1 is Connected
        4000 hold c1
        > media c1 apply held
        > c1 is Connected held
        5000 network
        6000 m.call.hangup
        > media c1 close
        > ended c1 HungUp There
        ",
    );
}

#[test]
fn version_0_declines_by_a_hangup() {
    let none = Value::Null;
    check(
        &[
            (0, "place c1", none.clone()),
            (10, "media c1 complete", none.clone()),
            (10, "media c1 offer", none),
            (
                2_000,
                "m.call.hangup",
                json!({"call_id": "c1", "version": 0}),
            ),
        ],
        "
        0 place c1
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 complete
        10 media c1 offer
        > send invite c1
        > c1 is Inviting
        2000 m.call.hangup
        > media c1 close
        > ended c1 Rejected There
        ",
    );
}

/// A telephone bridge: the number is asserted while it rings, and a busy line is a hangup.
#[test]
fn a_bridge_calls_through_and_finds_the_line_busy() {
    let bridge = |mut fields: Value| {
        fields["call_id"] = json!("c1");
        fields["party_id"] = json!("sip:7f3a@gw");
        fields["version"] = json!("1");
        fields
    };
    let identity = bridge(json!({"asserted_identity": {
        "id": "tel:+15550100", "display_name": "Directory enquiries",
    }}));
    let none = Value::Null;
    check(
        &[
            (0, "place c1 to=@bob", none.clone()),
            (10, "media c1 complete", none.clone()),
            (10, "media c1 offer", none),
            (2_000, "org.matrix.call.asserted_identity", identity),
            (
                3_000,
                "m.call.hangup",
                bridge(json!({"reason": "user_busy"})),
            ),
        ],
        "
        0 place c1 to=@bob
        > media c1 offer#1 fresh
        > c1 is Preparing
        10 media c1 complete
        10 media c1 offer
        > send invite c1 to @bob:x
        > c1 is Inviting
        2000 org.matrix.call.asserted_identity
        > c1 is Inviting (identity)
        3000 m.call.hangup
        > media c1 close
        > ended c1 Busy There
        ",
    );
}

#[test]
fn what_we_write_we_read() {
    let mut story = Story::new();
    story.tell(super::transcript::WITH_BOB);
    story.tell(
        "2000 media c1 candidate
         2001 mute c1 audio
         2002 hold c1
         2003 media c1 offer
         2004 transfer c1 @carol
         2005 @bob/B replaces c1 @dave create=n
         2006 no c1
         2007 hangup c1
         3000 place c2 to=@bob video
         3001 media c2 offer video
         3300 sent
         3301 @bob/B answer c2
         4000 @bob/B invite c3
         4001 reject c3",
    );
    assert!(story.sent().len() >= 10);
    for outgoing in story.sent() {
        let message = &outgoing.message;
        let content = message.content();
        let read = Message::read(message.event_type(), &content);
        assert_eq!(read.as_ref(), Ok(message), "{content}");
        let raw = message.to_raw();
        assert_eq!(raw.json().get(), content.to_string());
    }
    assert_eq!(
        story.machine().call(&key("c2")).unwrap().stage,
        Stage::Connecting
    );
}
