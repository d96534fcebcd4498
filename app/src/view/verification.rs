//! Comparing emoji with another device or person (SAS, `m.sas.v1`).

use crate::ids::{OwnedDeviceId, OwnedUserId};
use crate::notice::Notice;

/// What the screen shows.
#[derive(Clone, Debug, PartialEq)]
pub struct VerificationState {
    /// The flow.
    pub flow_id: String,
    /// Whom we compare with.
    pub user_id: OwnedUserId,
    /// Their name.
    pub name: String,
    /// Our own other device, not another person.
    pub is_self: bool,
    /// The other device, once known.
    pub device_id: Option<OwnedDeviceId>,
    /// Where the flow stands.
    pub step: Step,
}

/// Where a verification stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// They asked; we have not answered.
    Asked,
    /// We asked; they have not answered.
    Waiting,
    /// Both agreed; the comparison is being prepared.
    Starting,
    /// Compare these seven.
    Compare(Vec<SasEmoji>),
    /// We said they match; the other side has not yet.
    Confirmed,
    /// Done.
    Done,
    /// Ended without success.
    Cancelled(CancelReason),
    /// Failed on our side.
    Failed(Notice),
}

/// One emoji to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SasEmoji {
    /// The symbol.
    pub symbol: String,
    /// Its English name from the specification, for translation.
    pub name: String,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// One of us said stop.
    Person,
    /// Nobody answered in time.
    Timeout,
    /// The emoji differ: somebody may be listening.
    Mismatch,
    /// Another of our devices answered.
    Elsewhere,
    /// The other program did something unexpected.
    Protocol,
}

/// What a person does there.
#[derive(Clone, Debug, PartialEq)]
pub enum VerificationAction {
    /// Ask our own other devices.
    RequestSelf,
    /// Ask a person.
    RequestUser(OwnedUserId),
    /// Ask one device.
    RequestDevice(OwnedUserId, OwnedDeviceId),
    /// Show this incoming flow.
    Open {
        /// Which.
        flow_id: String,
    },
    /// Accept what was asked.
    Accept,
    /// They match.
    Match,
    /// They differ.
    Mismatch,
    /// Stop.
    Cancel,
}
