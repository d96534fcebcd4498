//! End to end: the program `hardline`, as people run it, with real servers and other people's clients.

mod bad_server;
mod calls;
mod clock;
mod conversation;
mod disk_full;
mod first_look;
mod js_sdk;
mod keyring;
mod large;
mod odd_events;
mod own_server;
mod person;
mod profile;
mod recovery;
mod sending;
mod verification;
