//! Keys as packets among those of sound, and how descriptions name them.
//!
//! [RFC 4733](https://www.rfc-editor.org/rfc/rfc4733); the header is that of
//! [RFC 3550, section 5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1).

use hardline_media_protocol::Key;

/// The keys by their codes.
const KEYS: &str = "0123456789*#ABCD";
/// The clocks that keys may be counted by, the better one first: it is that of Opus.
const RATES: [u32; 2] = [48_000, 8_000];
/// The numbers that stand for them in our offers; Chromium's custom.
const NUMBERS: [u8; 2] = [110, 126];
/// How loud they are to be played: decibels below the loudest.
const VOLUME: u8 = 10;
const END_BIT: u8 = 0x80;
const HEADER_BYTES: usize = 12;
const EXTENDED: u8 = 0x10;
const MARKER: u8 = 0x80;

/// A number that stands for keys in a description, and their clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventFormat {
    /// The number.
    pub(crate) number: u8,
    /// Ticks a second.
    pub(crate) rate: u32,
}

impl EventFormat {
    /// What an `rtpmap` says, if it is about keys by a clock that we know.
    pub(crate) fn of_rtpmap(rtpmap: &str) -> Option<Self> {
        let (number, codec) = rtpmap.split_once(' ')?;
        let number = number.parse().ok().filter(|number| *number < 128)?;
        let (name, rate) = codec.trim().split_once('/')?;
        let rate = rate.trim_end_matches("/1").parse().ok()?;
        let known = name.eq_ignore_ascii_case("telephone-event") && RATES.contains(&rate);
        known.then_some(Self { number, rate })
    }

    /// The best of them.
    pub(crate) fn best(formats: &[Self]) -> Option<Self> {
        let of_rate = |rate| formats.iter().find(|format| format.rate == rate);
        RATES.into_iter().find_map(of_rate).copied()
    }
}

/// A description of ours with these formats, or with those of our choice, in its sound.
pub(crate) fn described(sdp: &str, formats: Option<&[EventFormat]>) -> String {
    let mut text = String::with_capacity(sdp.len() + 160);
    let mut to_add = Vec::new();
    let mut done = sdp.contains(" telephone-event/");
    for line in sdp.lines() {
        if line.starts_with("m=") {
            text += &attributes(&std::mem::take(&mut to_add));
        }
        text += line;
        if !done && line.starts_with("m=audio ") && !line.starts_with("m=audio 0 ") {
            done = true;
            to_add = formats.map_or_else(|| free(line), <[EventFormat]>::to_vec);
            for format in &to_add {
                text += &format!(" {}", format.number);
            }
        }
        text += "\r\n";
    }
    text + &attributes(&to_add)
}

fn attributes(formats: &[EventFormat]) -> String {
    let lines = formats.iter().map(|EventFormat { number, rate }| {
        format!("a=rtpmap:{number} telephone-event/{rate}\r\na=fmtp:{number} 0-15\r\n")
    });
    lines.collect()
}

/// Formats of our choice, with numbers that the section does not use.
fn free(media: &str) -> Vec<EventFormat> {
    let mut used: Vec<u8> = media.split(' ').filter_map(|n| n.parse().ok()).collect();
    let mut formats = Vec::new();
    for (rate, number) in RATES.into_iter().zip(NUMBERS) {
        let mut candidates = std::iter::once(number).chain(96..128);
        if let Some(number) = candidates.find(|number| !used.contains(number)) {
            used.push(number);
            formats.push(EventFormat { number, rate });
        }
    }
    formats
}

/// The code of a key.
pub(crate) fn code(key: char) -> Option<u8> {
    KEYS.find(key).and_then(|code| u8::try_from(code).ok())
}

/// What a packet says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyPacket {
    /// When the key was pressed, by the clock of the packets of sound.
    pub(crate) timestamp: u32,
    /// The code of the key.
    pub(crate) code: u8,
    /// It is released.
    pub(crate) end: bool,
    /// For how long it has been pressed, in ticks.
    pub(crate) duration: u16,
    /// It is the first one about this key.
    pub(crate) first: bool,
}

impl KeyPacket {
    /// Reads a packet, if its number is one of these.
    pub(crate) fn read(packet: &[u8], numbers: &[u8]) -> Option<Self> {
        let flags = packet.get(1)?;
        if !numbers.contains(&(flags & !MARKER)) {
            return None;
        }
        let payload = packet.get(header_len(packet)?..)?;
        let [code, how, high, low] = *payload.first_chunk::<4>()?;
        Some(Self {
            timestamp: timestamp(packet)?,
            code,
            end: how & END_BIT != 0,
            duration: u16::from_be_bytes([high, low]),
            first: flags & MARKER != 0,
        })
    }

    /// The packet that is sent in place of one of sound.
    pub(crate) fn write(self, sound: &[u8], number: u8) -> Option<Vec<u8>> {
        let mut packet = sound.get(..header_len(sound)?)?.to_vec();
        // Padding would be that of the sound.
        packet[0] &= !0x20;
        packet[1] = number | if self.first { MARKER } else { 0 };
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        let end = if self.end { END_BIT } else { 0 };
        packet.extend([self.code, end | VOLUME]);
        packet.extend(self.duration.to_be_bytes());
        Some(packet)
    }

    /// Whether it is about the key that another one was about: the same, or a part of one that was pressed for long.
    pub(crate) fn continues(self, last: Self) -> bool {
        let after = last.timestamp.wrapping_add(last.duration.into());
        let follows = !last.end && !self.first && self.timestamp == after;
        self.code == last.code && (self.timestamp == last.timestamp || follows)
    }

    /// The key.
    pub(crate) fn key(self) -> Option<Key> {
        KEYS.chars().nth(self.code.into()).map(Key)
    }
}

/// When a packet belongs, by its clock.
pub(crate) fn timestamp(packet: &[u8]) -> Option<u32> {
    packet.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}

/// Whether a packet's number is one of these.
pub(crate) fn is_numbered(packet: &[u8], numbers: &[u8]) -> bool {
    packet
        .get(1)
        .is_some_and(|flags| numbers.contains(&(flags & !MARKER)))
}

fn header_len(packet: &[u8]) -> Option<usize> {
    let first = packet.first()?;
    let fixed = HEADER_BYTES + 4 * usize::from(first & 0x0f);
    let extension = match first & EXTENDED {
        0 => 0,
        _ => {
            let n_words = packet.get(fixed + 2..fixed + 4)?.try_into().ok()?;
            4 + 4 * usize::from(u16::from_be_bytes(n_words))
        }
    };
    (packet.len() >= fixed + extension).then_some(fixed + extension)
}

#[cfg(test)]
#[path = "telephone_event_tests.rs"]
mod tests;
