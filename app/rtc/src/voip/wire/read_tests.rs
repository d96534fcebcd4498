use serde_json::json;

use super::*;

const SDP: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";

fn read(event_type: &str, content: Value) -> Result<Message, WireError> {
    Message::read(event_type, &content)
}

fn invite(fields: &Value) -> Result<Message, WireError> {
    let mut content = json!({
        "call_id": "c", "party_id": "p", "version": "1", "lifetime": 60_000,
        "offer": {"type": "offer", "sdp": SDP},
    });
    for (key, value) in fields.as_object().unwrap() {
        content[key] = value.clone();
    }
    read("m.call.invite", content)
}

#[track_caller]
fn check_version(version: Value, expected: Version) {
    let message = invite(&json!({"version": version})).unwrap();
    assert_eq!(message.version, expected);
}

#[test]
fn only_the_number_0_is_version_0() {
    check_version(json!(0), Version::V0);
    check_version(json!("0"), Version::V1);
    check_version(json!(1), Version::V1);
    check_version(json!("1"), Version::V1);
    check_version(json!("org.example.2"), Version::V1);
    check_version(json!(null), Version::V1);
}

#[test]
fn the_party_of_version_0_is_not_believed() {
    let message = invite(&json!({"version": 0})).unwrap();
    let bob = ruma::user_id!("@bob:x");
    assert_eq!(message.party(bob).party_id, None);
}

#[test]
fn what_is_missing_is_named() {
    for (fields, error) in [
        (json!({"call_id": null}), WireError::Field("call_id")),
        (json!({"call_id": ""}), WireError::Field("call_id")),
        (json!({"lifetime": "long"}), WireError::Field("lifetime")),
        (json!({"offer": "v=0"}), WireError::Field("offer")),
        (json!({"offer": {"type": "offer"}}), WireError::Field("sdp")),
        (
            json!({"offer": {"sdp": "hello"}}),
            WireError::Sdp(SdpError::NotOne),
        ),
        (json!({"invitee": 7}), WireError::Field("invitee")),
        (json!({"conf_id": "group"}), WireError::OtherType),
    ] {
        assert_eq!(invite(&fields), Err(error), "{fields}");
    }
    assert_eq!(
        read("m.call.invite", json!([])),
        Err(WireError::NotAnObject)
    );
    assert_eq!(read("m.room.message", json!({})), Err(WireError::OtherType));
}

#[test]
fn what_is_odd_is_not_fatal() {
    let message = invite(&json!({
        "lifetime": -5.5,
        "invitee": null,
        "capabilities": {"m.call.dtmf": "yes"},
        "sdp_stream_metadata": {
            "a": {"purpose": "m.usermedia", "audio_muted": true},
            "b": {"purpose": "org.example.smell"},
            "c": 7,
        },
    }));
    let Body::Invite {
        lifetime,
        capabilities,
        streams,
        ..
    } = message.unwrap().body
    else {
        panic!("not an invite");
    };
    assert_eq!(lifetime, 0);
    assert_eq!(capabilities, Some(Capabilities::default()));
    let streams = streams.unwrap();
    assert_eq!(streams.iter().count(), 1);
    assert!(streams.of(Purpose::UserMedia).unwrap().audio_muted);
}

#[test]
fn one_bad_candidate_does_not_cost_the_others() {
    let content = json!({"call_id": "c", "version": "1", "candidates": [
        7,
        {"sdpMid": "0"},
        {"candidate": "candidate:1"},
        {"candidate": "candidate:2\r\na=evil", "sdpMid": "0"},
        {"candidate": "x".repeat(2_000), "sdpMid": "0"},
        {"candidate": "candidate:3", "sdpMLineIndex": 99_999},
        {"candidate": "candidate:4", "sdpMLineIndex": 0, "sdpMid": null},
        {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0},
    ]});
    let message = read("m.call.candidates", content).unwrap();
    let Body::Candidates(candidates) = message.body else {
        panic!("not candidates");
    };
    assert_eq!(candidates.len(), 2);
    assert_eq!(candidates[0].candidate, "candidate:4");
    assert!(candidates[1].is_end());
}

#[test]
fn thousands_of_candidates_are_cut_but_their_end_is_heard() {
    let one = json!({"candidate": "candidate:1", "sdpMid": "0"});
    let mut list = vec![one; 5_000];
    list.push(json!({"candidate": ""}));
    let content = json!({"call_id": "c", "version": "1", "candidates": list});
    let Body::Candidates(candidates) = read("m.call.candidates", content).unwrap().body else {
        panic!("not candidates");
    };
    assert_eq!(candidates.len(), MAX_REMOTE_CANDIDATES + 1);
    assert!(candidates.last().unwrap().is_end());
}

#[test]
fn a_hangup_without_a_reason_is_a_persons() {
    let hangup = |reason: Value| {
        let content = json!({"call_id": "c", "version": 0, "reason": reason});
        read("m.call.hangup", content).unwrap().body
    };
    assert_eq!(hangup(Value::Null), Body::Hangup(HangupReason::UserHangup));
    assert_eq!(
        hangup(json!("user_busy")),
        Body::Hangup(HangupReason::UserBusy)
    );
    assert_eq!(
        hangup(json!("whatever")),
        Body::Hangup(HangupReason::UnknownError)
    );
}

#[test]
fn every_reason_is_read_as_it_is_written() {
    for reason in [
        HangupReason::IceFailed,
        HangupReason::IceTimeout,
        HangupReason::InviteTimeout,
        HangupReason::UserHangup,
        HangupReason::UserMediaFailed,
        HangupReason::UserBusy,
        HangupReason::UnknownError,
        HangupReason::Replaced,
    ] {
        assert_eq!(HangupReason::parse(reason.as_str()), reason);
    }
}

#[test]
fn a_transfer_needs_one_call_and_somebody() {
    let replaces = |fields: Value| {
        let mut content = json!({
            "call_id": "c", "party_id": "p", "version": "1", "replacement_id": "r",
            "target_user": {"id": "@carol:x", "display_name": "Carol"},
        });
        for (key, value) in fields.as_object().unwrap() {
            content[key] = value.clone();
        }
        read("m.call.replaces", content)
    };
    assert!(replaces(json!({"create_call": "n"})).is_ok());
    assert!(replaces(json!({"await_call": "n", "target_room": "!r:x"})).is_ok());
    let both = json!({"create_call": "n", "await_call": "m"});
    assert_eq!(replaces(both), Err(WireError::Field("create_call")));
    assert_eq!(replaces(json!({})), Err(WireError::Field("create_call")));
    let nobody = json!({"create_call": "n", "target_user": {"id": "carol"}});
    assert_eq!(replaces(nobody), Err(WireError::Field("id")));
    let nowhere = json!({"create_call": "n", "target_room": "room"});
    assert_eq!(replaces(nowhere), Err(WireError::Field("target_room")));
}

#[test]
fn an_identity_is_bounded_and_can_be_taken_back() {
    let identity = |value: Value| {
        let content = json!({"call_id": "c", "version": "1", "asserted_identity": value});
        read("m.call.asserted_identity", content).map(|message| message.body)
    };
    assert_eq!(identity(Value::Null), Ok(Body::AssertedIdentity(None)));
    let long = json!({"id": "tel:1", "display_name": "x".repeat(9_999)});
    let Ok(Body::AssertedIdentity(Some(read))) = identity(long) else {
        panic!("not an identity");
    };
    assert_eq!(
        (read.id.as_deref(), read.display_name),
        (Some("tel:1"), None)
    );
    assert!(identity(json!("me")).is_err());
}

#[test]
fn numbers_of_descriptions_are_optional_and_so_is_their_lifetime() {
    let negotiate = |fields: Value| {
        let mut content = json!({
            "call_id": "c", "party_id": "p", "version": "1",
            "description": {"type": "answer", "sdp": SDP},
        });
        for (key, value) in fields.as_object().unwrap() {
            content[key] = value.clone();
        }
        match read("m.call.negotiate", content).unwrap().body {
            Body::Negotiate {
                round,
                answers,
                lifetime,
                ..
            } => (round, answers, lifetime),
            _ => panic!("not a negotiation"),
        }
    };
    assert_eq!(negotiate(json!({})), (None, None, MAX_NEGOTIATE_LIFETIME));
    let numbered = json!({"im.hardline.round": 7, "im.hardline.answers": 3, "lifetime": 9});
    assert_eq!(negotiate(numbered), (Some(Round(7)), Some(Round(3)), 9));
    for odd in [
        json!(-1),
        json!("7"),
        json!(1.5),
        json!(u64::MAX),
        json!(null),
    ] {
        let fields = json!({"im.hardline.round": odd, "im.hardline.answers": odd});
        assert_eq!(negotiate(fields), (None, None, MAX_NEGOTIATE_LIFETIME));
    }
}

#[test]
fn nothing_secret_is_printed() {
    let message = invite(&json!({})).unwrap();
    let printed = format!("{message:?}");
    assert!(!printed.contains("m=audio"), "{printed}");
}
