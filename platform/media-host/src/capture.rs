//! What is sent: a microphone, or what stands for it, as plain sound that connections take their share of.

use std::fs::File;

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSource, Fault};

use crate::{
    devices::{self, Chosen, Kind},
    happening::CAPTURE,
    voice_processing::EchoProbe,
};

/// Sound within the process: one channel, as Opus takes it best.
pub(crate) const PLAIN: &str = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";

/// The capturing part of the pipeline.
pub(crate) struct Capture {
    /// All of it; it has one source pad.
    pub(crate) bin: gst::Bin,
    microphone: gst::Element,
    /// The microphone itself; `None` if something stands for it.
    device: Option<Microphone>,
}

struct Microphone {
    device: Chosen,
    element: gst::Element,
}

impl Capture {
    /// Makes it, without opening a device yet.
    pub(crate) fn new(source: &AudioSource, meter: &str, processed: bool) -> Result<Self, Fault> {
        let device = match source {
            AudioSource::Device { name } => Some(microphone(name.as_deref())?),
            AudioSource::File { path } => {
                // Said now, it can be said well.
                File::open(path).map_err(|error| Fault::Capture {
                    what: error.to_string(),
                })?;
                None
            }
            AudioSource::Tone { .. } | AudioSource::Silence => None,
        };
        let processing = match processed {
            true => EchoProbe::processing(),
            false => String::new(),
        };
        let description = format!(
            "{} ! audioconvert ! audioresample ! {PLAIN} ! {processing}volume name=microphone ! level name=sent {meter}",
            beginning(source)
        );
        let bin = gst::parse::bin_from_description(&description, false).map_err(failed)?;
        bin.set_property("name", CAPTURE);
        offer_end(&bin)?;
        if let (AudioSource::File { path }, Some(file)) = (source, bin.by_name("file")) {
            file.set_property("location", path.to_string_lossy().as_ref());
        }
        if let Some(device) = &device {
            put_first(&bin, &device.element)?;
        }
        let microphone = bin.by_name("microphone").ok_or_else(|| Fault::Pipeline {
            what: "no volume".to_owned(),
        })?;
        Ok(Self {
            bin,
            microphone,
            device,
        })
    }

    /// Goes on with another microphone: this one, or the system's choice. If it cannot be opened, the old one goes on.
    pub(crate) fn use_device(&mut self, name: Option<&str>) -> Result<(), Fault> {
        let Some(old) = &self.device else {
            return Ok(());
        };
        if old.device.name.as_deref() == name {
            return Ok(());
        }
        let new = microphone(name)?;
        if new.element.set_state(gst::State::Ready).is_err() {
            let _ = new.element.set_state(gst::State::Null);
            return Err(unusable("it cannot be opened"));
        }
        let _ = old.element.set_state(gst::State::Null);
        let _ = self.bin.remove(&old.element);
        put_first(&self.bin, &new.element)?;
        let started = new.element.sync_state_with_parent();
        self.device = Some(new);
        started.map_err(|_| unusable("it cannot be started"))
    }

    /// Sends silence, or what is captured.
    pub(crate) fn mute(&self, muted: bool) {
        self.microphone.set_property("mute", muted);
    }
}

/// The beginning of the description. Where a device comes first, the pad it is linked to.
fn beginning(source: &AudioSource) -> String {
    match source {
        AudioSource::Device { .. } => "queue name=first max-size-time=200000000".to_owned(),
        AudioSource::Tone { hertz } => {
            format!("audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 freq={hertz}")
        }
        AudioSource::Silence => {
            "audiotestsrc is-live=true samplesperbuffer=480 wave=silence".to_owned()
        }
        // Silence without an end follows the file, at the pace of the clock.
        AudioSource::File { .. } => format!(
            "concat name=both  \
             filesrc name=file ! wavparse ! audioconvert ! audioresample ! {PLAIN} ! both.  \
             audiotestsrc samplesperbuffer=480 wave=silence ! {PLAIN} ! both.  \
             both. ! clocksync"
        ),
    }
}

fn microphone(name: Option<&str>) -> Result<Microphone, Fault> {
    let device = devices::find(Kind::Microphone, name).ok_or(Fault::NoMicrophone)?;
    let element = device
        .create(None)
        .map_err(|error| unusable(&error.message))?;
    Ok(Microphone { device, element })
}

fn unusable(what: &str) -> Fault {
    let what = what.to_owned();
    Fault::Capture { what }
}

/// Lets the end of the description be linked to from outside.
fn offer_end(bin: &gst::Bin) -> Result<(), Fault> {
    let unusable = || Fault::Pipeline {
        what: "no end to link to".to_owned(),
    };
    let last = bin.by_name("sent").and_then(|last| last.static_pad("src"));
    let ghost = gst::GhostPad::builder_with_target(&last.ok_or_else(unusable)?)
        .map_err(|_| unusable())?
        .name("src")
        .build();
    bin.add_pad(&ghost).map_err(|_| unusable())
}

/// Puts a device before everything else.
fn put_first(bin: &gst::Bin, device: &gst::Element) -> Result<(), Fault> {
    let unlinked = || unusable("the device cannot be linked");
    let first = bin.by_name("first").ok_or_else(unlinked)?;
    bin.add(device).map_err(|_| unlinked())?;
    device.link(&first).map_err(|_| unlinked())
}

fn failed(error: gst::glib::Error) -> Fault {
    Fault::Pipeline {
        what: error.message().to_owned(),
    }
}
