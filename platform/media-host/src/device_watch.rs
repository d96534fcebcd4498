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
const AGAIN: &str = "again";

/// Follows the devices until the process ends.
pub(crate) struct DeviceWatch(gst::Bus);

impl DeviceWatch {
    /// Tells them now, and when they change.
    pub(crate) fn start(inbox: Sender<Happening>) -> Self {
        let monitor = devices::monitor(&[Kind::Microphone, Kind::Loudspeaker]);
        let watch = Self(monitor.bus());
        thread::spawn(move || {
            while watch_once(&monitor, &inbox) {
                monitor.stop();
            }
        });
        watch
    }

    /// Looks anew and tells them: PulseAudio's part of GStreamer does not notice a change of the system's choice alone.
    pub(crate) fn look(&self) {
        let structure = gst::Structure::new_empty(AGAIN);
        let _ = self.0.post(gst::message::Application::new(structure));
    }
}

/// Follows them until they are to be looked at anew; whether there is still somebody to tell.
fn watch_once(monitor: &gst::DeviceMonitor, inbox: &Sender<Happening>) -> bool {
    let bus = monitor.bus();
    let (mut devices, mut told) = (Vec::new(), None);
    if monitor.start().is_ok() {
        for device in monitor.devices() {
            put(&mut devices, device);
        }
    }
    loop {
        for _ in 0..MAX_CHANGES {
            match bus.timed_pop(SETTLE) {
                Some(message) if is_again(&message) => return true,
                Some(message) => follow(&mut devices, &message),
                None => break,
            }
        }
        let event = Event::Devices {
            microphones: devices::told(Kind::Microphone, &devices),
            speakers: devices::told(Kind::Loudspeaker, &devices),
        };
        if told.as_ref() != Some(&event) {
            told = Some(event.clone());
            if inbox.send(Happening::Devices(event)).is_err() {
                return false;
            }
        }
        match bus.timed_pop(gst::ClockTime::NONE) {
            Some(message) if is_again(&message) => return true,
            Some(message) => follow(&mut devices, &message),
            None => {}
        }
    }
}

fn is_again(message: &gst::Message) -> bool {
    message.structure().is_some_and(|s| s.name() == AGAIN)
}

/// Takes in what the monitor says. Its own list does not learn which device is the system's choice now.
fn follow(devices: &mut Vec<gst::Device>, message: &gst::Message) {
    match message.view() {
        gst::MessageView::DeviceAdded(message) => put(devices, message.device()),
        gst::MessageView::DeviceChanged(message) => put(devices, message.device_changed().0),
        gst::MessageView::DeviceRemoved(message) => remove(devices, &message.device()),
        _ => {}
    }
}

fn put(devices: &mut Vec<gst::Device>, device: gst::Device) {
    remove(devices, &device);
    devices.push(device);
}

fn remove(devices: &mut Vec<gst::Device>, device: &gst::Device) {
    devices.retain(|known| !devices::is_same(known, device));
}
