//! What comes out of the machine.

use ruma::{OwnedRoomId, OwnedUserId};

use super::{
    ids::{CallKey, ReplacementId},
    input::{Delivery, Permission, Silence},
    sdp::Sdp,
    streams::{Mute, Streams},
    view::{CallView, Direction},
    wire::{Candidate, HangupReason, Message, Replaces},
};
use crate::Moment;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send an event.
    Send(Outgoing),
    /// Ring.
    Ring {
        /// For which call.
        call: CallKey,
        /// Somebody talks in another call: a tone in the ear instead of a ring.
        waiting: bool,
    },
    /// Stop ringing.
    StopRinging {
        /// For which call.
        call: CallKey,
        /// Why.
        why: RingEnd,
    },
    /// Ask the media process of a call for something.
    Media {
        /// Of which.
        call: CallKey,
        /// For what.
        request: MediaRequest,
    },
    /// Come back with [`Tick`](super::Input::Tick) then; replaces what was said before.
    WakeAt(Option<Moment>),
    /// A call is not as it was.
    Changed(Box<CallView>),
    /// A call came in and does not ring: to be shown in the room.
    Suppressed {
        /// Which.
        call: CallKey,
        /// Whose.
        sender: OwnedUserId,
        /// Why.
        why: Silence,
        /// With a picture.
        video: bool,
    },
    /// The other side wants us to talk to somebody else: answer with
    /// [`AnswerTransfer`](super::Command::AnswerTransfer).
    TransferOffered {
        /// In which call.
        call: CallKey,
        /// To whom.
        offer: Replaces,
    },
    /// A transfer is over.
    TransferEnded {
        /// Of which call.
        call: CallKey,
        /// How.
        outcome: TransferOutcome,
    },
    /// Something that was asked for is not done.
    Refused {
        /// In which call.
        call: CallKey,
        /// Why.
        why: Refusal,
    },
    /// A call is over. Nothing follows about it.
    Ended(Box<Summary>),
}

/// Names an event that is to be sent; also fit for the transaction id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

/// An event to be sent: at once, directly and in this order for each call, never through a queue that outlives its deadline.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Names it.
    pub id: SendId,
    /// Where.
    pub room_id: OwnedRoomId,
    /// What.
    pub message: Message,
    /// After this it must not be sent any more, nor tried again.
    pub deadline: Moment,
}

/// Counts the descriptions of a call that the media process is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(pub u32);

/// What our side of a call carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The camera's picture.
    pub video: bool,
    /// A screen.
    pub screen: bool,
    /// We have put the other side on hold: nothing is captured, nothing is played.
    pub held: bool,
}

/// What the media process is asked for. How it does that is its own.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaRequest {
    /// Make an offer.
    Offer {
        /// Comes back with it.
        round: Round,
        /// What our side carries.
        shape: Shape,
        /// With a new connection, because the old one is broken.
        fresh: bool,
    },
    /// Make an answer to an offer.
    Answer {
        /// Comes back with it.
        round: Round,
        /// What the other side offers.
        offer: Sdp,
        /// Its streams. `None`: use its first stream alone, and send one.
        streams: Option<Streams>,
        /// What our side carries.
        shape: Shape,
        /// An offer of ours is void.
        discard: bool,
        /// The media process of another call belongs to this one from now on, with what it captures.
        adopt: Option<CallKey>,
    },
    /// Take the answer to our offer.
    Accept {
        /// To which.
        round: Round,
        /// The answer.
        answer: Sdp,
        /// Its streams. `None`: use its first stream alone.
        streams: Option<Streams>,
    },
    /// Our offer was not answered: go back to what was.
    Discard {
        /// Which.
        round: Round,
    },
    /// Ways to reach the other side. An empty one means that there are no more.
    Candidates(Vec<Candidate>),
    /// The other side muted or unmuted.
    Streams(Streams),
    /// Carry this now, as far as what is agreed allows.
    Apply {
        /// What our side carries.
        shape: Shape,
        /// What of it is muted.
        mute: Mute,
    },
    /// Send tones of the dial pad.
    Dial(String),
    /// Stop capturing and playing, and go.
    Close,
}

/// Why it does not ring any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingEnd {
    /// It was taken here.
    Accepted,
    /// It was ignored here.
    Ignored,
    /// The call is over; why follows with [`Action::Ended`].
    Over,
}

/// Which side did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This one, or another device of ours.
    Here,
    /// The other one.
    There,
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Somebody hung up.
    HungUp,
    /// It was rejected.
    Rejected,
    /// The called person is in another call.
    Busy,
    /// Nobody answered in time, or the caller gave up before.
    Unanswered,
    /// Another device of ours took it.
    AnsweredElsewhere,
    /// Another device of ours rejected it.
    RejectedElsewhere,
    /// Another call took its place: glare.
    Replaced(CallKey),
    /// The call goes on between others, or with somebody else.
    Transferred,
    /// Somebody left the room.
    Left,
    /// No connection could be made.
    ConnectionFailed,
    /// The connection was lost.
    ConnectionLost,
    /// No microphone, or none that may be used.
    NoMicrophone,
    /// The descriptions do not fit together.
    Incompatible,
    /// The homeserver could not be reached.
    Unreachable,
    /// The homeserver does not take what the call has to say: we may not write in the room, say.
    Forbidden,
    /// The media process is gone.
    MediaCrashed,
    /// The other side says that something went wrong.
    Failed,
}

impl EndReason {
    /// What it means that our invite, or our answer, was not delivered.
    pub(super) fn of_delivery(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Refused => Self::Forbidden,
            Delivery::Sent | Delivery::Unsent | Delivery::Unknown => Self::Unreachable,
        }
    }

    /// What a hangup of the other side means.
    pub(super) fn of(reason: HangupReason) -> Self {
        match reason {
            HangupReason::IceFailed => Self::ConnectionFailed,
            HangupReason::IceTimeout => Self::ConnectionLost,
            HangupReason::InviteTimeout => Self::Unanswered,
            HangupReason::UserHangup | HangupReason::Replaced => Self::HungUp,
            HangupReason::UserMediaFailed => Self::NoMicrophone,
            HangupReason::UserBusy => Self::Busy,
            HangupReason::UnknownError => Self::Failed,
        }
    }
}

/// A call that is over, for the call log.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Which.
    pub call: CallKey,
    /// Who called.
    pub direction: Direction,
    /// The other side, if anybody was there.
    pub peer: Option<OwnedUserId>,
    /// Why it ended.
    pub reason: EndReason,
    /// Who ended it.
    pub by: Side,
    /// With a picture.
    pub video: bool,
    /// Whether it was allowed to ring here.
    pub permission: Permission,
    /// When it began to be known.
    pub since: Moment,
    /// How long it was connected, in milliseconds; `None` if it never was.
    pub connected_for: Option<u64>,
}

impl Summary {
    /// Whether the person here should be told that they missed it.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.direction == Direction::Incoming
            && self.by == Side::There
            && self.connected_for.is_none()
            && matches!(self.reason, EndReason::Unanswered | EndReason::Left)
    }
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The new call is connected.
    Done(ReplacementId),
    /// The other side does not want to be transferred.
    Refused(ReplacementId),
    /// It took too long, or the new call failed.
    Failed(ReplacementId),
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such call, or no longer.
    NoSuchCall,
    /// Not as the call is now.
    NotNow,
    /// The other side's program cannot do that.
    PeerCannot,
    /// The other side did not answer.
    NotAnswered,
    /// Too many calls at a time.
    TooMany,
}
