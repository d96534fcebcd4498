//! What the operating system offers Hardline: each service a trait, a real one and a fake.
//!
//! Arrows: this crate knows D-Bus, portals, files and processes; it knows neither Matrix nor Slint.

pub mod appearance;
pub mod background;
pub mod bus;
pub mod dirs;
pub mod file_chooser;
pub mod identity;
pub mod instance;
pub mod media;
pub mod network;
pub mod notify;
pub mod open_uri;
pub mod portal;
pub mod process;
pub mod secrets;
pub mod services;

pub use services::Services;
