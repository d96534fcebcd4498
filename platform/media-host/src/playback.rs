//! What is received: decoded, and played, recorded or dropped.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSink, Fault};

use crate::{
    capture::PLAIN,
    end::End,
    happening::{Happening, PLAYBACK},
};

/// Where goes what is received; stays when a connection is replaced by another.
#[derive(Clone)]
pub(crate) struct Playback {
    end: End,
    meter: String,
    silent: Arc<AtomicBool>,
    news: Sender<Happening>,
}

impl Playback {
    /// Looks for a device, or begins the recording. Without a loudspeaker a call goes on: the fault comes back beside.
    pub(crate) fn new(
        sink: &AudioSink,
        meter: &str,
        news: Sender<Happening>,
    ) -> (Self, Option<Fault>) {
        let (end, fault) = match End::new(sink) {
            Ok(end) => (end, None),
            Err(fault) => (End::Discard, Some(fault)),
        };
        let playback = Self {
            end,
            meter: meter.to_owned(),
            silent: Arc::default(),
            news,
        };
        (playback, fault)
    }

    /// Plays nothing from now on, or plays again. Within `bin` is what plays now.
    pub(crate) fn silence(&self, silent: bool, bin: Option<&gst::Bin>) {
        self.silent.store(silent, Ordering::Relaxed);
        if let Some(volume) = bin.and_then(|bin| bin.by_name("loudspeaker")) {
            volume.set_property("mute", silent);
        }
    }

    /// A bin with one sink pad that takes Opus packets.
    pub(crate) fn build(&self) -> Result<gst::Bin, gst::glib::BoolError> {
        let meter = &self.meter;
        let silent = self.silent.load(Ordering::Relaxed);
        let end = self.end.description();
        let description = format!(
            "rtpopusdepay name=begin ! opusdec plc=true use-inband-fec=true ! audioconvert ! audioresample ! \
             {PLAIN} ! level name=received {meter} ! volume name=loudspeaker mute={silent} ! {end}"
        );
        let bin = gst::parse::bin_from_description(&description, false)
            .map_err(|error| gst::glib::bool_error!("{}", error.message()))?;
        bin.set_property("name", PLAYBACK);
        self.end.complete(&bin, &self.news)?;
        let begin = bin
            .by_name("begin")
            .and_then(|begin| begin.static_pad("sink"))
            .ok_or_else(|| gst::glib::bool_error!("a pad is missing"))?;
        bin.add_pad(
            &gst::GhostPad::builder_with_target(&begin)?
                .name("sink")
                .build(),
        )?;
        Ok(bin)
    }
}
