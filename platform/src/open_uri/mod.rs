//! Opening links and files in other programs.

mod desktop;
mod fake;

use std::path::Path;

pub use self::{desktop::DesktopOpener, fake::FakeOpener};

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a kind of link that may be handed to other programs.
    #[error("links of this kind are not opened")]
    Refused,
    /// The person closed the question which program to use.
    #[error("cancelled")]
    Cancelled,
    /// No program could be found or started.
    #[error("nothing could open it: {0}")]
    Failed(String),
}

/// Hands links and files to the programs that are for them.
#[async_trait::async_trait]
pub trait Opener: Send + Sync + std::fmt::Debug {
    /// Opens a link. Only schemes of [`may_open`] are handed on: links come from strangers.
    async fn open_uri(&self, uri: &str) -> Result<(), OpenError>;
    /// Opens a file of our own.
    async fn open_file(&self, path: &Path) -> Result<(), OpenError>;
}

/// Whether a link may leave the program: schemes that browsers, mail and phones handle, never `file:` or unknown ones.
pub fn may_open(uri: &str) -> bool {
    const SCHEMES: [&str; 9] = [
        "https", "http", "mailto", "tel", "sms", "geo", "matrix", "xmpp", "magnet",
    ];
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && !uri.contains(|c: char| c.is_control())
            && SCHEMES
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_schemes_leave_the_program() {
        for uri in [
            "https://example.org",
            "HTTP://example.org",
            "mailto:a@example.org",
            "tel:+1",
        ] {
            assert!(may_open(uri), "{uri}");
        }
        for uri in [
            "file:///etc/passwd",
            "javascript:1",
            "smb://x",
            "https",
            "",
            ":x",
            "https:",
        ] {
            assert!(!may_open(uri), "{uri}");
        }
        assert!(!may_open("https://example.org/\n--help"));
    }
}
