//! Who is in a call: a party is a device, named by its user and the id it chose for the call.
//!
//! Spec: [party identifiers](https://spec.matrix.org/v1.16/client-server-api/#party-identifiers).

use ruma::OwnedUserId;

use super::{ids::PartyId, wire::Capabilities};

/// The version of the call events that somebody sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The number 0: no party ids, no renegotiation, a hangup instead of a reject.
    V0,
    /// Everything else.
    V1,
}

/// A device in a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    /// Its user.
    pub user_id: OwnedUserId,
    /// Its id; `None` for version 0 and for those who forgot it.
    pub party_id: Option<PartyId>,
}

/// The device that was chosen as the other side, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which device.
    pub party: Party,
    /// What it speaks.
    pub version: Version,
    /// What it said it can do, if it said anything.
    pub capabilities: Option<Capabilities>,
    /// Whether it describes its streams.
    pub describes_streams: bool,
}

impl Peer {
    /// Whether `m.call.negotiate` can do harm: version 0 does not know it, and of those who do not describe their streams some
    /// hang up on it (Nheko).
    #[must_use]
    pub fn renegotiates(&self) -> bool {
        self.version == Version::V1 && self.describes_streams
    }

    /// Whether to try `m.call.negotiate` where the call is lost without it.
    #[must_use]
    pub fn may_renegotiate(&self) -> bool {
        self.version == Version::V1
    }
}
