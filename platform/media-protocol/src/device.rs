//! Microphones and loudspeakers, as they can be chosen from.

use serde::{Deserialize, Serialize};

/// A microphone or a loudspeaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// As the system names it: what [`AudioSource::Device`](crate::AudioSource::Device),
    /// [`AudioSink::Device`](crate::AudioSink::Device) and [`Request::UseDevices`](crate::Request::UseDevices) take.
    pub name: String,
    /// As people know it.
    pub label: String,
    /// Whether it is the system's choice.
    pub is_default: bool,
}
