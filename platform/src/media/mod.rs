//! The media process of a call, `hardline-media`: the program with the window stays free of GStreamer.
//!
//! What the two say to each other is [`protocol`]. A process serves one call; it is started when a call rings or is placed, since
//! it needs a third of a second before it can answer.

mod fake;
mod process;

use std::{path::PathBuf, time::Duration};

pub use hardline_media_protocol as protocol;

use self::protocol::{Event, Request};
pub use self::{
    fake::{FakeMedia, FakeMediaProcess},
    process::ChildMedia,
};
use crate::process::Exit;

/// Names the program, where it is neither beside ours nor on the `PATH`.
pub const PROGRAM_VARIABLE: &str = "HARDLINE_MEDIA";
/// How long a process that was told to close may take before it is killed.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long it may take to say that it runs: GStreamer reads its plugins when it is started for the first time.
pub const READY_LIMIT: Duration = Duration::from_secs(30);

/// Why there is no media process, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The program is not installed.
    #[error("{} is not installed", .0.display())]
    NotInstalled(PathBuf),
    /// The system could not start it, or lost it.
    #[error("media process: {0}")]
    Io(#[from] std::io::Error),
    /// It ended, though nobody told it to.
    #[error("the media process ended: {0:?}")]
    Ended(Option<Exit>),
    /// It did not say that it runs within [`READY_LIMIT`], or took no request within [`CLOSE_LIMIT`].
    #[error("the media process does not answer")]
    Late,
    /// It is of another version of the program.
    #[error("the media process speaks version {0}, not {ours}", ours = protocol::VERSION)]
    OtherVersion(u32),
}

/// Starts media processes.
#[async_trait::async_trait]
pub trait Media: Send + Sync + std::fmt::Debug {
    /// Starts one and waits until it takes requests. It ends with the value.
    async fn start(&self) -> Result<Box<dyn MediaProcess>, MediaError>;
}

/// A running media process; dropping it ends it.
#[async_trait::async_trait]
pub trait MediaProcess: Send + std::fmt::Debug {
    /// Its id, for logs.
    fn pid(&self) -> u32;
    /// Asks it for something. An error means that it does not listen any more; [`MediaProcess::next`] tells of its end.
    async fn ask(&mut self, request: &Request) -> Result<(), MediaError>;
    /// What it says next; an error is its end. Nothing is lost if the future is dropped.
    async fn next(&mut self) -> Result<Event, MediaError>;
    /// Tells it to stop capturing and to go, and waits for its end: [`CLOSE_LIMIT`] at most, then it is killed.
    async fn close(self: Box<Self>);
}
