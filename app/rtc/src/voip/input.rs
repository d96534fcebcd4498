//! What comes into the machine.

use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::Value;

use super::{
    action::{Round, SendId},
    ids::{CallId, CallKey},
    sdp::Sdp,
    streams::{LocalStream, Mute},
    wire::{Candidate, Identity, Message, WireError},
};

/// What comes in.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed. May come at any time; too often does no harm.
    Tick,
    /// Events of rooms.
    Batch(Batch),
    /// Somebody here wants to call.
    Place(Place),
    /// Somebody here wants something of a call.
    Command {
        /// Of which.
        call: CallKey,
        /// What.
        command: Command,
    },
    /// The media process of a call says something.
    Media {
        /// Of which.
        call: CallKey,
        /// What. In order, and a description before its candidates.
        event: MediaEvent,
    },
    /// What became of an event that was to be sent.
    Delivery {
        /// Which.
        send: SendId,
        /// What became of it.
        delivery: Delivery,
    },
    /// This device reaches the network by another way now.
    NetworkChanged,
}

/// Events that came together. Nothing rings before all of them are seen: often the end of a call comes with its beginning.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In the order of the rooms' timelines, decrypted, our own included.
    pub happenings: Vec<Happening>,
    /// Whether this was a whole response of the homeserver. Events from the store, or of an earlier gap, are not: what they
    /// begin may have been ended by what is still to come.
    pub complete: bool,
}

/// Something in a room.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A call event.
    Event(Received),
    /// Somebody left a room, or was removed.
    Left {
        /// Which room.
        room_id: OwnedRoomId,
        /// Who.
        user_id: OwnedUserId,
        /// Whether nobody but us is left.
        alone: bool,
    },
}

/// A call event with its envelope.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// What it says.
    pub message: Message,
    /// How old it is now, in milliseconds: see [`crate::age`].
    pub age: u64,
    /// Whether its sender may ring here. Of interest for invites alone.
    pub permission: Permission,
}

impl Received {
    /// Reads an event. What cannot be read counts for nothing; the error says why.
    pub fn read(
        room_id: OwnedRoomId,
        sender: OwnedUserId,
        event_type: &str,
        content: &Value,
        age: u64,
        permission: Permission,
    ) -> Result<Self, WireError> {
        let message = Message::read(event_type, content)?;
        Ok(Self {
            room_id,
            sender,
            message,
            age,
            permission,
        })
    }
}

/// Whether somebody may ring: a matter of contacts, rooms and settings, decided outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// They may.
    Ring,
    /// They may not. The call is known and can be taken from the room.
    Silent(Silence),
}

/// Why a call does not ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Anybody can join the room and call from there.
    PublicRoom,
    /// Somebody we do not know.
    Stranger,
    /// The person here wants to be left alone.
    Quiet,
    /// They ring again and again.
    Burst,
    /// Too many calls at a time.
    TooMany,
    /// It came too late to be answered.
    TooLate,
}

/// A call to be placed.
#[derive(Clone, Debug)]
pub struct Place {
    /// The room that carries it.
    pub room_id: OwnedRoomId,
    /// Whom; anybody in the room if `None`.
    pub invitee: Option<OwnedUserId>,
    /// With a picture of ours.
    pub video: bool,
    /// What becomes of a call that is active.
    pub others: Others,
    /// The id a transfer asks for; a new one if `None`.
    pub call_id: Option<CallId>,
}

/// What becomes of the active call when another takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// It is put on hold; one that was not yet answered ends.
    Hold,
    /// It ends.
    End,
}

/// What somebody here wants of a call.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take it.
    Accept {
        /// With a picture of ours.
        video: bool,
        /// What becomes of a call that is active.
        others: Others,
    },
    /// Do not take it, on no device.
    Reject {
        /// Tell that it is because of another call.
        busy: bool,
    },
    /// Let it ring elsewhere, but not here.
    Ignore,
    /// End it, whatever it is at.
    HangUp,
    /// Put the other side on hold.
    Hold,
    /// Take it off hold; the active call is put on hold.
    Resume,
    /// Begin or end to send a picture.
    Video(bool),
    /// Begin or end to share a screen.
    Screen(bool),
    /// Mute or unmute.
    Mute(Mute),
    /// Press keys of the dial pad.
    Dial(String),
    /// Let the other side talk to somebody else instead.
    TransferTo {
        /// To whom.
        user_id: OwnedUserId,
        /// What they are called.
        target: Identity,
        /// Where; the other side finds a room if `None`.
        room_id: Option<OwnedRoomId>,
    },
    /// Connect the other side with the other side of another call of ours.
    Join(CallKey),
    /// The other side wants us to talk to somebody else: whether to do so.
    AnswerTransfer {
        /// Whether.
        accept: bool,
    },
}

/// What the media process says.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// The offer it was asked for is made, and set.
    Offer {
        /// Which.
        round: Round,
        /// The offer.
        sdp: Sdp,
        /// Its streams.
        streams: Vec<LocalStream>,
    },
    /// The answer it was asked for is made, and set.
    Answer {
        /// Which.
        round: Round,
        /// The answer.
        sdp: Sdp,
        /// Its streams.
        streams: Vec<LocalStream>,
        /// Whether a new connection had to be built for it, so that new candidates follow.
        fresh: bool,
    },
    /// A way to reach us.
    Candidate(Candidate),
    /// There are no more.
    GatheringComplete,
    /// Media flow, again or for the first time.
    Connected,
    /// They do not any more; it may be a moment.
    Disconnected,
    /// It cannot go on.
    Failed(MediaFailure),
}

/// Why the media process cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFailure {
    /// No microphone, or none that may be used.
    Capture,
    /// What the other side described cannot be done.
    Description,
    /// No way to the other side was found.
    Connection,
    /// The connection was with somebody else than who described it: nothing may go on over it.
    Unauthentic,
    /// The process is gone.
    Crashed,
}

/// What became of an event that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The homeserver has it.
    Sent,
    /// The homeserver, or the room's encryption, does not take it: trying again cannot help.
    Refused,
    /// It never got as far as the homeserver.
    Unsent,
    /// Nobody knows: the time was over before there was a response.
    Unknown,
}
