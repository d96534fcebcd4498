//! What the main thread is told, by the parent and by the threads of GStreamer.

use gstreamer::{self as gst, prelude::*};
use gstreamer_webrtc::WebRTCPeerConnectionState;
use hardline_media_protocol::{Candidate, Event, Fault, Key, Meter, Request, Statistics};

/// What the main thread is told.
pub(crate) enum Happening {
    /// The parent wants something.
    Request(Request),
    /// The parent wrote something that is no request.
    Malformed(String),
    /// The parent is gone.
    InputEnded,
    /// The pipeline says something.
    Pipeline(News),
    /// The microphones and loudspeakers, as they are told.
    Devices(Event),
    /// A connection says something; which one is told by its number.
    Connection(u32, Notice),
}

/// What the pipeline says.
pub(crate) enum News {
    /// Something in it failed.
    Failed(Fault),
    /// The time that sound takes through it may have changed.
    Latency,
    /// How loud it is.
    Meter(Meter),
}

/// What a connection says.
pub(crate) enum Notice {
    /// The first sound is there to be sent, so that a description can name it.
    Captured,
    /// A description is made, or cannot be.
    Created(Result<String, String>),
    /// Our own description is set, or cannot be.
    SetLocal(Result<(), String>),
    /// The other side's description is set, or cannot be.
    SetRemote(Result<(), String>),
    /// A way to reach us: the section's number, and the attribute.
    Candidate(u32, String),
    /// There are no more.
    GatheringComplete,
    /// The state of ICE and DTLS together.
    State(WebRTCPeerConnectionState),
    /// The other side is heard for the first time.
    Heard,
    /// The other side pressed a key.
    Dialled(Key),
    /// What was sent and received.
    Statistics(Statistics),
}

/// Names of the parts of the pipeline, by which it is told what failed.
pub(crate) const CAPTURE: &str = "capture";
/// See [`CAPTURE`].
pub(crate) const PLAYBACK: &str = "playback";

impl News {
    /// What of a message is of interest.
    pub(crate) fn of(message: &gst::Message) -> Option<Self> {
        match message.view() {
            gst::MessageView::Error(error) => {
                let what = error.error().message().to_owned();
                Some(Self::Failed(fault(&place(message), what)))
            }
            gst::MessageView::Latency(_) => Some(Self::Latency),
            gst::MessageView::Element(_) => meter(message).map(Self::Meter),
            _ => None,
        }
    }
}

fn place(message: &gst::Message) -> String {
    let path = message.src().map(|source| source.path_string().to_string());
    path.unwrap_or_default()
}

fn fault(place: &str, what: String) -> Fault {
    let within = |name: &str| place.contains(&format!(":{name}/"));
    if within(CAPTURE) {
        Fault::Capture { what }
    } else if within(PLAYBACK) {
        Fault::Playback { what }
    } else {
        Fault::Pipeline { what }
    }
}

/// A measurement of `level`: of one channel, since all sound is made that first.
fn meter(message: &gst::Message) -> Option<Meter> {
    let structure = message.structure()?;
    if structure.name() != "level" {
        return None;
    }
    let rms = structure.get::<gst::glib::ValueArray>("rms").ok()?;
    let level = rms.first()?.get::<f64>().ok()?.max(SILENCE);
    match &*message.src()?.name() {
        "sent" => Some(Meter::Sent { level }),
        "received" => Some(Meter::Received { level }),
        _ => None,
    }
}

/// JSON has no infinity.
const SILENCE: f64 = -120.0;

/// A candidate as it is told: the section by its number, and by its name where that is known.
pub(crate) fn told(section: u32, attribute: String, mids: &[String]) -> Candidate {
    Candidate {
        candidate: attribute,
        sdp_mid: mids.get(section as usize).cloned(),
        sdp_m_line_index: u16::try_from(section).ok(),
    }
}
