//! An open room over the SDK's own mock server: what comes from the wire, as rows; what is done, as requests.

mod composing;
mod rows;
mod support;
