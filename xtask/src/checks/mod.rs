//! What the architecture promises, read off the tree.

mod dependencies;
mod leaks;
mod lock;
mod names;
mod sizes;
mod sources;

use std::fmt;

use anyhow::Result;

pub use self::sizes::sizes;
use crate::tree::Tree;

/// A broken promise: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// A file, with a line where there is one.
    pub place: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// All violations in a tree.
pub fn all(tree: &Tree) -> Result<Vec<Violation>> {
    let mut violations = dependencies::check(tree)?;
    violations.extend(lock::check(tree)?);
    violations.extend(sources::check(tree));
    violations.extend(names::check(tree));
    violations.extend(leaks::check(tree));
    violations.sort();
    Ok(violations)
}
