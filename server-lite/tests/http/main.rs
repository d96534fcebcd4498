//! Black-box tests: the real program, over HTTP.

mod endpoints;
mod ephemeral;
mod events;
mod membership;
mod operation;
mod requests;
mod rooms;
mod sliding_sync;
mod space;
mod support;
mod sync_v3;
mod upgrade;
