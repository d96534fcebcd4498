//! People, rooms and messages to draw.

#[path = "data/parts.rs"]
mod parts;
#[path = "data/people.rs"]
mod people;
#[path = "data/pictures.rs"]
mod pictures;
#[path = "data/rooms.rs"]
mod rooms;
#[path = "data/timelines.rs"]
mod timelines;

use hardline_views::*;
use slint::{Image, ModelRc, Rgba8Pixel, SharedPixelBuffer, SharedString, StyledText, VecModel};

#[allow(unused_imports, reason = "each test draws some of it")]
pub use self::{parts::*, people::*, pictures::*, rooms::*, timelines::*};

pub fn model<T: Clone + 'static>(rows: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(rows))
}

pub fn s(text: &str) -> SharedString {
    text.into()
}
