//! The contents of call events.
//!
//! Spec: [events](https://spec.matrix.org/v1.16/client-server-api/#events-2);
//! [MSC2746](https://github.com/matrix-org/matrix-spec-proposals/pull/2746),
//! [MSC2747](https://github.com/matrix-org/matrix-spec-proposals/pull/2747) (transfer, unmerged),
//! [MSC3086](https://github.com/matrix-org/matrix-spec-proposals/pull/3086) (asserted identity, unmerged).
//!
//! Not ruma's types, for three reasons. Reading has to be lenient: a version that is the number 1 counts as version 1, and one
//! bad candidate must not cost the other ninety-nine. Writing has to be explicit: matrix-js-sdk keeps a stream muted until it
//! reads `"audio_muted": false`, which ruma leaves out. And half of the events of a transfer are not typed there.

mod body;
mod fields;
mod read;
mod write;

/// Where the number of a description within a call stands.
const ROUND: &str = "im.hardline.round";
/// Where the number of the offer stands that is answered.
const ANSWERS: &str = "im.hardline.answers";

pub use self::{
    body::{
        Body, Candidate, Capabilities, Description, DescriptionKind, HangupReason, Identity,
        Replacement, Replaces,
    },
    read::{WireError, is_call_event},
};
use super::{
    ids::{CallId, PartyId},
    party::{Party, Version},
};

/// A call event without its envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The call it is about.
    pub call_id: CallId,
    /// The device that sent it; not to be believed of version 0.
    pub party_id: Option<PartyId>,
    /// What its sender speaks.
    pub version: Version,
    /// What it says.
    pub body: Body,
}

impl Message {
    /// The party it comes from, `sender` being the sender of the event.
    #[must_use]
    pub fn party(&self, sender: &ruma::UserId) -> Party {
        let party_id = match self.version {
            Version::V0 => None,
            Version::V1 => self.party_id.clone(),
        };
        Party {
            user_id: sender.to_owned(),
            party_id,
        }
    }
}
