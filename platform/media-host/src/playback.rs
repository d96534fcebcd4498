//! What is received: decoded, and played, recorded or dropped.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSink, Fault};

use crate::{
    capture::PLAIN,
    devices::{self, Kind},
    end::{self, End},
    happening::{Happening, PLAYBACK},
    voice_processing::EchoProbe,
};

/// Where goes what is received; stays when a connection is replaced by another.
#[derive(Clone)]
pub(crate) struct Playback {
    end: Arc<Mutex<End>>,
    meter: String,
    silent: Arc<AtomicBool>,
    probe: Option<EchoProbe>,
    news: Sender<Happening>,
}

impl Playback {
    /// Looks for a device, or begins the recording. Without a loudspeaker a call goes on: the fault comes back beside.
    pub(crate) fn new(
        sink: &AudioSink,
        meter: &str,
        probe: Option<EchoProbe>,
        news: Sender<Happening>,
    ) -> (Self, Option<Fault>) {
        let (end, fault) = match End::new(sink) {
            Ok(end) => (end, None),
            Err(Fault::NoSpeaker) => (End::Device(None), Some(Fault::NoSpeaker)),
            Err(fault) => (End::Discard, Some(fault)),
        };
        let playback = Self {
            end: Arc::new(Mutex::new(end)),
            meter: meter.to_owned(),
            silent: Arc::default(),
            probe,
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

    /// Goes on with another loudspeaker: this one, or the system's choice. Within `bin` is what plays now. What does not go to a
    /// loudspeaker is left as it is.
    pub(crate) fn use_device(
        &self,
        name: Option<&str>,
        bin: Option<&gst::Bin>,
    ) -> Result<(), Fault> {
        let End::Device(old) = self.end() else {
            return Ok(());
        };
        if old.is_some_and(|old| old.name.as_deref() == name) {
            return Ok(());
        }
        let device = devices::find(Kind::Loudspeaker, name).ok_or(Fault::NoSpeaker)?;
        let playing = bin.and_then(|bin| bin.by_name(PLAYBACK));
        if let Some(playing) = playing.and_downcast::<gst::Bin>() {
            end::exchange(&playing, &device)?;
        }
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = End::Device(Some(device));
        Ok(())
    }

    fn end(&self) -> End {
        let end = self.end.lock();
        end.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A bin with one sink pad that takes Opus packets.
    pub(crate) fn build(&self) -> Result<gst::Bin, gst::glib::BoolError> {
        let meter = &self.meter;
        let silent = self.silent.load(Ordering::Relaxed);
        let end = self.end();
        let ending = end.description();
        let description = format!(
            "rtpopusdepay name=begin ! opusdec plc=true use-inband-fec=true ! audioconvert ! audioresample ! \
             {PLAIN} ! level name=received {meter} ! volume name=loudspeaker mute={silent} ! {ending}"
        );
        let bin = gst::parse::bin_from_description(&description, false)
            .map_err(|error| gst::glib::bool_error!("{}", error.message()))?;
        bin.set_property("name", PLAYBACK);
        end.complete(&bin, &self.news)?;
        let missing = || gst::glib::bool_error!("a pad is missing");
        if let (Some(probe), End::Device(_)) = (&self.probe, &end) {
            let before = bin.by_name("loudspeaker").ok_or_else(missing)?;
            let after = bin.by_name("end").ok_or_else(missing)?;
            probe.insert(&bin, &before, &after)?;
        }
        let begin = bin
            .by_name("begin")
            .and_then(|begin| begin.static_pad("sink"))
            .ok_or_else(missing)?;
        bin.add_pad(
            &gst::GhostPad::builder_with_target(&begin)?
                .name("sink")
                .build(),
        )?;
        Ok(bin)
    }
}
