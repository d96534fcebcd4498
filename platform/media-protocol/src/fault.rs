//! What can go wrong, by kind: texts are for logs, words for people are the interface's.

use serde::{Deserialize, Serialize};

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// A part of GStreamer is not installed.
    #[error("GStreamer's element `{element}` is missing; Debian has it in {package}")]
    MissingElement {
        /// The part.
        element: String,
        /// The Debian package that has it.
        package: String,
    },
    /// There is no microphone, or not the one that was asked for.
    #[error("there is no microphone")]
    NoMicrophone,
    /// There is no loudspeaker, or not the one that was asked for.
    #[error("there is no loudspeaker")]
    NoSpeaker,
    /// The microphone, or what stands for it, cannot be used.
    #[error("capturing: {what}")]
    Capture {
        /// What the system says.
        what: String,
    },
    /// The loudspeaker, or what stands for it, cannot be used.
    #[error("playing: {what}")]
    Playback {
        /// What the system says.
        what: String,
    },
    /// A description of the other side cannot be used.
    #[error("description: {what}")]
    Description {
        /// What is wrong with it.
        what: String,
    },
    /// A candidate of the other side cannot be used.
    #[error("candidate: {what}")]
    Candidate {
        /// What is wrong with it.
        what: String,
    },
    /// Whoever answered does not have the key that the other side described: it is somebody in between.
    #[error("the other side's key is not the one it described")]
    Fingerprint,
    /// No way to the other side was found, or none is left.
    #[error("there is no way to the other side")]
    Connection,
    /// A server for the connection cannot be used.
    #[error("the address of a STUN or TURN server makes no sense")]
    IceServer,
    /// The other side takes no keys (DTMF).
    #[error("the other side takes no keys")]
    NoTones,
    /// A line is no request, or asks for what there is not.
    #[error("not a request: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// Not as things are now.
    #[error("not now: {what}")]
    NotNow {
        /// What is missing.
        what: String,
    },
    /// GStreamer failed in another way.
    #[error("GStreamer: {what}")]
    Pipeline {
        /// What it says.
        what: String,
    },
}

/// What a fault means for a call, as signalling tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No microphone, or none that may be used.
    Capture,
    /// What the other side described cannot be done.
    Description,
    /// No way to the other side was found.
    Connection,
    /// The connection is with somebody else than who described it.
    Unauthentic,
    /// The process cannot do its work.
    Crashed,
}

impl Fault {
    /// What it means for the call; `None` if the call can go on as it is.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::NoMicrophone | Self::Capture { .. } => Some(Failure::Capture),
            Self::Description { .. } => Some(Failure::Description),
            Self::Fingerprint => Some(Failure::Unauthentic),
            Self::Connection => Some(Failure::Connection),
            Self::MissingElement { .. } | Self::Pipeline { .. } => Some(Failure::Crashed),
            Self::NoSpeaker
            | Self::Playback { .. }
            | Self::Candidate { .. }
            | Self::IceServer
            | Self::NoTones
            | Self::Malformed { .. }
            | Self::NotNow { .. } => None,
        }
    }
}
