//! Where sound ends: in a loudspeaker, in a recording, or nowhere.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSink, Fault};

use crate::{
    devices::{self, Chosen, Kind},
    happening::{Happening, News},
    recorder::Recorder,
};

/// Where sound ends.
#[derive(Clone)]
pub(crate) enum End {
    /// A loudspeaker; none was found, and one may be chosen, if absent.
    Device(Option<Chosen>),
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
                device.map(Some).map(Self::Device).ok_or(Fault::NoSpeaker)
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
                let device = match device {
                    Some(device) => device.create(Some(DEVICE))?,
                    None => nowhere()?,
                };
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
const DEVICE: &str = "device";
/// How long the streaming thread may take to let go of a loudspeaker.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(1);

/// What stands for a loudspeaker.
fn nowhere() -> Result<gst::Element, gst::glib::BoolError> {
    gst::ElementFactory::make("fakesink")
        .name(DEVICE)
        .property("sync", true)
        .property("async", false)
        .build()
}

/// Puts another loudspeaker to the end of a bin that plays. If it cannot be opened, the old one goes on.
pub(crate) fn exchange(bin: &gst::Bin, device: &Chosen) -> Result<(), Fault> {
    let playback = |what: &str| Fault::Playback {
        what: what.to_owned(),
    };
    let failed = |error: gst::glib::BoolError| playback(&error.message);
    let (Some(queue), Some(old)) = (bin.by_name("end"), bin.by_name(DEVICE)) else {
        return Err(playback("nothing plays"));
    };
    let new = device.create(Some(DEVICE)).map_err(failed)?;
    if new.set_state(gst::State::Ready).is_err() {
        let _ = new.set_state(gst::State::Null);
        return Err(playback("it cannot be opened"));
    }
    let (Some(pad), (held, wait)) = (queue.static_pad("src"), channel()) else {
        return Err(playback("a pad is missing"));
    };
    let hold = gst::PadProbeType::IDLE | gst::PadProbeType::BLOCK_DOWNSTREAM;
    let probe = pad.add_probe(hold, move |_, _| {
        let _ = held.send(());
        gst::PadProbeReturn::Ok
    });
    // Late or not, the old one is taken out.
    let _ = wait.recv_timeout(EXCHANGE_LIMIT);
    let _ = old.set_state(gst::State::Null);
    let _ = bin.remove(&old);
    let put = bin
        .add(&new)
        .and_then(|()| queue.link(&new))
        .and_then(|()| new.sync_state_with_parent());
    if let Some(probe) = probe {
        pad.remove_probe(probe);
    }
    put.map_err(failed)
}

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
