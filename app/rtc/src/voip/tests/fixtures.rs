//! Descriptions and candidates to test with.

use crate::voip::{Sdp, wire::Candidate};

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// A description whose media flow in a direction.
pub(super) fn sdp(video: bool, direction: &str) -> Sdp {
    let mut text = format!("{HEAD}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na={direction}\r\n");
    if video {
        text += &format!("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na={direction}\r\n");
    }
    Sdp::parse(&text).unwrap()
}

/// The nth candidate.
pub(super) fn candidate(n: usize) -> Candidate {
    Candidate {
        candidate: format!("candidate:{n} 1 UDP 1 10.0.0.1 {n} typ host"),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
    }
}
