//! Where sound ends: in a loudspeaker, in a recording, or nowhere.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
    mpsc::Sender,
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSink, Fault};

use crate::{
    devices::{self, Kind},
    happening::{Happening, News},
    recorder::Recorder,
};

/// Where sound ends.
#[derive(Clone)]
pub(crate) enum End {
    /// A loudspeaker.
    Device(gst::Device),
    /// A recording.
    Record(Arc<Mutex<Recorder>>),
    /// Nowhere.
    Discard,
}

impl End {
    /// Looks for the device, or begins the recording.
    pub(crate) fn new(sink: &AudioSink) -> Result<Self, Fault> {
        match sink {
            AudioSink::Device { name } => {
                let device = devices::find(Kind::Loudspeaker, name.as_deref());
                device.map(Self::Device).ok_or(Fault::NoSpeaker)
            }
            AudioSink::Record { path } => match Recorder::create(path) {
                Ok(recorder) => Ok(Self::Record(Arc::new(Mutex::new(recorder)))),
                Err(error) => {
                    let what = error.to_string();
                    Err(Fault::Playback { what })
                }
            },
            AudioSink::Discard => Ok(Self::Discard),
        }
    }

    /// The end of a bin's description.
    pub(crate) fn description(&self) -> &'static str {
        match self {
            Self::Device(_) => "queue name=end max-size-time=200000000",
            Self::Record(_) => {
                "audiorate skip-to-first=true ! fakesink name=end sync=true async=false"
            }
            Self::Discard => "fakesink name=end sync=true async=false",
        }
    }

    /// Puts what the description cannot say into the bin that was made of it.
    pub(crate) fn complete(
        &self,
        bin: &gst::Bin,
        news: &Sender<Happening>,
    ) -> Result<(), gst::glib::BoolError> {
        let missing = || gst::glib::bool_error!("a pad is missing");
        let end = bin.by_name("end").ok_or_else(missing)?;
        match self {
            Self::Device(device) => {
                let device = device.create_element(Some(DEVICE))?;
                bin.add(&device)?;
                end.link(&device)
            }
            Self::Record(recorder) => {
                let pad = end.static_pad("sink").ok_or_else(missing)?;
                record(&pad, Arc::clone(recorder), news.clone());
                Ok(())
            }
            Self::Discard => Ok(()),
        }
    }
}

/// What a loudspeaker is called in its bin.
pub(crate) const DEVICE: &str = "device";

fn record(pad: &gst::Pad, recorder: Arc<Mutex<Recorder>>, news: Sender<Happening>) {
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
