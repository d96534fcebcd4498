use super::*;

const GOOD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0 109\r\nc=IN IP4 0.0.0.0\r\na=mid:a0\r\na=sendrecv\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:109 opus/48000/2\r\n";

fn init() {
    gstreamer::init().unwrap();
}

#[test]
fn the_little_that_is_needed_is_read() {
    init();
    let checked = check(GOOD).unwrap();
    assert_eq!(checked.opus, 109);
    assert_eq!(checked.mids, ["a0"]);
    assert_eq!(checked.events, []);
    assert_eq!(checked.ufrag, "abcd");
    assert_eq!(checked.message.medias_len(), 1);
}

#[test]
fn the_first_way_to_take_keys_is_read_for_each_clock() {
    init();
    let more = "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/8000\r\n\
        a=rtpmap:109 telephone-event/48000\r\n";
    let good = GOOD.replace("SAVPF 0 109", "SAVPF 0 109 101 102");
    let events = check(&format!("{good}{more}")).unwrap().events;
    let expected = EventFormat {
        number: 101,
        rate: 8_000,
    };
    assert_eq!(events, [expected]);
    let unlisted = check(&format!("{GOOD}{more}")).unwrap().events;
    assert_eq!(unlisted, []);
    let doubled = "a=rtpmap:101 telephone-event/48000\r\n";
    let events = check(&format!("{good}{more}{doubled}")).unwrap().events;
    assert_eq!(events, [expected]);
}

#[test]
fn what_is_missing_is_said() {
    init();
    for (removed, expected) in [
        ("v=0\r\n", "it is none"),
        ("m=audio", "it has no sound"),
        ("a=ice-ufrag", "it has no credentials for its connection"),
        ("a=ice-pwd", "it has no credentials for its connection"),
        ("a=fingerprint", "it has no fingerprint of a key"),
        ("a=setup", "it does not say who begins"),
        ("a=rtpmap:109", "it has no Opus"),
    ] {
        let text = GOOD.replacen(removed, "x=", 1);
        assert_eq!(check(&text).unwrap_err(), expected, "{removed}");
    }
    let media = &GOOD[GOOD.find("m=").unwrap()..];
    let twice = format!("{GOOD}{media}");
    assert_eq!(
        check(&twice).unwrap_err(),
        "two of its sections have one name"
    );
    let bare = format!("{GOOD}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n");
    assert_eq!(
        check(&bare).unwrap_err(),
        "it has no credentials for its connection"
    );
    for line in [
        "a=ice-ufrag:abcd\r\n",
        "a=ice-pwd:0123456789012345678901\r\n",
    ] {
        let doubled = format!("{GOOD}{line}");
        assert_eq!(
            check(&doubled).unwrap_err(),
            "it says twice how it is connected"
        );
        let torn = GOOD
            .replace(line, "")
            .replace("t=0 0\r\n", &format!("t=0 0\r\n{line}"));
        assert_eq!(
            check(&torn).unwrap_err(),
            "it has no credentials for its connection"
        );
    }
    let rejected = GOOD.replace("m=audio 9", "m=audio 0");
    assert_eq!(check(&rejected).unwrap_err(), "it has no sound");
}

#[test]
fn bounds_hold() {
    init();
    let long = format!("{GOOD}a={}\r\n", "x".repeat(MAX_BYTES));
    assert_eq!(check(&long).unwrap_err(), "it is too long");
    let many = GOOD.to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(16);
    assert_eq!(check(&many).unwrap_err(), "it has too many sections");
    assert!(check(&GOOD.replace("109", "409")).is_err());
}

#[test]
fn every_beginning_of_a_description_is_survived() {
    init();
    for end in 0..GOOD.len() {
        let _ = check(&GOOD[..end]);
    }
}

#[test]
fn streams_are_found_where_either_way_names_them() {
    let ours = "v=0\r\na=ssrc:7 cname:x\r\na=ssrc:7 msid:stream track\r\n";
    assert_eq!(stream_id(ours).as_deref(), Some("stream"));
    assert_eq!(stream_id("a=msid:s2 t\r\n").as_deref(), Some("s2"));
    assert_eq!(stream_id(GOOD), None);
}
