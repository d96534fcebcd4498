//! `hardline-media`: the media process of a call. It captures, plays and connects through GStreamer, and takes requests from its
//! parent over standard input; see `hardline_media_protocol`.
//!
//! It knows no account, no key and no token; when its parent goes, it goes.

mod call;
mod candidates;
mod capture;
mod certificate;
mod connection;
mod device_watch;
mod devices;
mod dialler;
mod elements;
mod end;
mod happening;
mod ice_servers;
mod key_listener;
mod negotiation;
mod output;
mod pipeline;
mod playback;
mod player;
mod recorder;
mod sdp;
mod sounds;
mod statistics;
mod telephone_event;
mod voice_processing;

use std::{
    io::{BufReader, stdin},
    process::ExitCode,
    sync::mpsc::{Sender, channel},
    thread,
};

use gstreamer as gst;
use hardline_media_protocol::{Event, LineError, Request, VERSION, read_message};

use self::{call::Call, happening::Happening, output::Output};

fn main() -> ExitCode {
    let mut output = match Output::take() {
        Ok(output) => output,
        Err(error) => return give_up(&error),
    };
    if let Err(error) = gst::init() {
        return give_up(&error);
    }
    make_key_ahead();
    let (sender, inbox) = channel();
    let input = sender.clone();
    thread::spawn(move || read_requests(&input));
    output.say(&Event::Ready { version: VERSION });
    Call::new(output, sender).run(&inbox);
    ExitCode::SUCCESS
}

fn give_up(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("hardline-media: {error}");
    ExitCode::FAILURE
}

/// The DTLS key takes a third of a second, and is made for the process when the first of these elements is.
fn make_key_ahead() {
    thread::spawn(|| {
        // Kept for good: the key goes with the last element that uses it.
        if let Ok(element) = gst::ElementFactory::make("dtlsdec").build() {
            std::mem::forget(element);
        }
    });
}

fn read_requests(inbox: &Sender<Happening>) {
    let mut reader = BufReader::new(stdin());
    loop {
        let happening = match read_message::<Request>(&mut reader) {
            Ok(Some(request)) => Happening::Request(request),
            Err(LineError::Malformed(what)) => Happening::Malformed(what),
            Ok(None) | Err(LineError::Io(_)) => Happening::InputEnded,
        };
        let ended = matches!(happening, Happening::InputEnded);
        if inbox.send(happening).is_err() || ended {
            return;
        }
    }
}
