//! Microphones and loudspeakers, as GStreamer finds them at the sound server or in the system.

use gstreamer::{self as gst, prelude::*};

/// Which kind of device.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It captures.
    Microphone,
    /// It plays.
    Loudspeaker,
}

/// The device of that name, or the system's choice.
pub(crate) fn find(kind: Kind, name: Option<&str>) -> Option<gst::Device> {
    let monitor = gst::DeviceMonitor::new();
    let class = match kind {
        Kind::Microphone => "Audio/Source",
        Kind::Loudspeaker => "Audio/Sink",
    };
    monitor.add_filter(Some(class), None)?;
    monitor.start().ok()?;
    let devices: Vec<gst::Device> = monitor.devices().into_iter().filter(is_real).collect();
    monitor.stop();
    match name {
        Some(name) => devices
            .into_iter()
            .find(|device| device.display_name() == name || device.name() == name),
        None => {
            let default = devices.iter().position(is_default).unwrap_or(0);
            devices.into_iter().nth(default)
        }
    }
}

/// What the computer plays can be captured as well; nobody wants to hear that in a call.
fn is_real(device: &gst::Device) -> bool {
    let class = device
        .properties()
        .and_then(|properties| properties.get::<String>("device.class").ok());
    class.as_deref() != Some("monitor")
}

fn is_default(device: &gst::Device) -> bool {
    let default = device
        .properties()
        .and_then(|properties| properties.get::<bool>("is-default").ok());
    default == Some(true)
}
