//! Where events go.

use std::{fs::File, io, os::fd::AsFd, process};

use hardline_media_protocol::{Event, Fault, write_message};

/// The standard output the process was started with.
pub(crate) struct Output(File);

impl Output {
    /// Takes it: what libraries print from now on goes to standard error, so that it does not get between the events.
    pub(crate) fn take() -> io::Result<Self> {
        let ours = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(File::from(ours)))
    }

    /// Says something. When nobody listens any more there is nothing left to do.
    pub(crate) fn say(&mut self, event: &Event) {
        if write_message(&mut self.0, event).is_err() {
            process::exit(0);
        }
    }

    /// Says that a request is not done.
    pub(crate) fn refuse(&mut self, fault: Fault) {
        self.say(&Event::Refused { fault });
    }
}
