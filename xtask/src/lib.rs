//! Project commands: architecture checks, installing, packaging helpers.

pub mod checks;
pub mod dist;
#[path = "../../platform/src/identity.rs"]
pub mod identity;
pub mod tree;
