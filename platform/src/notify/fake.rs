//! Notifications kept in memory, for tests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;

use super::{Notification, NotificationEvent, Notifier, NotifyError};

/// A notifier for tests.
#[derive(Debug)]
pub struct FakeNotifier {
    shown: Mutex<BTreeMap<String, Notification>>,
    events: broadcast::Sender<NotificationEvent>,
}

impl Default for FakeNotifier {
    fn default() -> Self {
        Self {
            shown: Mutex::default(),
            events: broadcast::channel(16).0,
        }
    }
}

impl FakeNotifier {
    /// What is on the screen, by tag.
    pub fn shown(&self) -> BTreeMap<String, Notification> {
        self.lock().clone()
    }

    /// A person does something.
    pub fn happen(&self, event: NotificationEvent) {
        // An error means that nobody listens, as on a real desktop.
        let _ = self.events.send(event);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Notification>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Notifier for FakeNotifier {
    async fn show(&self, notification: Notification) -> Result<(), NotifyError> {
        self.lock().insert(notification.tag.clone(), notification);
        Ok(())
    }

    async fn close(&self, tag: &str) -> Result<(), NotifyError> {
        self.lock().remove(tag);
        Ok(())
    }

    fn events(&self) -> broadcast::Receiver<NotificationEvent> {
        self.events.subscribe()
    }
}
