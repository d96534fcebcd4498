//! Sends keys: packets of sound on their way to the connection are replaced by packets about keys, which keeps the one numbering
//! of packets and the one clock.
//!
//! GStreamer's `rtpdtmfmux` would do the same by changing the format in mid-stream, which webrtcbin takes for a wish to negotiate.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use gstreamer::{self as gst, prelude::*};
use hardline_media_protocol::{MAX_TONES, Tones};

use crate::telephone_event::{self, EventFormat, KeyPacket};

/// Ticks of the clock of Opus in a millisecond.
const MILLISECOND: u32 = 48;
/// A packet of sound.
const PACKET: u32 = 20 * MILLISECOND;
/// How long a key is pressed.
const TONE: u32 = 100 * MILLISECOND;
/// How long none is pressed after it, at least.
const GAP: u32 = 70 * MILLISECOND;
/// What a comma stands for.
const PAUSE: u32 = 2_000 * MILLISECOND;
/// How often the release of a key is told, since packets get lost.
const N_ENDS: u32 = 3;
/// Keys and pauses that wait.
const MAX_WAITING: usize = 256;

/// A key, or nothing for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The key of this code.
    Key(u8),
    /// A pause.
    Pause,
}

/// What keys say; an error says what is wrong, and quotes nothing.
pub(crate) fn steps(tones: &Tones) -> Result<Vec<Step>, &'static str> {
    if tones.0.len() > MAX_TONES {
        return Err("these are too many keys");
    }
    let step = |key| match key {
        ',' => Some(Step::Pause),
        key => telephone_event::code(key).map(Step::Key),
    };
    let steps: Option<Vec<Step>> = tones.0.chars().map(step).collect();
    steps.ok_or("these are no keys")
}

/// Sends keys over a connection; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Dialler(Arc<Mutex<Line>>);

/// What is to be sent.
#[derive(Default)]
struct Line {
    format: Option<EventFormat>,
    waiting: VecDeque<Step>,
    now: Option<Now>,
}

/// What is being sent.
struct Now {
    step: Step,
    since: u32,
    n_ends: u32,
}

impl Dialler {
    /// Looks at all packets of sound that pass a pad.
    pub(crate) fn attach(&self, pad: &gst::Pad) {
        let line = Arc::clone(&self.0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
                let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(replaced) = line.replace(buffer) {
                    *buffer = replaced;
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Keys may be sent from now on, in this format; if there is none, those that wait are forgotten.
    pub(crate) fn open(&self, format: Option<EventFormat>) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.format = format;
        if format.is_none() {
            line.waiting.clear();
            line.now = None;
        }
    }

    /// Sends keys after those that wait.
    pub(crate) fn dial(&self, steps: &[Step]) -> Result<(), &'static str> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if line.waiting.len() + steps.len() > MAX_WAITING {
            return Err("too many keys wait");
        }
        line.waiting.extend(steps);
        Ok(())
    }
}

impl Line {
    /// What is sent instead of a packet of sound.
    fn replace(&mut self, sound: &gst::Buffer) -> Option<gst::Buffer> {
        let format = self.format?;
        if self.now.is_none() && self.waiting.is_empty() {
            return None;
        }
        let bytes = sound.map_readable().ok()?;
        let mut packet = self.next(telephone_event::timestamp(&bytes)?)?;
        // The clock of the stream stays that of Opus; the length of a key is told by its own.
        packet.duration = (u32::from(packet.duration) * (format.rate / 1_000) / MILLISECOND) as u16;
        let packet = packet.write(&bytes, format.number)?;
        let mut buffer = gst::Buffer::from_mut_slice(packet);
        let flags = gst::BUFFER_COPY_METADATA;
        sound.copy_into(buffer.get_mut()?, flags, ..).ok()?;
        Some(buffer)
    }

    /// What there is to say about a key at that time. Lengths are in ticks of the clock of Opus.
    fn next(&mut self, at: u32) -> Option<KeyPacket> {
        if self.now.as_ref().is_some_and(|now| now.is_over(at)) {
            self.now = None;
        }
        let first = self.now.is_none();
        let now = match &mut self.now {
            Some(now) => now,
            None => self.now.insert(Now {
                step: self.waiting.pop_front()?,
                since: at,
                n_ends: 0,
            }),
        };
        let Step::Key(code) = now.step else {
            return None;
        };
        let duration = (at.wrapping_sub(now.since) + PACKET).min(TONE);
        let end = duration == TONE;
        if end && now.n_ends == N_ENDS {
            return None;
        }
        now.n_ends += u32::from(end);
        Some(KeyPacket {
            timestamp: now.since,
            code,
            end,
            duration: duration as u16,
            first,
        })
    }
}

impl Now {
    fn is_over(&self, at: u32) -> bool {
        let since = at.wrapping_sub(self.since);
        match self.step {
            Step::Key(_) => since >= TONE + GAP && self.n_ends == N_ENDS,
            Step::Pause => since >= PAUSE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tones(text: &str) -> Result<Vec<Step>, &'static str> {
        steps(&Tones(text.to_owned()))
    }

    #[test]
    fn keys_are_read_and_nothing_else() {
        let expected = vec![Step::Key(0), Step::Pause, Step::Key(11), Step::Key(15)];
        assert_eq!(tones("0,#D"), Ok(expected));
        assert_eq!(tones("+49"), Err("these are no keys"));
        assert_eq!(tones("a"), Err("these are no keys"));
        assert!(tones(&"1".repeat(MAX_TONES)).is_ok());
        assert_eq!(
            tones(&"1".repeat(MAX_TONES + 1)),
            Err("these are too many keys")
        );
    }

    #[test]
    fn only_so_many_wait() {
        let dialler = Dialler::default();
        let steps = [Step::Pause; MAX_WAITING];
        assert_eq!(dialler.dial(&steps), Ok(()));
        assert!(dialler.dial(&steps[..1]).is_err());
        dialler.open(None);
        assert_eq!(dialler.dial(&steps), Ok(()));
    }

    /// What is sent in each packet of 20 milliseconds from a moment just before the clock turns over.
    fn sent(text: &str, n_packets: u32) -> Vec<Option<KeyPacket>> {
        let mut line = Line {
            waiting: tones(text).unwrap().into(),
            ..Line::default()
        };
        (0..n_packets)
            .map(|n| line.next((n * PACKET).wrapping_sub(PACKET)))
            .collect()
    }

    #[test]
    fn a_key_lasts_a_tenth_of_a_second_and_its_end_is_told_three_times() {
        let sent = sent("3", 20);
        let said: Vec<(u16, bool, bool)> = sent
            .iter()
            .flatten()
            .map(|packet| (packet.duration, packet.first, packet.end))
            .collect();
        let expected = [
            (960, true, false),
            (1_920, false, false),
            (2_880, false, false),
            (3_840, false, false),
            (4_800, false, true),
            (4_800, false, true),
            (4_800, false, true),
        ];
        assert_eq!(said, expected);
        assert!(sent[..7].iter().all(Option::is_some));
        let same = |packet: &KeyPacket| packet.timestamp == 0_u32.wrapping_sub(PACKET);
        assert!(sent.iter().flatten().all(same));
    }

    #[test]
    fn keys_follow_after_a_gap_and_after_pauses() {
        let begins: Vec<(usize, u8)> = sent("12,,3", 250)
            .iter()
            .enumerate()
            .filter_map(|(n, packet)| packet.filter(|p| p.first).map(|p| (n, p.code)))
            .collect();
        assert_eq!(begins, [(0, 1), (9, 2), (218, 3)]);
    }
}
