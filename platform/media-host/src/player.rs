//! Plays a sound over and over, apart from the pipeline of a call.

use std::sync::mpsc::Sender;

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{AudioSink, Fault, Sound};

use crate::{
    capture::PLAIN,
    elements,
    end::End,
    happening::{Happening, PLAYBACK},
    pipeline::listen,
    sounds,
};

/// Plays a sound until it is dropped.
pub(crate) struct Player(gst::Pipeline);

impl Player {
    /// Begins to play.
    pub(crate) fn start(
        sound: Sound,
        sink: &AudioSink,
        inbox: &Sender<Happening>,
    ) -> Result<Self, Fault> {
        if let Some(fault) = elements::missing_for_sounds() {
            return Err(fault);
        }
        let end = End::new(sink)?;
        let bin = bin(sound, &end, inbox).map_err(|error| Fault::Playback {
            what: error.message.to_string(),
        })?;
        let pipeline = gst::Pipeline::new();
        listen(&pipeline, inbox.clone());
        pipeline.add(&bin).map_err(|error| Fault::Pipeline {
            what: error.message.to_string(),
        })?;
        let player = Self(pipeline);
        let started = player.0.set_state(gst::State::Playing);
        started.map_err(|_| Fault::Playback {
            what: "it cannot be opened".to_owned(),
        })?;
        Ok(player)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

fn bin(
    sound: Sound,
    end: &End,
    inbox: &Sender<Happening>,
) -> Result<gst::Bin, gst::glib::BoolError> {
    let description = format!(
        "audiotestsrc name=begin samplesperbuffer=480 wave=silence ! {PLAIN} ! audioconvert ! audioresample ! {}",
        end.description()
    );
    let bin = gst::parse::bin_from_description(&description, false)
        .map_err(|error| gst::glib::bool_error!("{}", error.message()))?;
    bin.set_property("name", PLAYBACK);
    end.complete(&bin, inbox)?;
    let begin = bin
        .by_name("begin")
        .and_then(|begin| begin.static_pad("src"))
        .ok_or_else(|| gst::glib::bool_error!("a pad is missing"))?;
    let round = sounds::round(sound);
    begin.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            fill(buffer.make_mut(), &round);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(bin)
}

/// Writes the part of the sound that belongs there over the silence of a buffer.
fn fill(buffer: &mut gst::BufferRef, round: &[i16]) {
    let n_before = buffer.offset();
    buffer.unset_flags(gst::BufferFlags::GAP);
    if let Ok(mut samples) = buffer.map_writable() {
        let mut at = (n_before % round.len() as u64) as usize;
        for sample in samples.chunks_exact_mut(2) {
            sample.copy_from_slice(&round[at].to_le_bytes());
            at = (at + 1) % round.len();
        }
    }
}
