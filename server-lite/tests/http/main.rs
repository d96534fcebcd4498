//! Black-box tests: the real program, over HTTP.

mod appservice;
mod delayed;
mod endpoints;
mod ephemeral;
mod events;
mod membership;
mod operation;
mod presence;
mod push_gateway;
mod requests;
mod rooms;
mod search;
mod shared_secret;
mod sliding_sync;
mod space;
mod support;
mod sync_v3;
mod upgrade;
mod url_preview;
