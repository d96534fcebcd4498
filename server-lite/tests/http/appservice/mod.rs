//! Application services: a small real one, over HTTP in both directions.

mod console;
mod encryption;
mod identity;
mod networks;
mod registration;
mod service;
mod transactions;
