//! Microphones and loudspeakers: which there are, and which of them the person chose.

pub use hardline_platform::media::protocol::Device as AudioDevice;
use hardline_platform::media::protocol::{AudioSink, AudioSource, Request};
use serde::{Deserialize, Serialize};

use super::state::{CallOptions, Source};

/// The key of [`ChosenDevices`] among the settings.
pub(super) const CHOSEN: &str = "audio-devices";

/// Which microphone and which loudspeaker calls take; the system's choice where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenDevices {
    /// As the system names it.
    #[serde(default)]
    pub microphone: Option<String>,
    /// As the system names it.
    #[serde(default)]
    pub speaker: Option<String>,
}

impl ChosenDevices {
    /// Go on with these.
    pub(super) fn request(&self) -> Request {
        Request::UseDevices {
            microphone: self.microphone.clone(),
            speaker: self.speaker.clone(),
        }
    }

    /// What is sent in a call.
    pub(super) fn source(&self, options: &CallOptions) -> AudioSource {
        match &options.source {
            Source::Microphone => AudioSource::Device {
                name: self.microphone.clone(),
            },
            Source::Tone(hertz) => AudioSource::Tone { hertz: *hertz },
            Source::File(path) => AudioSource::File { path: path.clone() },
        }
    }

    /// Where goes what is received.
    pub(super) fn sink(&self, options: &CallOptions) -> AudioSink {
        match &options.record {
            Some(path) => AudioSink::Record { path: path.clone() },
            None => self.speaker(),
        }
    }

    /// Where sounds of calls are played.
    pub(super) fn speaker(&self) -> AudioSink {
        AudioSink::Device {
            name: self.speaker.clone(),
        }
    }
}

/// The microphones and loudspeakers there are, as the newest call knows them; none while there is no call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioDevices {
    /// What captures.
    pub microphones: Vec<AudioDevice>,
    /// What plays.
    pub speakers: Vec<AudioDevice>,
    /// Which are taken.
    pub chosen: ChosenDevices,
}
