//! Descriptions of the other side, looked at before GStreamer gets them.
//!
//! [RFC 8866](https://www.rfc-editor.org/rfc/rfc8866), [RFC 8829](https://www.rfc-editor.org/rfc/rfc8829),
//! [RFC 8839](https://www.rfc-editor.org/rfc/rfc8839), [RFC 8122](https://www.rfc-editor.org/rfc/rfc8122).

use gstreamer_sdp::SDPMessage;

use crate::telephone_event::EventFormat;

const MAX_BYTES: usize = 64 * 1024;
const MAX_SECTIONS: usize = 16;

/// A description that GStreamer may have.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As GStreamer has it.
    pub(crate) message: SDPMessage,
    /// The names of its sections.
    pub(crate) mids: Vec<String>,
    /// The number that stands for Opus.
    pub(crate) opus: u8,
    /// How its side takes keys (DTMF).
    pub(crate) events: Vec<EventFormat>,
    /// The name of its connection: another one is another connection.
    pub(crate) ufrag: String,
    /// The fingerprint of its side's key.
    pub(crate) fingerprint: String,
}

/// What can be read off a section.
#[derive(Default)]
struct Section<'a> {
    kind: &'a str,
    /// Its numbers.
    formats: Vec<&'a str>,
    rejected: bool,
    /// It says twice how it is connected.
    doubled: bool,
    mid: Option<&'a str>,
    opus: Option<u8>,
    /// The first format for each clock.
    events: Vec<EventFormat>,
    ufrag: Option<&'a str>,
    pwd: Option<&'a str>,
    fingerprint: Option<&'a str>,
    setup: Option<&'a str>,
}

/// Checks a description; an error says what is wrong, and quotes nothing.
pub(crate) fn check(text: &str) -> Result<Checked, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("it is too long");
    }
    if !text.starts_with("v=0") || text.contains('\0') {
        return Err("it is none");
    }
    let sections = sections(text)?;
    let (session, media) = sections.split_first().ok_or("it is none")?;
    let audio = media
        .iter()
        .find(|section| section.kind == "audio" && !section.rejected)
        .ok_or("it has no sound")?;
    // webrtcbin ends the process if it finds one of these twice.
    if sections.iter().any(|section| section.doubled) {
        return Err("it says twice how it is connected");
    }
    for section in media.iter().filter(|section| !section.rejected) {
        check_connection(section, session)?;
    }
    check_names(media)?;
    let ufrag = audio.ufrag.or(session.ufrag).unwrap_or_default();
    let fingerprint = audio
        .fingerprint
        .or(session.fingerprint)
        .unwrap_or_default();
    let opus = audio.opus.ok_or("it has no Opus")?;
    let mut events = audio.events.clone();
    events.retain(|format| {
        let number = format.number.to_string();
        format.number != opus && audio.formats.contains(&number.as_str())
    });
    let mids = media
        .iter()
        .map(|section| section.mid.unwrap_or_default().to_owned())
        .collect();
    let message = SDPMessage::parse_buffer(text.as_bytes()).map_err(|_| "it cannot be read")?;
    Ok(Checked {
        message,
        mids,
        opus,
        events,
        ufrag: ufrag.to_owned(),
        fingerprint: fingerprint.to_owned(),
    })
}

/// Whether a section says how it is connected. What it leaves out stands at the head of the description.
fn check_connection(section: &Section<'_>, session: &Section<'_>) -> Result<(), &'static str> {
    // Both from one place: webrtcbin does not look for the other half elsewhere.
    let pair = section.ufrag.zip(section.pwd);
    let (ufrag, pwd) = pair.or(session.ufrag.zip(session.pwd)).unwrap_or_default();
    if !(4..=256).contains(&ufrag.len()) || !(22..=256).contains(&pwd.len()) {
        return Err("it has no credentials for its connection");
    }
    let fingerprint = section.fingerprint.or(session.fingerprint);
    if !fingerprint.is_some_and(is_fingerprint) {
        return Err("it has no fingerprint of a key");
    }
    let setup = section.setup.or(session.setup);
    match setup {
        Some("actpass" | "active" | "passive") => Ok(()),
        _ => Err("it does not say who begins"),
    }
}

/// No two sections may have one name.
fn check_names(media: &[Section<'_>]) -> Result<(), &'static str> {
    let names: Vec<&str> = media.iter().filter_map(|section| section.mid).collect();
    let distinct: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    match distinct.len() == names.len() {
        true => Ok(()),
        false => Err("two of its sections have one name"),
    }
}

/// The head of a description, and its sections.
fn sections(text: &str) -> Result<Vec<Section<'_>>, &'static str> {
    let mut sections = vec![Section::default()];
    for line in text.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            if sections.len() > MAX_SECTIONS {
                return Err("it has too many sections");
            }
            let mut words = media.split(' ');
            sections.push(Section {
                kind: words.next().unwrap_or_default(),
                rejected: words.next() == Some("0"),
                formats: words.skip(1).map(str::trim_end).collect(),
                ..Section::default()
            });
        } else if let (Some(attribute), Some(section)) =
            (line.strip_prefix("a="), sections.last_mut())
        {
            read_attribute(section, attribute.trim_end());
        }
    }
    Ok(sections)
}

fn read_attribute<'a>(section: &mut Section<'a>, attribute: &'a str) {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    match name {
        "mid" => section.mid = Some(value),
        "ice-ufrag" => section.doubled |= section.ufrag.replace(value).is_some(),
        "ice-pwd" => section.doubled |= section.pwd.replace(value).is_some(),
        "fingerprint" => section.fingerprint = Some(value),
        "setup" => section.setup = Some(value),
        "rtpmap" => {
            section.opus = section.opus.or_else(|| opus(value));
            add_events(section, value);
        }
        // port 0 says here that it shares the port of another section
        "bundle-only" => section.rejected = false,
        _ => {}
    }
}

fn add_events(section: &mut Section<'_>, rtpmap: &str) {
    if let Some(format) = EventFormat::of_rtpmap(rtpmap)
        && !section
            .events
            .iter()
            .any(|known| known.rate == format.rate || known.number == format.number)
    {
        section.events.push(format);
    }
}

/// The number of an `rtpmap` that stands for Opus.
fn opus(rtpmap: &str) -> Option<u8> {
    let (number, codec) = rtpmap.split_once(' ')?;
    let number = number.parse().ok().filter(|number| *number < 128)?;
    let is_opus = codec.trim().to_ascii_lowercase().starts_with("opus/48000");
    is_opus.then_some(number)
}

fn is_fingerprint(text: &str) -> bool {
    let Some((hash, digits)) = text.split_once(' ') else {
        return false;
    };
    let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
    let bytes: Vec<&str> = digits.trim().split(':').collect();
    let n_bytes = match hash.to_ascii_lowercase().as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return false,
    };
    bytes.len() == n_bytes && bytes.into_iter().all(is_byte)
}

/// The stream that a line of a description names.
fn stream_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("a=")?;
    let ids = match line.strip_prefix("msid:") {
        Some(ids) => ids,
        None => line.strip_prefix("ssrc:")?.split_once(" msid:")?.1,
    };
    ids.split(' ').next().filter(|id| !id.is_empty())
}

/// The stream that a description of ours names first.
pub(crate) fn stream_id(text: &str) -> Option<String> {
    text.lines().find_map(stream_of).map(str::to_owned)
}

/// Whether a description of ours carries sound.
pub(crate) fn has_sound(text: &str) -> bool {
    let ports = text
        .lines()
        .filter_map(|line| line.strip_prefix("m=audio "));
    ports.into_iter().any(|port| !port.starts_with("0 "))
}

/// How a description of ours says that we take keys.
pub(crate) fn events(text: &str) -> Vec<EventFormat> {
    text.lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .filter_map(EventFormat::of_rtpmap)
        .collect()
}

/// The names of a description's sections.
pub(crate) fn mids(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .map(|mid| mid.trim().to_owned())
        .collect()
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
