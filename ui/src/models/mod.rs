//! Lists as Slint models: batches of diffs come in, the fewest row notifications go out.

mod changes;
mod row_model;

pub use changes::{Change, Keyed, apply_diffs, plan};
pub use row_model::{Listing, RowModel, follow};
