//! The pipeline of a call: what captures, and a tee that connections are plugged into and out of while it runs.

use std::{
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{Fault, Setup};

use crate::{
    capture::Capture,
    elements,
    happening::{Happening, News},
    playback::Playback,
    voice_processing::EchoProbe,
};

/// How long the streaming thread may take to let go of a pad.
const UNPLUG_LIMIT: Duration = Duration::from_secs(1);

/// The pipeline of a call.
pub(crate) struct Pipeline {
    pipeline: gst::Pipeline,
    tee: gst::Element,
    /// What is sent.
    pub(crate) capture: Capture,
    /// What becomes of what is received.
    pub(crate) playback: Playback,
}

impl Pipeline {
    /// Makes it and begins to capture. The second is what goes wrong without stopping that.
    pub(crate) fn start(
        setup: &Setup,
        inbox: &Sender<Happening>,
    ) -> Result<(Self, Option<Fault>), Fault> {
        if let Some(fault) = elements::missing(&setup.source) {
            return Err(fault);
        }
        let meter = meter(setup.meter_interval);
        let probe = EchoProbe::new(setup);
        let capture = Capture::new(&setup.source, &meter, probe.is_some())?;
        let (playback, fault) = Playback::new(&setup.sink, &meter, probe, inbox.clone());
        let pipeline = gst::Pipeline::new();
        // Not that of a device, which may be exchanged.
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let tee = gst::ElementFactory::make("tee")
            .property("allow-not-linked", true)
            .build()
            .map_err(failed)?;
        pipeline
            .add_many([capture.bin.upcast_ref(), &tee])
            .map_err(failed)?;
        capture.bin.link(&tee).map_err(failed)?;
        listen(&pipeline, inbox.clone());
        let started = Self {
            pipeline,
            tee,
            capture,
            playback,
        };
        // What stands in the way is told in a message with more detail than here.
        started
            .pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| Fault::Capture {
                what: "it cannot be opened".to_owned(),
            })?;
        Ok((started, fault))
    }

    /// Plugs a bin with a sink pad in; the pad to unplug it by comes back.
    pub(crate) fn plug(&self, bin: &gst::Bin) -> Result<gst::Pad, gst::glib::BoolError> {
        let missing = || gst::glib::bool_error!("a pad is missing");
        self.pipeline.add(bin)?;
        let sink = bin.static_pad("sink").ok_or_else(missing)?;
        let tap = self.tee.request_pad_simple("src_%u").ok_or_else(missing)?;
        bin.sync_state_with_parent()?;
        tap.link(&sink)
            .map_err(|error| gst::glib::bool_error!("{error}"))?;
        Ok(tap)
    }

    /// Takes a bin out and ends it.
    pub(crate) fn unplug(&self, bin: &gst::Bin, tap: &gst::Pad) {
        let (done, wait) = channel();
        tap.add_probe(gst::PadProbeType::IDLE, move |tap, _| {
            if let Some(sink) = tap.peer() {
                let _ = tap.unlink(&sink);
            }
            let _ = done.send(());
            gst::PadProbeReturn::Remove
        });
        // Late or not, it is taken out.
        let _ = wait.recv_timeout(UNPLUG_LIMIT);
        self.tee.release_request_pad(tap);
        let _ = bin.set_state(gst::State::Null);
        let _ = self.pipeline.remove(bin);
    }

    /// The time that sound takes through it may have changed.
    pub(crate) fn recalculate_latency(&self) {
        let _ = self.pipeline.recalculate_latency();
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The properties of `level`, in the words of a description.
fn meter(interval: Option<u32>) -> String {
    match interval {
        Some(milliseconds) => {
            let nanoseconds = u64::from(milliseconds.max(20)) * 1_000_000;
            format!("post-messages=true interval={nanoseconds}")
        }
        None => "post-messages=false".to_owned(),
    }
}

/// Has the main thread told what a pipeline says.
pub(crate) fn listen(pipeline: &gst::Pipeline, inbox: Sender<Happening>) {
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            if let Some(news) = News::of(message) {
                let _ = inbox.send(Happening::Pipeline(news));
            }
            gst::BusSyncReply::Drop
        });
    }
}

fn failed(error: gst::glib::BoolError) -> Fault {
    Fault::Pipeline {
        what: error.message.to_string(),
    }
}
