//! Keys that are pressed during a call, which printing does not show: they may be somebody's secret number.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Keys of one request; a longer one is refused.
pub const MAX_TONES: usize = 64;

/// Keys in their order: `0` to `9`, `*`, `#`, `A` to `D`; a comma is a pause of two seconds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tones(pub String);

impl fmt::Debug for Tones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tones({} bytes)", self.0.len())
    }
}

/// A key: `0` to `9`, `*`, `#`, `A` to `D`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub char);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(key)")
    }
}
