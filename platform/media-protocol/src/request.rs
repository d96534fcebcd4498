//! What the media process is asked for.

use std::{fmt, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Candidate, Round, Sdp, Sound, Tones};

/// What the media process is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Begin to capture. Once, before all others but those about sounds and [`Devices`](Self::Devices).
    Start(Box<Setup>),
    /// Make an offer.
    Offer {
        /// Comes back with it.
        round: Round,
        /// What our side carries.
        shape: Shape,
        /// With a new connection, because the old one is broken.
        fresh: bool,
    },
    /// Make an answer to an offer.
    Answer {
        /// Comes back with it.
        round: Round,
        /// What the other side offers.
        offer: Sdp,
        /// What our side carries.
        shape: Shape,
        /// An offer of ours is void.
        discard: bool,
    },
    /// Take the answer to our offer.
    Accept {
        /// To which.
        round: Round,
        /// The answer.
        answer: Sdp,
    },
    /// Our offer was not answered: go back to what was.
    Discard {
        /// Which.
        round: Round,
    },
    /// Ways to reach the other side. An empty one means that there are no more.
    Candidates {
        /// In their order.
        candidates: Vec<Candidate>,
    },
    /// Carry this now, as far as what is agreed allows.
    Apply {
        /// What our side carries.
        shape: Shape,
        /// The microphone is muted.
        muted: bool,
    },
    /// Count what was sent and received: [`Event::Statistics`](crate::Event::Statistics).
    Statistics,
    /// Send keys to the other side (DTMF), after those that are still being sent. They are refused if the other side does not take
    /// them ([`Fault::NoTones`](crate::Fault::NoTones)), and forgotten if the connection is lost before.
    Dial {
        /// Which.
        tones: Tones,
    },
    /// Play a sound over and over, in place of the one that is played. Before the start of a call as well as beside it.
    Play {
        /// Which.
        sound: Sound,
        /// Where.
        sink: AudioSink,
    },
    /// Play no sound any more.
    Silence,
    /// Tell the microphones and loudspeakers, now and whenever one comes or goes: [`Event::Devices`](crate::Event::Devices). Which
    /// one is the system's choice may be known only by asking again.
    Devices,
    /// Go on with this microphone and this loudspeaker; nothing is negotiated for it. What is no device is left as it is: tones,
    /// files and recordings.
    UseDevices {
        /// As the system names it; the system's choice if absent.
        #[serde(default)]
        microphone: Option<String>,
        /// As the system names it; the system's choice if absent.
        #[serde(default)]
        speaker: Option<String>,
    },
    /// Stop capturing and playing, and go.
    Close,
}

/// What our side of a call carries. Pictures and screens will stand here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// We have put the other side on hold: nothing is captured, nothing is played.
    #[serde(default)]
    pub held: bool,
}

/// How a call is captured, played and connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Servers that tell us our address (STUN) or pass media on (TURN).
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// Only by servers that pass media on, so that the other side does not see our address.
    #[serde(default)]
    pub relay_only: bool,
    /// Be reached at these addresses alone; at those of all interfaces but loopback if empty.
    #[serde(default)]
    pub local_addresses: Vec<IpAddr>,
    /// What is sent.
    pub source: AudioSource,
    /// Where goes what is received.
    pub sink: AudioSink,
    /// How often levels are told, in milliseconds; never if absent.
    #[serde(default)]
    pub meter_interval: Option<u32>,
    /// Take echo and noise out of what a microphone captures, and even out how loud it is, where GStreamer has what does that.
    #[serde(default = "yes")]
    pub voice_processing: bool,
}

fn yes() -> bool {
    true
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AudioSource {
    /// A microphone: this one, or the system's choice.
    Device {
        /// As the system names it.
        #[serde(default)]
        name: Option<String>,
    },
    /// A tone.
    Tone {
        /// Its frequency.
        hertz: u32,
    },
    /// A WAV file, and silence after it.
    File {
        /// Which.
        path: PathBuf,
    },
    /// Nothing that can be heard.
    Silence,
}

/// Where goes what is received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AudioSink {
    /// A loudspeaker: this one, or the system's choice.
    Device {
        /// As the system names it.
        #[serde(default)]
        name: Option<String>,
    },
    /// A WAV file (16 bits, 48,000 samples a second, one channel), which can be read at any time.
    Record {
        /// Which; it is written over.
        path: PathBuf,
    },
    /// Nowhere.
    Discard,
}

/// A STUN or TURN server, as
/// [`/voip/turnServer`](https://spec.matrix.org/v1.16/client-server-api/#get_matrixclientv3voipturnserver) tells it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Where it is (`stun:`, `stuns:`, `turn:`, `turns:`).
    pub urls: Vec<String>,
    /// The name that opens it.
    #[serde(default)]
    pub username: Option<String>,
    /// The password to the name.
    #[serde(default)]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceServer({} urls)", self.urls.len())
    }
}
