//! The command line: arguments become commands of `hardline_app::control`, carried out here or by the running program.

mod args;
mod dist_files;
mod input;
mod output;
mod owner;
mod print;
mod run;
mod start;

pub use self::{
    args::{Arguments, Sub},
    run::run,
};
