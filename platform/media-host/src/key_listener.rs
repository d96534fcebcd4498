//! Receives keys: packets about them are taken out from among those of sound, before webrtcbin takes them for another stream.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::Key;

use crate::telephone_event::{self, EventFormat, KeyPacket};

/// Keys that are told in a second; no hand presses as many.
const MAX_A_SECOND: u32 = 25;

/// Receives keys over a connection; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct KeyListener(Arc<Mutex<Ear>>);

/// What was heard.
#[derive(Default)]
struct Ear {
    numbers: Vec<u8>,
    last: Option<KeyPacket>,
    second: Option<(Instant, u32)>,
}

impl KeyListener {
    /// Looks at all packets that a connection receives.
    pub(crate) fn attach(
        &self,
        webrtc: &gst::Element,
        tell: impl Fn(Key) + Clone + Send + Sync + 'static,
    ) {
        let Some(bin) = webrtc.downcast_ref::<gst::Bin>() else {
            return;
        };
        let ear = Arc::clone(&self.0);
        bin.connect_deep_element_added(move |_, _, element| {
            let factory = element.factory().map(|factory| factory.name());
            // It is behind what puts packets into their order.
            if factory.as_deref() == Some("rtpptdemux")
                && let Some(pad) = element.static_pad("sink")
            {
                listen(&pad, Arc::clone(&ear), tell.clone());
            }
        });
    }

    /// Packets of these formats are about keys, too.
    pub(crate) fn know(&self, formats: &[EventFormat]) {
        let mut ear = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for EventFormat { number, .. } in formats {
            if !ear.numbers.contains(number) {
                ear.numbers.push(*number);
            }
        }
    }
}

fn listen(pad: &gst::Pad, ear: Arc<Mutex<Ear>>, tell: impl Fn(Key) + Send + Sync + 'static) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let Ok(packet) = buffer.map_readable() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut ear = ear.lock().unwrap_or_else(PoisonError::into_inner);
        if !telephone_event::is_numbered(&packet, &ear.numbers) {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(packet) = KeyPacket::read(&packet, &ear.numbers)
            && let Some(key) = ear.take(packet, Instant::now())
        {
            tell(key);
        }
        gst::PadProbeReturn::Handled
    });
}

impl Ear {
    /// Takes a packet in; the key, if it is a new one.
    fn take(&mut self, packet: KeyPacket, now: Instant) -> Option<Key> {
        let last = self.last.replace(packet);
        let known = last.is_some_and(|last| packet.continues(last));
        packet
            .key()
            .filter(|_| !known && self.is_within_measure(now))
    }

    fn is_within_measure(&mut self, now: Instant) -> bool {
        let (since, n_told) = self.second.get_or_insert((now, 0));
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, *n_told) = (now, 0);
        }
        *n_told += 1;
        *n_told <= MAX_A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp: u32, code: u8, duration: u16, end: bool) -> KeyPacket {
        KeyPacket {
            timestamp,
            code,
            end,
            duration,
            first: false,
        }
    }

    #[test]
    fn each_key_is_told_once_whatever_is_lost() {
        let (mut ear, now) = (Ear::default(), Instant::now());
        for (said, expected) in [
            (packet(0, 1, 960, false), Some('1')),
            (packet(0, 1, 4_800, true), None),
            (packet(0, 1, 4_800, true), None),
            (packet(9_600, 1, 960, false), Some('1')),
            (packet(19_200, 2, 4_800, true), Some('2')),
            (packet(20_000, 16, 4_800, true), None),
            // held for so long that it had to be begun anew
            (packet(30_000, 3, 65_535, false), Some('3')),
            (packet(95_535, 3, 960, false), None),
            (packet(95_535, 3, 1_920, true), None),
        ] {
            assert_eq!(ear.take(said, now), expected.map(Key));
        }
    }

    #[test]
    fn only_so_many_are_told_in_a_second() {
        let (mut ear, now) = (Ear::default(), Instant::now());
        let mut n_told = |now| {
            let keys = (0..200).map(|n| packet(n * 10_000, 5, 960, true));
            keys.filter_map(|key| ear.take(key, now)).count()
        };
        assert_eq!(n_told(now), 25);
        assert_eq!(n_told(now + Duration::from_secs(1)), 25);
    }
}
