//! Tells the microphones and loudspeakers whenever they change, from a thread of its own: a sound server may take its time.

use std::{sync::mpsc::Sender, thread};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::Event;

use crate::{
    devices::{self, Kind},
    happening::Happening,
};

/// How long devices must leave each other alone before they are told: they come and go in groups.
const SETTLE: gst::ClockTime = gst::ClockTime::from_mseconds(150);
/// How often devices may change without being told.
const MAX_CHANGES: u32 = 100;

/// Tells them now, and when they change, until the process ends.
pub(crate) fn start(inbox: Sender<Happening>) {
    thread::spawn(move || watch(&inbox));
}

fn watch(inbox: &Sender<Happening>) {
    let Some(monitor) = devices::monitor(&[Kind::Microphone, Kind::Loudspeaker]) else {
        let _ = inbox.send(Happening::Devices(none()));
        return;
    };
    let bus = monitor.bus();
    let mut told = None;
    loop {
        for _ in 0..MAX_CHANGES {
            if bus.timed_pop(SETTLE).is_none() {
                break;
            }
        }
        let devices: Vec<gst::Device> = monitor.devices().into_iter().collect();
        let event = Event::Devices {
            microphones: devices::told(Kind::Microphone, &devices),
            speakers: devices::told(Kind::Loudspeaker, &devices),
        };
        if told.as_ref() != Some(&event) {
            told = Some(event.clone());
            if inbox.send(Happening::Devices(event)).is_err() {
                return;
            }
        }
        bus.timed_pop(gst::ClockTime::NONE);
    }
}

fn none() -> Event {
    Event::Devices {
        microphones: Vec::new(),
        speakers: Vec::new(),
    }
}
