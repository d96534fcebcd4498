//! What the rest of the program wants of calls.

use hardline_rtc::voip::{CallKey, Command, Others};
use tokio::sync::oneshot;

use super::{
    devices::ChosenDevices,
    state::{CallOptions, Refusal},
};
use crate::ids::OwnedUserId;

/// What the rest of the program wants.
#[derive(Debug)]
pub(super) enum Order {
    /// Call somebody.
    Place {
        call: CallKey,
        /// Anybody in the room if `None`.
        invitee: Option<OwnedUserId>,
        options: CallOptions,
    },
    /// Take a call, and tell whether it is taken. It is ended again if nobody hears that.
    Answer {
        call: CallKey,
        options: CallOptions,
        taken: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Take a call for the person in front of the device, however it goes on.
    Take { call: CallKey, others: Others },
    /// Take other microphones and loudspeakers.
    ChooseDevices(ChosenDevices),
    /// Something else with a call.
    Command { call: CallKey, command: Command },
    /// End all calls, and tell when what the other sides are to know is on its way.
    EndAll { done: oneshot::Sender<()> },
}
