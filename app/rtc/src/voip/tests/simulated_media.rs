//! A media process that follows descriptions and nothing else: two of them are connected when each has taken the other's
//! last word.

use crate::voip::{LocalStream, MediaEvent, MediaRequest, Purpose, Round, Sdp, wire::Candidate};

/// One end.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    /// What it described last: a name that stands in the text.
    local: Option<String>,
    /// An offer that is not yet answered.
    offered: Option<String>,
    /// What it took last.
    remote: Option<String>,
    n_made: u32,
    name: String,
    pub(super) connected: bool,
    pub(super) closed: bool,
}

fn sdp(name: &str, version: u32, shape: &crate::voip::Shape) -> Sdp {
    let direction = if shape.held { "sendonly" } else { "sendrecv" };
    let text = format!(
        "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns={name}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na={direction}\r\n"
    );
    Sdp::parse(&text).unwrap()
}

fn name_of(sdp: &Sdp) -> Option<String> {
    let line = sdp
        .as_str()
        .lines()
        .find_map(|line| line.strip_prefix("s="));
    line.map(str::to_owned)
}

fn candidate() -> MediaEvent {
    MediaEvent::Candidate(Candidate {
        candidate: "candidate:1 1 UDP 1 10.0.0.1 9 typ host".to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
    })
}

impl Endpoint {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Does what it is asked for; what it says about it.
    pub(super) fn ask(&mut self, request: &MediaRequest) -> Vec<MediaEvent> {
        match request {
            MediaRequest::Offer { round, shape, .. } => {
                let (name, sdp, streams) = self.describe(shape);
                self.offered = Some(name);
                let offer = made(true, *round, sdp, streams);
                vec![offer, candidate(), MediaEvent::GatheringComplete]
            }
            MediaRequest::Answer {
                round,
                offer,
                shape,
                ..
            } => {
                let (name, sdp, streams) = self.describe(shape);
                self.remote = name_of(offer);
                self.local = Some(name);
                self.offered = None;
                let answer = made(false, *round, sdp, streams);
                vec![answer, candidate(), MediaEvent::GatheringComplete]
            }
            MediaRequest::Accept { answer, .. } => {
                self.remote = name_of(answer);
                self.local = self.offered.take();
                Vec::new()
            }
            MediaRequest::Discard { .. } => {
                self.offered = None;
                Vec::new()
            }
            MediaRequest::Close => {
                self.closed = true;
                self.connected = false;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn describe(&mut self, shape: &crate::voip::Shape) -> (String, Sdp, Vec<LocalStream>) {
        self.n_made += 1;
        let name = format!("{}-{}", self.name, self.n_made);
        let stream = LocalStream {
            id: self.name.clone(),
            purpose: Purpose::UserMedia,
        };
        let sdp = sdp(&name, self.n_made, shape);
        (name, sdp, vec![stream])
    }

    /// Whether two ends have taken each other's last word.
    pub(super) fn fits(&self, other: &Self) -> bool {
        !self.closed
            && !other.closed
            && self.local.is_some()
            && other.local.is_some()
            && self.remote == other.local
            && other.remote == self.local
    }
}

fn made(offer: bool, round: Round, sdp: Sdp, streams: Vec<LocalStream>) -> MediaEvent {
    match offer {
        true => MediaEvent::Offer {
            round,
            sdp,
            streams,
        },
        false => MediaEvent::Answer {
            round,
            sdp,
            streams,
            fresh: true,
        },
    }
}
