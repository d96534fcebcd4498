//! Candidates on their way: ours after our description, theirs after theirs.
//!
//! [RFC 8839, section 5.1](https://www.rfc-editor.org/rfc/rfc8839#section-5.1).

use std::net::IpAddr;

use hardline_media_protocol::Candidate;

/// Candidates of the other side that are kept until its description is there.
const MAX_WAITING: usize = 512;

/// Candidates of the other side.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    /// The names of the sections of its description, once that is set.
    mids: Option<Vec<String>>,
    waiting: Vec<Candidate>,
}

impl Remote {
    /// Takes one in; what GStreamer may have of it now.
    pub(crate) fn take(
        &mut self,
        candidate: Candidate,
    ) -> Result<Option<(u32, String)>, &'static str> {
        check(&candidate)?;
        match &self.mids {
            Some(mids) => place(&candidate, mids).map(Some),
            None if self.waiting.len() == MAX_WAITING => Err("there are too many"),
            None => {
                self.waiting.push(candidate);
                Ok(None)
            }
        }
    }

    /// Whether a description keeps the sections of the last one, which may be followed by more.
    pub(crate) fn is_continued_by(&self, mids: &[String]) -> bool {
        self.mids
            .as_ref()
            .is_none_or(|known| mids.starts_with(known))
    }

    /// The description is set: those that waited for it.
    pub(crate) fn described(
        &mut self,
        mids: Vec<String>,
    ) -> Vec<Result<(u32, String), &'static str>> {
        let waiting = std::mem::take(&mut self.waiting);
        let placed = waiting
            .iter()
            .map(|candidate| place(candidate, &mids))
            .collect();
        self.mids = Some(mids);
        placed
    }
}

/// The section a candidate belongs to, and its text. The end of candidates belongs to all; one section stands for them.
fn place(candidate: &Candidate, mids: &[String]) -> Result<(u32, String), &'static str> {
    let named = candidate.sdp_mid.as_ref().filter(|mid| !mid.is_empty());
    let by_name = named.and_then(|mid| mids.iter().position(|known| known == mid));
    let by_number = || {
        let number = usize::from(candidate.sdp_m_line_index.unwrap_or_default());
        (number < mids.len()).then_some(number)
    };
    let section = by_name
        .or_else(by_number)
        .ok_or("it belongs to no section")?;
    let text = candidate.candidate.trim_start_matches("a=").trim();
    Ok((section as u32, text.to_owned()))
}

/// Whether it is one.
fn check(candidate: &Candidate) -> Result<(), &'static str> {
    if candidate.is_end() {
        return Ok(());
    }
    let text = candidate.candidate.trim_start_matches("a=").trim();
    if text.len() > 1_024 || text.contains(|c: char| c.is_control()) {
        return Err("it is too long, or no line");
    }
    let text = text.strip_prefix("candidate:").ok_or("it is none")?;
    let words: Vec<&str> = text.split(' ').collect();
    let [
        foundation,
        component,
        transport,
        priority,
        address,
        port,
        typ,
        kind,
        ..,
    ] = words[..]
    else {
        return Err("it is cut off");
    };
    let good = (1..=32).contains(&foundation.len())
        && component
            .parse::<u16>()
            .is_ok_and(|n| (1..=256).contains(&n))
        && (transport.eq_ignore_ascii_case("udp") || transport.eq_ignore_ascii_case("tcp"))
        && priority.parse::<u32>().is_ok()
        && is_address(address)
        && port.parse::<u16>().is_ok()
        && typ == "typ"
        && matches!(kind, "host" | "srflx" | "prflx" | "relay");
    if good {
        Ok(())
    } else {
        Err("it makes no sense")
    }
}

/// An address, or a name that stands for one (mDNS).
fn is_address(text: &str) -> bool {
    let is_name = || {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        text.len() <= 253 && text.ends_with(".local") && text.chars().all(allowed)
    };
    text.parse::<IpAddr>().is_ok() || is_name()
}

/// Candidates of ours, which are told after the description they belong to.
#[derive(Debug)]
pub(crate) struct Local<T> {
    told: bool,
    waiting: Vec<T>,
}

impl<T> Default for Local<T> {
    fn default() -> Self {
        Self {
            told: false,
            waiting: Vec::new(),
        }
    }
}

impl<T> Local<T> {
    /// Takes one in; comes back if it may be told now.
    pub(crate) fn take(&mut self, candidate: T) -> Option<T> {
        if self.told {
            return Some(candidate);
        }
        self.waiting.push(candidate);
        None
    }

    /// The description is told: those that waited for it.
    pub(crate) fn told(&mut self) -> Vec<T> {
        self.told = true;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "candidate:1 1 UDP 2015363327 127.0.0.1 50000 typ host";

    fn candidate(text: &str, mid: Option<&str>, number: Option<u16>) -> Candidate {
        Candidate {
            candidate: text.to_owned(),
            sdp_mid: mid.map(str::to_owned),
            sdp_m_line_index: number,
        }
    }

    fn sections() -> Vec<String> {
        vec!["audio".to_owned(), "video".to_owned()]
    }

    #[test]
    fn they_wait_for_the_description() {
        let mut remote = Remote::default();
        let early = candidate(GOOD, Some("video"), Some(0));
        assert_eq!(remote.take(early.clone()), Ok(None));
        assert_eq!(remote.described(sections()), [Ok((1, GOOD.to_owned()))]);
        assert_eq!(remote.take(early), Ok(Some((1, GOOD.to_owned()))));
    }

    #[test]
    fn a_section_is_found_by_name_then_by_number_then_it_is_the_first() {
        for (mid, number, expected) in [
            (Some("video"), None, Ok(1)),
            (Some(""), Some(1), Ok(1)),
            (Some("other"), Some(1), Ok(1)),
            (None, None, Ok(0)),
            (None, Some(2), Err("it belongs to no section")),
        ] {
            let placed = place(&candidate(GOOD, mid, number), &sections());
            assert_eq!(placed.map(|(section, _)| section), expected);
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_passed_on() {
        for bad in [
            "nonsense",
            "candidate:",
            "candidate:1 1 UDP 1 127.0.0.1",
            "candidate:1 1 UDP x 127.0.0.1 9 typ host",
            "candidate:1 1 UDP 1 127.0.0.1 99999 typ host",
            "candidate:1 1 UDP 1 not an address 9 typ host",
            "candidate:1 1 UDP 1 example.org 9 typ host",
            "candidate:1 1 PIGEON 1 127.0.0.1 9 typ host",
            "candidate:1 1 UDP 1 127.0.0.1 9 typ\nhost",
            "candidate:1 1 UDP 1 127.0.0.1 9 typ hosts",
        ] {
            assert!(check(&candidate(bad, None, None)).is_err(), "{bad}");
        }
        assert_eq!(check(&candidate(GOOD, None, None)), Ok(()));
        assert_eq!(check(&candidate("", None, None)), Ok(()));
        let hidden = "candidate:1 1 udp 1 3f2c-11.local 9 typ host generation 0";
        assert_eq!(check(&candidate(hidden, None, None)), Ok(()));
    }

    #[test]
    fn only_so_many_wait() {
        let mut remote = Remote::default();
        for _ in 0..MAX_WAITING {
            assert_eq!(remote.take(candidate(GOOD, None, None)), Ok(None));
        }
        assert!(remote.take(candidate(GOOD, None, None)).is_err());
    }

    #[test]
    fn ours_are_told_after_the_description() {
        let mut local = Local::default();
        assert_eq!(local.take(1), None);
        assert_eq!(local.take(2), None);
        assert_eq!(local.told(), [1, 2]);
        assert_eq!(local.take(3), Some(3));
    }
}
