//! Identifiers of calls and parties.
//!
//! Spec: [grammar for VoIP ids](https://spec.matrix.org/v1.16/client-server-api/#grammar-for-voip-ids). Ours follow it; those
//! of others are taken as they are, within bounds, because bridges send what they like.

use std::{fmt, sync::Arc};

use ruma::OwnedRoomId;

use super::limits::MAX_ID_BYTES;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// `None` if it is empty, too long or holds control characters.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let fits = !text.is_empty() && text.len() <= MAX_ID_BYTES;
                (fits && !text.chars().any(char::is_control)).then(|| Self(text.into()))
            }

            /// As it is written in events.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a call, within its room.
    CallId
}
id! {
    /// Names a device for the time of a call.
    PartyId
}
id! {
    /// Names a transfer ([MSC2747](https://github.com/matrix-org/matrix-spec-proposals/pull/2747)).
    ReplacementId
}

/// Where a call is and what it is called: signalling counts only in the room the call was placed in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    /// The room that carries the signalling.
    pub room_id: OwnedRoomId,
    /// The call.
    pub call_id: CallId,
}

impl CallKey {
    /// Puts both together.
    #[must_use]
    pub fn new(room_id: OwnedRoomId, call_id: CallId) -> Self {
        Self { room_id, call_id }
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.room_id, self.call_id)
    }
}

/// Where new ids come from: at least eight random characters of `[0-9a-zA-Z]`, never the same twice.
pub struct IdSource(Box<dyn FnMut() -> String + Send>);

impl IdSource {
    /// Takes ids from a function.
    #[must_use]
    pub fn new(next: impl FnMut() -> String + Send + 'static) -> Self {
        Self(Box::new(next))
    }

    /// The next one, with what does not belong into an id left out.
    fn next(&mut self) -> Arc<str> {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "._~-".contains(*c);
        let text: String = (self.0)()
            .chars()
            .filter(allowed)
            .take(MAX_ID_BYTES)
            .collect();
        if text.is_empty() {
            "0".into()
        } else {
            text.into()
        }
    }

    pub(super) fn call(&mut self) -> CallId {
        CallId(self.next())
    }

    pub(super) fn party(&mut self) -> PartyId {
        PartyId(self.next())
    }

    pub(super) fn replacement(&mut self) -> ReplacementId {
        ReplacementId(self.next())
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSource")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_bridges_are_taken_and_nonsense_is_not() {
        for good in ["1", "c1605883523.9", "@alice:x/device", "ÄÖ"] {
            assert!(CallId::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a\nb", &"x".repeat(256)] {
            assert!(CallId::parse(bad).is_none(), "{bad}");
        }
    }
}
