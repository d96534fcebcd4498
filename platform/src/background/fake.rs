//! Remembers what was asked, for tests.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Background, BackgroundError};

/// A background service for tests.
#[derive(Debug, Default)]
pub struct FakeBackground {
    autostart: AtomicBool,
    refuses: AtomicBool,
}

impl FakeBackground {
    /// Whether the program would start with the session.
    pub fn autostart(&self) -> bool {
        self.autostart.load(Ordering::Relaxed)
    }

    /// Says no from now on, or yes again.
    pub fn set_refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }
}

#[async_trait::async_trait]
impl Background for FakeBackground {
    async fn request(&self, autostart: bool) -> Result<(), BackgroundError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(BackgroundError::Denied);
        }
        self.autostart.store(autostart, Ordering::Relaxed);
        Ok(())
    }
}
