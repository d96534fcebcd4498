//! What is heard of a call besides the other side.

use serde::{Deserialize, Serialize};

/// A sound that the process makes itself, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Somebody calls.
    Ringtone,
    /// It rings at the other side: 425 hertz, a second in five.
    Ringback,
    /// The other side is busy, or gone: 425 hertz, half of each second.
    Busy,
    /// Somebody else calls during a call: two soft beeps every five seconds.
    Waiting,
}
