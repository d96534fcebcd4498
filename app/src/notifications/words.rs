//! The words of notifications. The desktop shows them while there is no window whose interface could put them.

pub(super) const INCOMING_CALL: &str = "Incoming call";
pub(super) const MISSED_CALL: &str = "Missed call";
pub(super) const ACCEPT: &str = "Accept";
pub(super) const DECLINE: &str = "Decline";
pub(super) const CALL_BACK: &str = "Call back";
