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
    happening::{Happening, News, PLAYBACK},
    recorder::Recorder,
};

/// Where goes what is received; stays when a connection is replaced by another.
#[derive(Clone)]
pub(crate) struct Playback {
    end: End,
    meter: String,
    silent: Arc<AtomicBool>,
    news: Sender<Happening>,
}

#[derive(Clone)]
enum End {
    Device(gst::Device),
    Record(Arc<Mutex<Recorder>>),
    Discard,
}

impl Playback {
    /// Looks for a device, or begins the recording. Without a loudspeaker a call goes on: the fault comes back beside.
    pub(crate) fn new(
        sink: &AudioSink,
        meter: &str,
        news: Sender<Happening>,
    ) -> (Self, Option<Fault>) {
        let (end, fault) = match sink {
            AudioSink::Device { name } => match devices::find(Kind::Loudspeaker, name.as_deref()) {
                Some(device) => (End::Device(device), None),
                None => (End::Discard, Some(Fault::NoSpeaker)),
            },
            AudioSink::Record { path } => match Recorder::create(path) {
                Ok(recorder) => (End::Record(Arc::new(Mutex::new(recorder))), None),
                Err(error) => {
                    let what = error.to_string();
                    (End::Discard, Some(Fault::Playback { what }))
                }
            },
            AudioSink::Discard => (End::Discard, None),
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
        let end = match &self.end {
            End::Device(_) => "queue name=end max-size-time=200000000",
            End::Record(_) => {
                "audiorate skip-to-first=true ! fakesink name=end sync=true async=false"
            }
            End::Discard => "fakesink name=end sync=true async=false",
        };
        let description = format!(
            "rtpopusdepay name=begin ! opusdec plc=true use-inband-fec=true ! audioconvert ! audioresample ! \
             {PLAIN} ! level name=received {meter} ! volume name=loudspeaker mute={silent} ! {end}"
        );
        let bin = gst::parse::bin_from_description(&description, false)
            .map_err(|error| gst::glib::bool_error!("{}", error.message()))?;
        bin.set_property("name", PLAYBACK);
        let pad = |name: &str, pad: &str| bin.by_name(name).and_then(|e| e.static_pad(pad));
        let missing = || gst::glib::bool_error!("a pad is missing");
        match &self.end {
            End::Device(device) => {
                let device = device.create_element(None)?;
                let end = bin.by_name("end").ok_or_else(missing)?;
                bin.add(&device)?;
                end.link(&device)?;
            }
            End::Record(recorder) => {
                self.record(&pad("end", "sink").ok_or_else(missing)?, recorder);
            }
            End::Discard => {}
        }
        let begin = pad("begin", "sink").ok_or_else(missing)?;
        bin.add_pad(
            &gst::GhostPad::builder_with_target(&begin)?
                .name("sink")
                .build(),
        )?;
        Ok(bin)
    }

    fn record(&self, pad: &gst::Pad, recorder: &Arc<Mutex<Recorder>>) {
        let (recorder, news) = (Arc::clone(recorder), self.news.clone());
        let failed = AtomicBool::new(false);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else {
                return gst::PadProbeReturn::Ok;
            };
            let Ok(samples) = buffer.map_readable() else {
                return gst::PadProbeReturn::Ok;
            };
            let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = recorder.add(&samples)
                && !failed.swap(true, Ordering::Relaxed)
            {
                let what = error.to_string();
                let fault = Fault::Playback { what };
                let _ = news.send(Happening::Pipeline(News::Failed(fault)));
            }
            gst::PadProbeReturn::Ok
        });
    }
}
