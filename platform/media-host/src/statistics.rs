//! What webrtcbin counts, as it is told.

use gstreamer::{self as gst, glib};
use gstreamer_webrtc::WebRTCStatsType;
use hardline_media_protocol::Statistics;

/// Reads the answer to `get-stats`.
pub(crate) fn read(reply: &gst::StructureRef) -> Statistics {
    let mut sum = Statistics::default();
    for (_, value) in reply.iter() {
        if let Ok(entry) = value.get::<gst::Structure>() {
            add(&mut sum, &entry);
        }
    }
    sum
}

fn add(sum: &mut Statistics, entry: &gst::StructureRef) {
    let count = |name: &str| number(entry, name).map_or(0, |n| n.max(0.0) as u64);
    let milliseconds = |name: &str| number(entry, name).map(|seconds| seconds * 1_000.0);
    match entry.get::<WebRTCStatsType>("type") {
        Ok(WebRTCStatsType::OutboundRtp) => {
            sum.packets_sent += count("packets-sent");
            sum.bytes_sent += count("bytes-sent");
        }
        Ok(WebRTCStatsType::InboundRtp) => {
            sum.packets_received += count("packets-received");
            sum.bytes_received += count("bytes-received");
            sum.packets_lost += count("packets-lost");
            sum.jitter = sum.jitter.max(milliseconds("jitter").unwrap_or_default());
        }
        Ok(WebRTCStatsType::RemoteInboundRtp) => {
            sum.remote_loss = number(entry, "fraction-lost").or(sum.remote_loss);
            let round_trip = milliseconds("round-trip-time").filter(|time| *time > 0.0);
            sum.round_trip = round_trip.or(sum.round_trip);
        }
        _ => {}
    }
}

/// A field, of whichever type of number it is in this version of GStreamer.
fn number(entry: &gst::StructureRef, name: &str) -> Option<f64> {
    let value = entry.value(name).ok()?;
    let value = value
        .transform::<f64>()
        .ok()
        .and_then(|value: glib::Value| value.get::<f64>().ok())?;
    value.is_finite().then_some(value)
}
