//! HTTP: one module an API, handlers in files named after what they serve.

mod body;
pub mod body_shape;
pub mod client;
pub mod extract;
pub mod figures;
mod guests;
pub mod route;
pub mod well_known;

pub use self::{
    extract::{Authed, Public},
    route::{MAX_BODY, Router, Routes},
};
