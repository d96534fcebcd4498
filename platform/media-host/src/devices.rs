//! Microphones and loudspeakers, as GStreamer finds them at the sound server or in the system.

use gstreamer::{self as gst, glib, prelude::*};
use hardline_media_protocol::Device;

/// Devices of a kind that are told; nobody chooses from more.
const MAX_DEVICES: usize = 64;

/// Which kind of device.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It captures.
    Microphone,
    /// It plays.
    Loudspeaker,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Microphone => "Audio/Source",
            Self::Loudspeaker => "Audio/Sink",
        }
    }
}

/// What tells the devices of these kinds when it is started.
pub(crate) fn monitor(kinds: &[Kind]) -> gst::DeviceMonitor {
    let monitor = gst::DeviceMonitor::new();
    for kind in kinds {
        monitor.add_filter(Some(kind.class()), None);
    }
    monitor
}

/// A device that is to be used.
#[derive(Clone)]
pub(crate) struct Chosen {
    device: gst::Device,
    /// By which name it was chosen; `None` if it was the system that chose.
    pub(crate) name: Option<String>,
}

impl Chosen {
    /// The element that captures or plays.
    pub(crate) fn create(&self, name: Option<&str>) -> Result<gst::Element, glib::BoolError> {
        let element = self.device.create_element(name)?;
        // PulseAudio knows its choice better than GStreamer, and goes on with the next one when that changes.
        let follows = self.name.is_none() && is_default(&self.device);
        if follows && is_of_pulse(&self.device) && element.has_property("device") {
            element.set_property("device", None::<String>);
        }
        Ok(element)
    }
}

/// The device of that name, or the system's choice.
pub(crate) fn find(kind: Kind, name: Option<&str>) -> Option<Chosen> {
    let monitor = monitor(&[kind]);
    monitor.start().ok()?;
    let devices: Vec<gst::Device> = monitor.devices().into_iter().filter(is_real).collect();
    monitor.stop();
    let found = match name {
        Some(name) => {
            let named = |device: &&gst::Device| system_name(device) == name;
            let labelled = |device: &&gst::Device| device.display_name() == name;
            devices.iter().find(named).or(devices.iter().find(labelled))
        }
        None => devices.iter().find(|d| is_default(d)).or(devices.first()),
    };
    Some(Chosen {
        device: found?.clone(),
        name: name.map(str::to_owned),
    })
}

/// Those of a kind among devices, as they are told.
pub(crate) fn told(kind: Kind, devices: &[gst::Device]) -> Vec<Device> {
    devices
        .iter()
        .filter(|device| device.has_classes(kind.class()) && is_real(device))
        .take(MAX_DEVICES)
        .map(|device| Device {
            name: system_name(device),
            label: device.display_name().to_string(),
            is_default: is_default(device),
        })
        .collect()
}

/// Whether two are one, as the system names them.
pub(crate) fn is_same(device: &gst::Device, other: &gst::Device) -> bool {
    device.device_class() == other.device_class() && system_name(device) == system_name(other)
}

/// What the sound server or the system calls a device; what people call it if that is unknown.
fn system_name(device: &gst::Device) -> String {
    let of_server = is_of_pulse(device)
        .then(|| device.property::<Option<String>>("internal-name"))
        .flatten();
    let of_node = || device.properties()?.get::<String>("node.name").ok();
    let name = of_server.or_else(of_node);
    name.unwrap_or_else(|| device.display_name().to_string())
}

fn is_of_pulse(device: &gst::Device) -> bool {
    device.has_property_with_type("internal-name", String::static_type())
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
