//! Call signalling as state machines that do no I/O: events, answers of the media process and the time come in, actions go out.
//!
//! [`voip`] is the one-to-one call of the Matrix specification (`m.call.*`). What both kinds of call need, a [`Moment`] and the
//! age of an event, stands beside it.

pub mod age;
mod moment;
pub mod voip;

pub use self::moment::Moment;
