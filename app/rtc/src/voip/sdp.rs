//! The little of a session description that signalling has to know, within bounds.
//!
//! [RFC 8866](https://www.rfc-editor.org/rfc/rfc8866), [RFC 8829](https://www.rfc-editor.org/rfc/rfc8829). Whether a call
//! offers video and whether it is on hold is what the other side says; everything else is the media process's.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{
    limits::{
        MAX_ID_BYTES, MAX_MEDIA_SECTIONS, MAX_SDP_BYTES, MAX_SDP_LINES, MAX_SDP_WITH_CANDIDATES,
    },
    wire::Candidate,
};

/// Why a description is not passed on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SdpError {
    /// It is longer than any event can be.
    #[error("the description is too long")]
    TooLong,
    /// It does not begin as one, or has no media.
    #[error("this is not a session description")]
    NotOne,
    /// It has more media sections than anybody needs.
    #[error("the description has too many media sections")]
    TooManySections,
}

/// Which way media flow, as the side says whose description it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    video: bool,
    audio: bool,
    rejected: bool,
    mid: Option<String>,
    direction: Direction,
}

/// What orders the descriptions of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    session: String,
    version: u64,
}

impl Origin {
    /// Whether it is of a description before another of the same session.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.session == other.session && self.version < other.version
    }
}

/// A session description. Its text is not shown when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sdp {
    text: Arc<str>,
    sections: Arc<[Section]>,
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.text.len())
    }
}

impl Sdp {
    /// Takes a description as it is, if it is one.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_SDP_BYTES || text.lines().count() > MAX_SDP_LINES {
            return Err(SdpError::TooLong);
        }
        if !text.starts_with("v=0") || text.contains('\0') {
            return Err(SdpError::NotOne);
        }
        let sections = sections(text)?;
        if sections.is_empty() {
            return Err(SdpError::NotOne);
        }
        Ok(Self {
            text: text.into(),
            sections: sections.into(),
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which of the descriptions of its side it is.
    pub(super) fn origin(&self) -> Option<Origin> {
        let session = self.text.lines().take_while(|line| !line.starts_with("m="));
        let origin = { session }.find_map(|line| line.strip_prefix("o="))?;
        let mut words = origin.split(' ').skip(1);
        let (session, version) = (words.next()?, words.next()?.parse().ok()?);
        (session.len() <= MAX_ID_BYTES).then(|| Origin {
            session: session.to_owned(),
            version,
        })
    }

    /// Whether its side sends a picture, or would.
    #[must_use]
    pub fn sends_video(&self) -> bool {
        let sends = |d| matches!(d, Direction::SendRecv | Direction::SendOnly);
        self.active().any(|s| s.video && sends(s.direction))
    }

    /// Whether a picture can be sent in answer to it.
    #[must_use]
    pub fn has_video(&self) -> bool {
        self.active().any(|s| s.video)
    }

    /// Whether its side has put the other on hold: it wants to receive nothing.
    #[must_use]
    pub fn holds(&self) -> bool {
        let deaf = |d| matches!(d, Direction::SendOnly | Direction::Inactive);
        let mut sections = self.active().peekable();
        sections.peek().is_some() && sections.all(|s| deaf(s.direction))
    }

    fn active(&self) -> impl Iterator<Item = &Section> {
        let media = |s: &&Section| !s.rejected && (s.audio || s.video);
        self.sections.iter().filter(media)
    }

    /// Writes candidates into it, as many as there is room for; the rest comes back. `complete` says that there are no more
    /// besides these.
    #[must_use]
    pub fn with_candidates(
        &self,
        candidates: Vec<Candidate>,
        complete: bool,
    ) -> (Self, Vec<Candidate>) {
        let mut room = MAX_SDP_WITH_CANDIDATES.saturating_sub(self.text.len());
        let mut lines = vec![String::new(); self.sections.len()];
        let mut left = Vec::new();
        for candidate in candidates {
            let line = candidate.candidate.trim_start_matches("a=").trim();
            match self.section_of(&candidate) {
                Some(at) if line.len() + 4 <= room && is_candidate(line) => {
                    room -= line.len() + 4;
                    lines[at] += &format!("a={line}\r\n");
                }
                _ => left.push(candidate),
            }
        }
        if complete && left.is_empty() {
            for line in lines.iter_mut().filter(|line| !line.is_empty()) {
                *line += "a=end-of-candidates\r\n";
            }
        }
        let sdp = Self {
            text: self.with_lines(&lines).into(),
            sections: Arc::clone(&self.sections),
        };
        (sdp, left)
    }

    fn section_of(&self, candidate: &Candidate) -> Option<usize> {
        let mid = candidate.sdp_mid.as_ref().filter(|mid| !mid.is_empty());
        let by_mid = mid.and_then(|mid| {
            let has = |s: &Section| s.mid.as_ref() == Some(mid);
            self.sections.iter().position(has)
        });
        by_mid.or_else(|| {
            let at = usize::from(candidate.sdp_m_line_index?);
            (at < self.sections.len()).then_some(at)
        })
    }

    /// The text with lines added at the end of each media section.
    fn with_lines(&self, lines: &[String]) -> String {
        let mut text = String::with_capacity(self.text.len() + 256);
        let mut at: Option<usize> = None;
        for line in self.text.lines() {
            if line.starts_with("m=") {
                text += at.map_or("", |at| &lines[at]);
                at = Some(at.map_or(0, |at| at + 1));
            }
            text += line;
            text += "\r\n";
        }
        text += at.map_or("", |at| &lines[at]);
        text
    }
}

/// Whether a line is a candidate and nothing else.
fn is_candidate(line: &str) -> bool {
    line.starts_with("candidate:") && !line.contains(char::is_control)
}

fn sections(text: &str) -> Result<Vec<Section>, SdpError> {
    let mut sections: Vec<Section> = Vec::new();
    let mut default = Direction::SendRecv;
    for line in text.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            if sections.len() == MAX_MEDIA_SECTIONS {
                return Err(SdpError::TooManySections);
            }
            sections.push(section(media, default));
        } else if let Some(attribute) = line.strip_prefix("a=") {
            match sections.last_mut() {
                Some(section) => attribute_of(section, attribute),
                None => default = direction(attribute).unwrap_or(default),
            }
        }
    }
    Ok(sections)
}

fn section(media: &str, direction: Direction) -> Section {
    let mut words = media.split(' ');
    let kind = words.next().unwrap_or_default();
    Section {
        video: kind == "video",
        audio: kind == "audio",
        rejected: words.next() == Some("0"),
        mid: None,
        direction,
    }
}

fn attribute_of(section: &mut Section, attribute: &str) {
    if let Some(direction) = direction(attribute) {
        section.direction = direction;
    } else if let Some(mid) = attribute.strip_prefix("mid:") {
        section.mid = Some(mid.trim().to_owned());
    } else if attribute.trim() == "bundle-only" {
        // port 0 says here that it shares the port of another section
        section.rejected = false;
    }
}

fn direction(attribute: &str) -> Option<Direction> {
    match attribute.trim() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
