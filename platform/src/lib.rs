//! What the operating system offers Hardline: each service a trait, a real one and a fake.
//!
//! Arrows: this crate knows D-Bus, portals, files and processes; it knows neither Matrix nor Slint.

pub mod bus;
pub mod dirs;
pub mod identity;
pub mod instance;
pub mod secrets;
