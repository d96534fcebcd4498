use super::*;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

fn sdp(media: &str) -> Sdp {
    Sdp::parse(&format!("{HEAD}{media}")).unwrap()
}

fn candidate(text: &str, mid: Option<&str>, index: Option<u16>) -> Candidate {
    Candidate {
        candidate: text.to_owned(),
        sdp_mid: mid.map(str::to_owned),
        sdp_m_line_index: index,
    }
}

#[track_caller]
fn check(media: &str, sends_video: bool, holds: bool) {
    let sdp = sdp(media);
    assert_eq!((sdp.sends_video(), sdp.holds()), (sends_video, holds));
}

#[test]
fn voice_and_video_are_told_apart() {
    check("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", false, false);
    check("m=audio 9 x 111\r\nm=video 9 x 96\r\n", true, false);
    check(
        "m=audio 9 x 111\r\nm=video 9 x 96\r\na=recvonly\r\n",
        false,
        false,
    );
    check("m=audio 9 x 111\r\nm=video 0 x 96\r\n", false, false);
}

#[test]
fn port_zero_of_a_bundle_is_not_a_rejection() {
    check(
        "m=audio 9 x 111\r\nm=video 0 x 96\r\na=bundle-only\r\na=sendrecv\r\n",
        true,
        false,
    );
}

#[test]
fn hold_is_when_the_other_side_wants_to_hear_nothing() {
    check("m=audio 9 x 111\r\na=sendonly\r\n", false, true);
    check("m=audio 9 x 111\r\na=inactive\r\n", false, true);
    check("m=audio 9 x 111\r\na=recvonly\r\n", false, false);
    check(
        "a=sendonly\r\nm=audio 9 x 111\r\nm=video 9 x 96\r\n",
        true,
        true,
    );
    check(
        "m=audio 9 x 111\r\na=sendrecv\r\nm=video 9 x 96\r\na=inactive\r\n",
        false,
        false,
    );
    check("m=application 9 x y\r\na=sendonly\r\n", false, false);
}

#[test]
fn what_is_none_is_refused() {
    let many = format!("{HEAD}{}", "m=audio 9 x 111\r\n".repeat(17));
    let long = format!("{HEAD}m=audio 9 x 1\r\na={}\r\n", "x".repeat(70_000));
    let lines = format!("{HEAD}m=audio 9 x 1\r\n{}", "\n".repeat(5_000));
    for (text, error) in [
        ("", SdpError::NotOne),
        ("hello", SdpError::NotOne),
        (HEAD, SdpError::NotOne),
        (&many, SdpError::TooManySections),
        (&long, SdpError::TooLong),
        (&lines, SdpError::TooLong),
    ] {
        assert_eq!(Sdp::parse(text), Err(error));
    }
}

#[test]
fn candidates_go_to_the_end_of_their_section() {
    let sdp = sdp("m=audio 9 x 111\r\na=mid:audio0\r\nm=video 9 x 96\r\na=mid:video1\r\n");
    let (with, left) = sdp.with_candidates(
        vec![
            candidate(
                "candidate:1 1 UDP 1 10.0.0.1 9 typ host",
                Some("audio0"),
                None,
            ),
            candidate("a=candidate:2 1 UDP 1 10.0.0.1 9 typ host", None, Some(1)),
            candidate("candidate:3", Some("nowhere"), None),
        ],
        false,
    );
    let expected = format!(
        "{HEAD}m=audio 9 x 111\r\na=mid:audio0\r\na=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\n\
         m=video 9 x 96\r\na=mid:video1\r\na=candidate:2 1 UDP 1 10.0.0.1 9 typ host\r\n"
    );
    assert_eq!(with.as_str(), expected);
    assert_eq!(left.len(), 1);
}

#[test]
fn the_end_of_candidates_is_said_where_all_have_room() {
    let sdp = sdp("m=audio 9 x 111\r\n");
    let all = vec![candidate("candidate:1", None, Some(0))];
    let (with, _) = sdp.with_candidates(all, true);
    assert!(
        with.as_str()
            .ends_with("a=candidate:1\r\na=end-of-candidates\r\n")
    );
}

#[test]
fn candidates_without_room_come_back() {
    let sdp = sdp("m=audio 9 x 111\r\n");
    let long = format!("candidate:{}", "x".repeat(990));
    let all = vec![candidate(&long, None, Some(0)); 1_000];
    let (with, left) = sdp.with_candidates(all, true);
    assert!(with.as_str().len() <= MAX_SDP_WITH_CANDIDATES);
    assert!(left.len() > 900);
    assert!(!with.as_str().contains("end-of-candidates"));
}

#[test]
fn a_candidate_cannot_smuggle_a_line() {
    let sdp = sdp("m=audio 9 x 111\r\n");
    let (with, left) = sdp.with_candidates(
        vec![candidate("candidate:1\r\nm=evil", None, Some(0))],
        false,
    );
    assert!(!with.as_str().contains("evil"));
    assert_eq!(left.len(), 1);
}

#[test]
fn printing_one_shows_nothing_of_it() {
    assert!(!format!("{:?}", sdp("m=audio 9 x 111\r\n")).contains("audio"));
}
