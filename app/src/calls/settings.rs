//! What a person decides about calls once and for all.

use serde::{Deserialize, Serialize};

/// Key of [`CallSettings`] in the profile's settings.
pub(crate) const CALLS: &str = "calls";

/// Who may call, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallSettings {
    /// People ring who are with us in a larger room only. Where anybody can join, nobody ever does.
    pub strangers_ring: bool,
    /// Calls go through the homeserver's relays alone, so that the other side does not learn our addresses.
    pub relay_only: bool,
}
