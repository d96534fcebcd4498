//! What Hardline and its media process (`hardline-media`) say to each other: a JSON object a line, requests into the standard
//! input of the process, events out of its standard output.
//!
//! A process serves one call, and makes the sounds around it. It says [`Event::Ready`] when it runs, answers requests in their order, and ends after
//! [`Request::Close`] or when its standard input ends. The requests about descriptions are those of the signalling machine;
//! a [`Round`] comes back with the answer to it, and a description is told before its candidates.
//!
//! This crate knows no GStreamer, so that the program with the window can use it without linking that. Printing a request or an
//! event shows no description, candidate, server, password or key.

mod description;
mod device;
mod event;
mod fault;
mod line;
mod request;
mod sound;
mod tones;

pub use self::{
    description::{Candidate, Round, Sdp},
    device::Device,
    event::{Event, LocalStream, Meter, Purpose, Statistics},
    fault::{Failure, Fault},
    line::{Line, LineError, MAX_LINE_BYTES, read_line, read_message, write_message},
    request::{AudioSink, AudioSource, IceServer, Request, Setup, Shape},
    sound::Sound,
    tones::{Key, MAX_TONES, Tones},
};

/// The version of this protocol, as [`Event::Ready`] tells it. Program and process are installed together; another version means
/// that they were not.
pub const VERSION: u32 = 2;
