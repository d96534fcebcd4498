//! The window of Hardline: adapters between the view models of `hardline_app` and the Slint files of
//! `hardline_views`, the list models, navigation, and the command line.
//!
//! Arrows: this crate knows `hardline_app` and Slint; it knows neither ruma nor matrix-sdk.
#![recursion_limit = "256"]

pub mod adapters;
pub mod cli;
pub mod format;
pub mod images;
pub mod models;
pub mod renderer;
pub mod window;
