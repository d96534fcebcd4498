//! Descriptions and candidates, which printing does not show.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts the descriptions of a call; comes back with what was asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Round(pub u32);

/// A session description, as text that nobody has looked at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sdp(pub String);

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

/// A way to reach a party.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The attribute (`candidate:…`), empty for the end of candidates.
    pub candidate: String,
    /// The media section, by its name.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// The media section, by its number.
    #[serde(default)]
    pub sdp_m_line_index: Option<u16>,
}

impl Candidate {
    /// Whether it says that there are no more.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.candidate.is_empty()
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_end() {
            "(end)"
        } else {
            "(candidate)"
        })
    }
}
