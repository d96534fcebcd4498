//! Names for pictures that rows can carry: opaque, without the keys that decrypt them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ruma::{MxcUri, OwnedMxcUri, events::room::MediaSource};

/// How the bytes of a picture are had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    /// The file as it is.
    File,
    /// A smaller one made by the server, cropped to a square.
    Avatar,
    /// A smaller one made by the server.
    Picture,
}

/// Names the whole file at an `mxc:` address that a text mentions.
pub fn file_key(mxc: &str) -> String {
    format!("f:{mxc}")
}

/// Where a picture is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub source: MediaSource,
    pub fetch: Fetch,
}

/// The pictures rows speak of, by name. Encrypted ones must be made known here; addresses of others name themselves.
#[derive(Debug, Default)]
pub struct MediaKeys {
    known: Mutex<HashMap<String, MediaSource>>,
}

impl MediaKeys {
    /// Names a thumbnail sent along.
    pub(crate) fn thumbnail(&self, source: &MediaSource) -> String {
        self.name("t", source)
    }

    /// Names a small file, drawn as it is.
    pub(crate) fn file(&self, source: &MediaSource) -> String {
        self.name("f", source)
    }

    /// Names a picture that the server may make smaller.
    pub(crate) fn picture(&self, source: &MediaSource) -> String {
        self.name("p", source)
    }

    fn name(&self, kind: &str, source: &MediaSource) -> String {
        match source {
            MediaSource::Plain(uri) => format!("{kind}:{uri}"),
            MediaSource::Encrypted(file) => {
                let name = format!("e:{}", file.url);
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if !known.contains_key(&name) {
                    known.insert(name.clone(), source.clone());
                }
                name
            }
        }
    }

    /// Forgets all names, and with them the keys that decrypt.
    pub(super) fn clear(&self) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Where a named picture is; a bare `mxc:` address is an avatar.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        if key.starts_with("mxc://") {
            return plain(key, Fetch::Avatar);
        }
        let (kind, address) = key.split_once(':')?;
        match kind {
            "t" | "f" => plain(address, Fetch::File),
            // Files on their way up have no server that could make them smaller.
            "p" if address.starts_with("mxc://send-queue.localhost/") => {
                plain(address, Fetch::File)
            }
            "p" => plain(address, Fetch::Picture),
            "e" => {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let source = known.get(key)?.clone();
                Some(Place {
                    source,
                    fetch: Fetch::File,
                })
            }
            _ => None,
        }
    }
}

fn plain(address: &str, fetch: Fetch) -> Option<Place> {
    let uri: &MxcUri = address.into();
    uri.validate().ok()?;
    Some(Place {
        source: MediaSource::Plain(OwnedMxcUri::from(address)),
        fetch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_source() {
        let keys = MediaKeys::default();
        let source = MediaSource::Plain("mxc://example.org/abc".into());
        for (name, fetch) in [
            (keys.thumbnail(&source), Fetch::File),
            (keys.file(&source), Fetch::File),
            (keys.picture(&source), Fetch::Picture),
            ("mxc://example.org/abc".to_owned(), Fetch::Avatar),
        ] {
            let place = keys.place(&name).expect(&name);
            assert_eq!(place.fetch, fetch, "{name}");
            assert!(
                matches!(place.source, MediaSource::Plain(uri) if uri == "mxc://example.org/abc")
            );
        }
    }

    #[test]
    fn nonsense_names_nothing() {
        let keys = MediaKeys::default();
        for name in [
            "",
            "x",
            "t:",
            "t:https://example.org/x",
            "p:mxc://",
            "e:mxc://example.org/abc",
            "mxc://",
            "q:mxc://a.b/c",
        ] {
            assert!(keys.place(name).is_none(), "{name}");
        }
    }

    #[test]
    fn files_in_the_send_queue_are_not_asked_of_a_server() {
        let keys = MediaKeys::default();
        let source = MediaSource::Plain("mxc://send-queue.localhost/abc".into());
        let place = keys.place(&keys.picture(&source)).expect("named");
        assert_eq!(place.fetch, Fetch::File);
    }
}
