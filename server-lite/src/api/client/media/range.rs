//! `Range` requests for one stretch of bytes ([RFC 9110, section 14](https://www.rfc-editor.org/rfc/rfc9110#section-14)).

/// What part of a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    All,
    /// From the first to the last byte, both included.
    Part(u64, u64),
    /// Nothing that is there.
    Outside,
}

/// Reads a `Range` header for a file of `size` bytes. What is not understood means all of the file.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim().is_empty(), last.trim().is_empty()) {
        (true, true) => Wanted::All,
        (true, false) => match number(last) {
            Some(0) => Wanted::Outside,
            Some(_) if size == 0 => Wanted::Outside,
            Some(n_last) => Wanted::Part(size.saturating_sub(n_last), size - 1),
            None => Wanted::All,
        },
        (false, true) => match number(first) {
            Some(first) if first < size => Wanted::Part(first, size - 1),
            Some(_) => Wanted::Outside,
            None => Wanted::All,
        },
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first > last => Wanted::All,
            (Some(first), Some(last)) if first < size => Wanted::Part(first, last.min(size - 1)),
            (Some(_), Some(_)) => Wanted::Outside,
            _ => Wanted::All,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, wanted};

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, expected) in [
            (None, Wanted::All),
            (Some("bytes=0-9"), Wanted::Part(0, 9)),
            (Some("bytes=90-"), Wanted::Part(90, 99)),
            (Some("bytes=-10"), Wanted::Part(90, 99)),
            (Some("bytes=-1000"), Wanted::Part(0, 99)),
            (Some("bytes=95-1000"), Wanted::Part(95, 99)),
            (Some("bytes=100-"), Wanted::Outside),
            (Some("bytes=-0"), Wanted::Outside),
            (Some("bytes=9-3"), Wanted::All),
            (Some("bytes=0-1,5-6"), Wanted::All),
            (Some("bytes=x-y"), Wanted::All),
            (Some("lines=1-2"), Wanted::All),
        ] {
            assert_eq!(wanted(header, 100), expected, "{header:?}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Outside);
    }
}
