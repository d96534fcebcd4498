//! Plain values in the form a person reads: times, sizes, marked-up text.

mod size;
mod styled;
mod time;

pub use size::{FileSize, SizeUnit, file_size};
pub use styled::{REVEAL_LINK, Spoilers, styled_text};
pub use time::{
    Day, Moment, clock, day, day_name, duration, list_time, long_time, moment, near_time,
    until_tomorrow,
};
