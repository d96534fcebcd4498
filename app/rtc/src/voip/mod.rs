//! The one-to-one call (`m.call.*`, version 1, with version 0 on the other side).
//!
//! Spec: [Voice over IP](https://spec.matrix.org/v1.16/client-server-api/#voice-over-ip).
//!
//! [`CallMachine`] takes an [`Input`] and the time and says what is to be done as [`Action`]s: what the other side has to know
//! ([`Action::Send`]), what the media process has to do ([`Action::Media`]), what the person has to hear and see. It knows
//! nothing of GStreamer, nor of the SDK.

mod action;
mod call;
mod candidates;
mod cx;
mod glare;
mod ids;
mod input;
pub mod limits;
mod machine;
mod party;
mod sdp;
mod streams;
mod view;
pub mod wire;

#[cfg(test)]
mod tests;

pub use self::{
    action::{
        Action, EndReason, MediaRequest, Outgoing, Refusal, RingEnd, Round, SendId, Shape, Side,
        Summary, TransferOutcome,
    },
    ids::{CallId, CallKey, IdSource, PartyId, ReplacementId},
    input::{
        Batch, Command, Delivery, Happening, Input, MediaEvent, MediaFailure, Others, Permission,
        Place, Received, Silence,
    },
    machine::{CallMachine, Footprint},
    party::{Party, Peer, Version},
    sdp::{Sdp, SdpError},
    streams::{LocalStream, Mute, Purpose, Stream, Streams},
    view::{CallView, Direction, PeerAbilities, RemoteMedia, Stage},
};
