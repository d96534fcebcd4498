//! Fields of a JSON object, read leniently: what has the wrong type is absent.

use serde_json::{Map, Value};

use crate::voip::limits::MAX_LABEL_BYTES;

/// An object to read from.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }

    /// A text short enough to be shown.
    pub(super) fn label(self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        (!text.is_empty() && text.len() <= MAX_LABEL_BYTES).then(|| text.to_owned())
    }

    /// A number of milliseconds or the like; a negative one is zero.
    pub(super) fn number(self, key: &str) -> Option<u64> {
        let value = self.0.get(key)?;
        let float = || value.as_f64().filter(|number| number.is_finite());
        value.as_u64().or_else(|| float().map(|n| n as u64))
    }

    pub(super) fn flag(self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn object(self, key: &str) -> Option<Fields<'a>> {
        self.0.get(key)?.as_object().map(Fields)
    }

    pub(super) fn list(self, key: &str) -> Option<&'a [Value]> {
        self.0.get(key)?.as_array().map(Vec::as_slice)
    }

    pub(super) fn is_null(self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_null)
    }
}
