//! Calls as the rest of the program sees them: one list, plain types.

use std::{net::IpAddr, path::PathBuf};

pub use hardline_platform::media::protocol::Statistics;
use hardline_platform::media::{MediaError, protocol::Fault};
use hardline_rtc::voip::{self, CallView, Summary};
pub use hardline_rtc::voip::{CallId, CallKey, Direction, EndReason, Others, Refusal, Side, Stage};
use serde::{Deserialize, Serialize};

use crate::{ids::OwnedUserId, store::LoggedCall};

/// All calls that are not over, the oldest first.
pub type Calls = Vec<Call>;

/// A call that is not over.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which.
    pub key: CallKey,
    /// Who called.
    pub direction: Direction,
    /// How far it is.
    pub stage: Stage,
    /// The other side, as far as it is known.
    pub peer: Option<OwnedUserId>,
    /// Our microphone is muted.
    pub muted: bool,
    /// We have put the other side on hold.
    pub held: bool,
    /// The other side has muted its microphone.
    pub peer_muted: bool,
    /// The other side has put us on hold.
    pub peer_holds: bool,
    /// The other side was heard.
    pub heard: bool,
    /// Since when media flow, in milliseconds since 1970; `None` if they never did.
    pub connected_since: Option<u64>,
    /// What goes wrong without ending it, the newest last.
    pub faults: Vec<CallFault>,
    /// What was sent and received of late; `None` before it is connected.
    pub statistics: Option<Statistics>,
}

impl Call {
    /// A call as signalling shows it, with nothing known of its media.
    pub(super) fn new(view: &CallView) -> Self {
        let mut call = Self {
            key: view.call.clone(),
            direction: view.direction,
            stage: view.stage,
            peer: None,
            muted: false,
            held: false,
            peer_muted: false,
            peer_holds: false,
            heard: false,
            connected_since: None,
            faults: Vec::new(),
            statistics: None,
        };
        call.follow(view);
        call
    }

    /// Takes over what signalling shows.
    pub(super) fn follow(&mut self, view: &CallView) {
        self.stage = view.stage;
        self.peer.clone_from(&view.peer);
        self.muted = view.mute.audio;
        self.held = view.shape.held;
        self.peer_muted = view.remote.audio_muted;
        self.peer_holds = view.remote.holds;
        if let (Some(at), None) = (view.connected_at, self.connected_since) {
            self.connected_since =
                Some(super::clock::wall().saturating_sub(super::clock::now() - at));
        }
    }
}

/// What goes wrong in a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum CallFault {
    /// There is no microphone, or not the one that was asked for.
    #[error("no microphone was found")]
    NoMicrophone,
    /// The microphone, or what stands for it, cannot be used.
    #[error("the microphone, or the file in place of it, cannot be used")]
    CannotCapture,
    /// There is no loudspeaker, or not the one that was asked for.
    #[error("no loudspeaker was found, so nothing is heard here")]
    NoSpeaker,
    /// The loudspeaker, or the file in place of it, cannot be used.
    #[error("what the other side says cannot be played or recorded here")]
    CannotPlay,
    /// A part of GStreamer is not installed.
    #[error("a part of GStreamer is missing: {element}; Debian has it in {package}")]
    MissingPart {
        /// The part.
        element: String,
        /// The package.
        package: String,
    },
    /// `hardline-media` is not installed, or of another version.
    #[error("the program hardline-media is not installed, or is of another version")]
    NotInstalled,
    /// The process that carries the sound ended, or cannot do its work.
    #[error("the process that carries the sound failed")]
    MediaFailed,
    /// The connection was with somebody else than who described it, and was cut.
    #[error("the connection was not with the other side but with somebody in between, and was cut")]
    SomebodyInBetween,
    /// The other side takes no keys of the dial pad.
    #[error("the other side's program takes no keys")]
    NoTones,
    /// The address of a relay makes no sense.
    #[error("the homeserver names a relay that cannot be used")]
    BadRelay,
}

impl CallFault {
    /// What a fault of the media process is here; `None` if the person cannot do anything about it.
    pub(super) fn of(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::MissingElement { element, package } => Some(Self::MissingPart {
                element: element.clone(),
                package: package.clone(),
            }),
            Fault::NoMicrophone => Some(Self::NoMicrophone),
            Fault::Capture { .. } => Some(Self::CannotCapture),
            Fault::NoSpeaker => Some(Self::NoSpeaker),
            Fault::Playback { .. } => Some(Self::CannotPlay),
            Fault::IceServer => Some(Self::BadRelay),
            Fault::Pipeline { .. } => Some(Self::MediaFailed),
            Fault::Fingerprint => Some(Self::SomebodyInBetween),
            Fault::NoTones => Some(Self::NoTones),
            Fault::Description { .. }
            | Fault::Candidate { .. }
            | Fault::Connection
            | Fault::Malformed { .. }
            | Fault::NotNow { .. } => None,
        }
    }

    /// Whether other devices may mend it.
    pub(super) fn is_about_devices(&self) -> bool {
        matches!(
            self,
            Self::NoMicrophone | Self::CannotCapture | Self::NoSpeaker | Self::CannotPlay
        )
    }

    pub(super) fn of_process(error: &MediaError) -> Self {
        match error {
            MediaError::NotInstalled(_) | MediaError::OtherVersion(_) => Self::NotInstalled,
            MediaError::Io(_) | MediaError::Ended(_) | MediaError::Late => Self::MediaFailed,
        }
    }
}

/// How a call is captured, played and connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOptions {
    /// What is sent.
    #[serde(default)]
    pub source: Source,
    /// Write what is received into this WAV file instead of playing it; an absolute path.
    #[serde(default)]
    pub record: Option<PathBuf>,
    /// Be reached at these addresses alone; at those of all interfaces but loopback if empty.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Only through the homeserver's relays, so that the other side does not learn our addresses.
    #[serde(default)]
    pub relay_only: bool,
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The system's choice of a microphone.
    #[default]
    Microphone,
    /// A tone of this frequency, hertz.
    Tone(u32),
    /// A WAV file, and silence after it; an absolute path.
    File(PathBuf),
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedCall {
    /// Which.
    pub key: CallKey,
    /// Who called.
    pub direction: Direction,
    /// The other side, if anybody was there.
    pub peer: Option<OwnedUserId>,
    /// Why it ended.
    pub reason: EndReason,
    /// Who ended it.
    pub by: Side,
    /// What went wrong on our side, if that is why.
    pub fault: Option<CallFault>,
    /// Whether it was allowed to ring here.
    pub rang: bool,
    /// Whether the person here should be told that they missed it: it was allowed to ring.
    pub missed: bool,
    /// How long it was connected, in milliseconds; `None` if it never was.
    pub connected_for: Option<u64>,
    /// How long it was known, in milliseconds.
    pub known_for: u64,
}

impl EndedCall {
    pub(super) fn new(summary: &Summary, fault: Option<CallFault>) -> Self {
        let rang = summary.permission == voip::Permission::Ring;
        Self {
            key: summary.call.clone(),
            direction: summary.direction,
            peer: summary.peer.clone(),
            reason: summary.reason.clone(),
            by: summary.by,
            fault,
            rang,
            missed: rang && summary.is_missed(),
            connected_for: summary.connected_for,
            known_for: super::clock::now() - summary.since,
        }
    }

    /// Whether it belongs into the list of calls: the person here called, could hear it ring, or took it.
    pub(crate) fn is_of_interest(&self) -> bool {
        self.direction == Direction::Outgoing || self.rang || self.connected_for.is_some()
    }

    /// As it is kept.
    pub(super) fn logged(&self) -> LoggedCall {
        let began = super::clock::wall().saturating_sub(self.known_for);
        LoggedCall {
            room_id: self.key.room_id.to_string(),
            call_id: self.key.call_id.to_string(),
            incoming: self.direction == Direction::Incoming,
            peer: self.peer.as_ref().map(ToString::to_string),
            began: i64::try_from(began).unwrap_or(i64::MAX),
            why: self.reason_word().to_owned(),
            missed: self.missed,
            connected_for: self
                .connected_for
                .and_then(|millis| i64::try_from(millis).ok()),
        }
    }

    /// Why it ended, in a word a script can tell apart.
    pub fn reason_word(&self) -> &'static str {
        if let EndReason::Replaced(_) = self.reason {
            return "replaced";
        }
        let known = WORDS.iter().find(|(reason, _)| *reason == self.reason);
        known.map_or("failed", |(_, word)| word)
    }
}

/// Reasons by their words, but for [`EndReason::Replaced`], which names another call.
const WORDS: &[(EndReason, &str)] = &[
    (EndReason::HungUp, "hung_up"),
    (EndReason::Rejected, "rejected"),
    (EndReason::Busy, "busy"),
    (EndReason::Unanswered, "unanswered"),
    (EndReason::AnsweredElsewhere, "answered_elsewhere"),
    (EndReason::RejectedElsewhere, "rejected_elsewhere"),
    (EndReason::Transferred, "transferred"),
    (EndReason::Left, "left"),
    (EndReason::ConnectionFailed, "connection_failed"),
    (EndReason::ConnectionLost, "connection_lost"),
    (EndReason::NoMicrophone, "no_microphone"),
    (EndReason::Incompatible, "incompatible"),
    (EndReason::Unreachable, "unreachable"),
    (EndReason::Forbidden, "forbidden"),
    (EndReason::MediaCrashed, "media_crashed"),
    (EndReason::Failed, "failed"),
];

/// The reason of a word.
pub(crate) fn reason_of(word: &str) -> Option<EndReason> {
    let known = WORDS.iter().find(|(_, known)| *known == word);
    known.map(|(reason, _)| reason.clone())
}

/// Told once, to whoever listens.
#[derive(Clone, Debug, PartialEq)]
pub enum CallNews {
    /// A call is over; nothing follows about it.
    Ended(Box<EndedCall>),
    /// Something that was asked for is not done.
    Refused {
        /// In which call.
        call: CallKey,
        /// Why.
        why: Refusal,
    },
    /// The session ended, and its calls with it.
    SessionEnded,
}
