//! What call events say.

use std::fmt;

use ruma::{OwnedRoomId, OwnedUserId};

use crate::voip::{
    action::Round,
    ids::{CallId, PartyId, ReplacementId},
    sdp::Sdp,
    streams::Streams,
};

/// What a call event says, by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `m.call.invite`: somebody calls.
    Invite {
        /// What they offer.
        offer: Sdp,
        /// How long it is valid, in milliseconds.
        lifetime: u64,
        /// Whom they call; anybody in the room if it is absent.
        invitee: Option<OwnedUserId>,
        /// What they can do.
        capabilities: Option<Capabilities>,
        /// Their streams; absent if they know only one.
        streams: Option<Streams>,
    },
    /// `m.call.candidates`: where the sender can be reached. An empty one means that there are no more.
    Candidates(Vec<Candidate>),
    /// `m.call.answer`: a device takes the call.
    Answer {
        /// Its answer.
        answer: Sdp,
        /// What it can do.
        capabilities: Option<Capabilities>,
        /// Its streams; absent if it knows only one.
        streams: Option<Streams>,
    },
    /// `m.call.select_answer`: the caller has chosen one of those who answered or rejected.
    SelectAnswer {
        /// Which one.
        selected: PartyId,
    },
    /// `m.call.reject`: the called person does not want to be called, on any device.
    Reject {
        /// Some say why, against the specification.
        reason: Option<HangupReason>,
    },
    /// `m.call.hangup`: it is over.
    Hangup(HangupReason),
    /// `m.call.negotiate`: the call is to carry something else, or by another way.
    Negotiate {
        /// The offer, or the answer to one.
        description: Description,
        /// The number its sender gives to the description, a greater one than before: an addition of ours.
        round: Option<Round>,
        /// The number of the offer that is answered: an addition of ours.
        answers: Option<Round>,
        /// How long it is valid, in milliseconds.
        lifetime: u64,
        /// The streams from now on.
        streams: Option<Streams>,
    },
    /// `m.call.sdp_stream_metadata_changed`: somebody muted or unmuted.
    StreamsChanged(Streams),
    /// `m.call.replaces`: the other side wants us to talk to somebody else instead.
    Replaces(Replaces),
    /// `m.call.reject_replacement`: the other side does not want to be transferred.
    RejectReplacement(ReplacementId),
    /// `m.call.asserted_identity`: who the other side is behind a bridge; `None` takes it back.
    AssertedIdentity(Option<Identity>),
}

/// Where a party can be reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The attribute, empty for the end of candidates.
    pub candidate: String,
    /// The media section, by its name.
    pub sdp_mid: Option<String>,
    /// The media section, by its number.
    pub sdp_m_line_index: Option<u16>,
}

impl Candidate {
    /// The one that says that there are no more.
    #[must_use]
    pub fn end() -> Self {
        Self {
            candidate: String::new(),
            sdp_mid: None,
            sdp_m_line_index: None,
        }
    }

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

/// Whether a description asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionKind {
    /// It asks.
    Offer,
    /// It answers.
    Answer,
}

/// A description within a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Whether it asks or answers.
    pub kind: DescriptionKind,
    /// The text.
    pub sdp: Sdp,
}

/// What a client can do in a call ([MSC2747](https://github.com/matrix-org/matrix-spec-proposals/pull/2747)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It lets itself be transferred.
    pub transferee: bool,
    /// It understands the tones of a dial pad.
    pub dtmf: bool,
}

/// Why a call ended, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangupReason {
    /// No connection could be made.
    IceFailed,
    /// A connection was lost.
    IceTimeout,
    /// Nobody answered.
    InviteTimeout,
    /// Somebody wished so.
    UserHangup,
    /// No microphone, or none that may be used.
    UserMediaFailed,
    /// The called person is in another call.
    UserBusy,
    /// Anything else that went wrong.
    UnknownError,
    /// Another call takes its place: matrix-js-sdk says so in glare.
    Replaced,
}

impl HangupReason {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IceFailed => "ice_failed",
            Self::IceTimeout => "ice_timeout",
            Self::InviteTimeout => "invite_timeout",
            Self::UserHangup => "user_hangup",
            Self::UserMediaFailed => "user_media_failed",
            Self::UserBusy => "user_busy",
            Self::UnknownError => "unknown_error",
            Self::Replaced => "replaced",
        }
    }

    /// Reads one; what is not known is an error on the other side.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "ice_failed" => Self::IceFailed,
            "ice_timeout" => Self::IceTimeout,
            "invite_timeout" => Self::InviteTimeout,
            "user_hangup" => Self::UserHangup,
            "user_media_failed" | "no_user_media" => Self::UserMediaFailed,
            "user_busy" => Self::UserBusy,
            "replaced" => Self::Replaced,
            _ => Self::UnknownError,
        }
    }
}

/// Who somebody is said to be: by the other side, so to be shown as its claim.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// A Matrix id or a telephone number.
    pub id: Option<String>,
    /// A name.
    pub display_name: Option<String>,
    /// A picture (`mxc:`).
    pub avatar_url: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(identity)")
    }
}

/// Whether the one who is transferred calls or waits to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Place a call with this id.
    Create(CallId),
    /// Wait for a call with this id.
    Await(CallId),
}

impl Replacement {
    /// The id of the call that comes instead.
    #[must_use]
    pub fn call_id(&self) -> &CallId {
        match self {
            Self::Create(id) | Self::Await(id) => id,
        }
    }
}

/// A wish to be transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Names the transfer.
    pub replacement_id: ReplacementId,
    /// Whom to talk to.
    pub target_user: OwnedUserId,
    /// What they are called, by the other side; without an id.
    pub target: Identity,
    /// Where; a room of one's own choice if it is absent.
    pub target_room: Option<OwnedRoomId>,
    /// Who calls whom.
    pub replacement: Replacement,
}
