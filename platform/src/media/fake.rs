//! Media processes that exist only in a test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::{
    Media, MediaError, MediaProcess,
    protocol::{Event, Request},
};
use crate::{identity::MEDIA_PROGRAM, process::Exit};

/// Starts pretended media processes; clones share them.
#[derive(Clone, Debug, Default)]
pub struct FakeMedia {
    started: Arc<watch::Sender<Vec<FakeMediaProcess>>>,
    missing: Arc<Mutex<bool>>,
}

impl FakeMedia {
    /// All that were started, in order, and a way to wait for more.
    #[must_use]
    pub fn started(&self) -> watch::Receiver<Vec<FakeMediaProcess>> {
        self.started.subscribe()
    }

    /// Behaves from now on as if the program were not installed, or as if it were again.
    pub fn set_missing(&self, missing: bool) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = missing;
    }
}

#[async_trait::async_trait]
impl Media for FakeMedia {
    async fn start(&self) -> Result<Box<dyn MediaProcess>, MediaError> {
        if *self.missing.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(MediaError::NotInstalled(MEDIA_PROGRAM.into()));
        }
        let (events, events_out) = mpsc::unbounded_channel();
        let process = FakeMediaProcess {
            asked: Arc::default(),
            events: Arc::new(Mutex::new(Some(events))),
        };
        self.started
            .send_modify(|started| started.push(process.clone()));
        Ok(Box::new(Inside {
            process,
            events: events_out,
        }))
    }
}

/// A pretended media process; clones are the same one.
#[derive(Clone, Debug)]
pub struct FakeMediaProcess {
    asked: Arc<watch::Sender<Vec<Request>>>,
    events: Arc<Mutex<Option<mpsc::UnboundedSender<Event>>>>,
}

impl FakeMediaProcess {
    /// All it was asked for, in order, and a way to wait for more. [`Request::Close`] is the last.
    #[must_use]
    pub fn asked(&self) -> watch::Receiver<Vec<Request>> {
        self.asked.subscribe()
    }

    /// Says something.
    pub fn say(&self, event: Event) {
        if let Some(events) = &*self.events() {
            let _ = events.send(event);
        }
    }

    /// Ends, as if it had been killed.
    pub fn die(&self) {
        self.events().take();
    }

    fn events(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Event>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The side that the program holds.
#[derive(Debug)]
struct Inside {
    process: FakeMediaProcess,
    events: mpsc::UnboundedReceiver<Event>,
}

#[async_trait::async_trait]
impl MediaProcess for Inside {
    fn pid(&self) -> u32 {
        0
    }

    async fn ask(&mut self, request: &Request) -> Result<(), MediaError> {
        if self.process.events().is_none() {
            return Err(MediaError::Ended(Some(Exit::Signal(9))));
        }
        self.process
            .asked
            .send_modify(|asked| asked.push(request.clone()));
        Ok(())
    }

    async fn next(&mut self) -> Result<Event, MediaError> {
        let event = self.events.recv().await;
        event.ok_or(MediaError::Ended(Some(Exit::Signal(9))))
    }

    async fn close(mut self: Box<Self>) {
        let _ = self.ask(&Request::Close).await;
        self.process.die();
    }
}
