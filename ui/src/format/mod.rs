//! Plain values in the form a person reads: times, sizes, marked-up text.

mod size;
mod styled;
mod time;

pub use size::{FileSize, SizeUnit, file_size};
pub use styled::styled_text;
pub use time::{Day, Moment, clock, day, moment};
