//! Whole stories played by other people's clients against a homeserver: the same against Synapse and against ours.

pub mod js_sdk;
pub mod nio;
