//! Black-box tests: the real program, over HTTP.

mod archive;
mod delayed;
mod disk;
mod endpoints;
mod ephemeral;
mod events;
mod listeners;
mod logs;
mod membership;
mod metrics;
mod older_stores;
mod operation;
mod presence;
mod push_gateway;
mod requests;
mod room_admin;
mod rooms;
mod search;
mod shared_secret;
mod sliding_sync;
mod space;
mod support;
mod sync_v3;
mod upgrade;
mod url_preview;
