//! Takes out of what a microphone captures what the loudspeaker plays, and noise, and evens out how loud it is.
//!
//! `webrtcdsp` looks for a probe by its name when it starts, and keeps to that one: the probe is made once, and moved from one
//! connection's playback to the next one's.

use gstreamer::{self as gst, glib, prelude::*};
use hardline_media_protocol::{AudioSource, Setup};

const PROBE: &str = "echo-probe";

/// Hears what is played.
#[derive(Clone)]
pub(crate) struct EchoProbe(gst::Element);

impl EchoProbe {
    /// One for a call, if a microphone is used, this is wanted, and GStreamer has it.
    pub(crate) fn new(setup: &Setup) -> Option<Self> {
        let wanted = setup.voice_processing && matches!(setup.source, AudioSource::Device { .. });
        if !wanted || gst::ElementFactory::find("webrtcdsp").is_none() {
            return None;
        }
        let probe = gst::ElementFactory::make("webrtcechoprobe").name(PROBE);
        probe.build().ok().map(Self)
    }

    /// The part of a description that processes what is captured.
    pub(crate) fn processing() -> String {
        format!("webrtcdsp name=processing probe={PROBE} ! ")
    }

    /// Puts it between two elements of a bin that are linked.
    pub(crate) fn insert(
        &self,
        bin: &gst::Bin,
        before: &gst::Element,
        after: &gst::Element,
    ) -> Result<(), glib::BoolError> {
        self.take_out()?;
        bin.add(&self.0)?;
        before.unlink(after);
        gst::Element::link_many([before, &self.0, after])
    }

    /// Takes it out of the bin of a connection that was replaced.
    fn take_out(&self) -> Result<(), glib::BoolError> {
        let Some(bin) = self.0.parent().and_downcast::<gst::Bin>() else {
            return Ok(());
        };
        let _ = self.0.set_state(gst::State::Null);
        bin.remove(&self.0)
    }
}
