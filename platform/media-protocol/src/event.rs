//! What the media process says.

use serde::{Deserialize, Serialize};

use crate::{Candidate, Device, Fault, Key, Round, Sdp};

/// What the media process says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It runs and reads requests.
    Ready {
        /// Its version of the protocol: [`VERSION`](crate::VERSION).
        version: u32,
    },
    /// Capturing has begun.
    Started,
    /// The offer it was asked for is made, and set.
    Offer {
        /// Which.
        round: Round,
        /// The offer.
        sdp: Sdp,
        /// Its streams.
        streams: Vec<LocalStream>,
    },
    /// The answer it was asked for is made, and set.
    Answer {
        /// Which.
        round: Round,
        /// The answer.
        sdp: Sdp,
        /// Its streams.
        streams: Vec<LocalStream>,
        /// Whether a new connection had to be built for it, so that new candidates follow.
        fresh: bool,
    },
    /// A way to reach us. Never before the description it belongs to.
    Candidate {
        /// The way.
        candidate: Candidate,
    },
    /// There are no more.
    GatheringComplete,
    /// Media flow, again or for the first time.
    Connected,
    /// They do not any more; it may be a moment.
    Disconnected,
    /// The other side is heard for the first time over this connection.
    Heard,
    /// The other side pressed a key (DTMF).
    Dialled {
        /// Which.
        key: Key,
    },
    /// The microphones and loudspeakers there are.
    Devices {
        /// What captures.
        microphones: Vec<Device>,
        /// What plays.
        speakers: Vec<Device>,
    },
    /// How loud it is.
    Meter(Meter),
    /// What was sent and received.
    Statistics(Statistics),
    /// It cannot go on with what it was doing. It still takes requests.
    Failed {
        /// Which description was asked for, if it is about one.
        #[serde(default)]
        round: Option<Round>,
        /// Why.
        fault: Fault,
    },
    /// A request is not done, or not wholly; everything else goes on.
    Refused {
        /// Why.
        fault: Fault,
    },
    /// It has stopped capturing and playing, and ends.
    Closed,
}

/// A stream of ours, as the description names it (`msid`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalStream {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Microphone and camera.
    UserMedia,
}

/// How loud it is: the root mean square in decibels, 0 at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "side", rename_all = "snake_case")]
pub enum Meter {
    /// What we send, after muting.
    Sent {
        /// Decibels.
        level: f64,
    },
    /// What we receive.
    Received {
        /// Decibels.
        level: f64,
    },
}

/// What was sent and received over the present connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Packets that did not arrive here.
    pub packets_lost: u64,
    /// How unevenly packets arrive here, in milliseconds.
    pub jitter: f64,
    /// The share of our packets that did not arrive there of late, from 0 to 1; absent until the other side has told.
    #[serde(default)]
    pub remote_loss: Option<f64>,
    /// The time to the other side and back, in milliseconds; absent until it is known.
    #[serde(default)]
    pub round_trip: Option<f64>,
}
