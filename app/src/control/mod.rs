//! Commands to a running core and what it answers: plain serde types, carried out in-process by whoever owns the
//! profile, otherwise over a Unix socket to the owner. Window and command line end in the same service methods.

mod account;
pub mod activation;
mod call_lines;
mod calls;
pub mod client;
mod command;
mod failure;
mod link;
mod messages;
mod perform;
mod room;
mod rows;
mod security;
pub mod server;
mod watch;

pub use self::{
    command::{Command, RecoveryCommand, VerifyTarget},
    failure::{Failure, Reason},
    link::{Link, Progress, Secret},
    perform::perform,
};
