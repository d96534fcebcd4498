//! Which parts of GStreamer are needed, and which Debian package has them.

use gstreamer as gst;
use hardline_media_protocol::{AudioSource, Fault};

const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const NICE: &str = "gstreamer1.0-nice";

/// For every call, those first that others only fail without.
const ALWAYS: [(&str, &str); 17] = [
    ("webrtcbin", BAD),
    ("nicesrc", NICE),
    ("nicesink", NICE),
    ("dtlssrtpdec", BAD),
    ("dtlssrtpenc", BAD),
    ("srtpdec", BAD),
    ("srtpenc", BAD),
    ("rtpbin", GOOD),
    ("rtpopuspay", GOOD),
    ("rtpopusdepay", GOOD),
    ("level", GOOD),
    ("opusenc", BASE),
    ("opusdec", BASE),
    ("audioconvert", BASE),
    ("audioresample", BASE),
    ("audiorate", BASE),
    ("volume", BASE),
];

/// For sounds without a call.
const FOR_SOUNDS: [(&str, &str); 4] = [
    ("audiotestsrc", BASE),
    ("audioconvert", BASE),
    ("audioresample", BASE),
    ("audiorate", BASE),
];

/// The first part that is missing for sounds without a call.
pub(crate) fn missing_for_sounds() -> Option<Fault> {
    first_missing(FOR_SOUNDS.iter())
}

/// The first part that is missing for what is to be captured.
pub(crate) fn missing(source: &AudioSource) -> Option<Fault> {
    let more: &[(&str, &str)] = match source {
        AudioSource::Device { .. } => &[],
        AudioSource::Tone { .. } | AudioSource::Silence => &[("audiotestsrc", BASE)],
        AudioSource::File { .. } => &[("audiotestsrc", BASE), ("wavparse", GOOD)],
    };
    first_missing(ALWAYS.iter().chain(more))
}

fn first_missing(
    mut needed: impl Iterator<Item = &'static (&'static str, &'static str)>,
) -> Option<Fault> {
    let absent = |(element, _): &&(&str, &str)| gst::ElementFactory::find(element).is_none();
    let (element, package) = needed.find(absent)?;
    Some(Fault::MissingElement {
        element: (*element).to_owned(),
        package: (*package).to_owned(),
    })
}
