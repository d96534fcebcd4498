//! The shared core of Hardline: sessions, rooms, timelines and one view model a screen.
//!
//! Arrows: this crate knows Matrix and the traits of `hardline_platform`; it knows neither Slint nor D-Bus.
#![recursion_limit = "256"]

pub mod calls;
pub mod control;
pub mod core;
pub mod encryption;
pub mod failure;
pub mod ids;
pub mod media;
pub mod notice;
mod notifications;
pub mod own_server;
pub mod rate_limit;
pub mod rooms;
pub mod runtime;
pub mod session;
pub mod store;
pub mod sync;
pub mod text;
pub(crate) mod timeline;
pub mod view;

pub use self::core::{Core, CoreConfig, CoreError};
