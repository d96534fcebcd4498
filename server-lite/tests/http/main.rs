//! Black-box tests: the real program, over HTTP.

mod ephemeral;
mod events;
mod membership;
mod operation;
mod requests;
mod rooms;
mod sliding_sync;
mod support;
mod sync_v3;
