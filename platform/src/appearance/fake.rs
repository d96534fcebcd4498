//! A desktop whose wishes a test states.

use tokio::sync::watch;

use super::{AppearanceSource, SystemAppearance};

/// An appearance source for tests.
#[derive(Debug, Default)]
pub struct FakeAppearance(watch::Sender<SystemAppearance>);

impl FakeAppearance {
    /// Changes what the desktop asks for.
    pub fn set(&self, appearance: SystemAppearance) {
        self.0.send_replace(appearance);
    }
}

impl AppearanceSource for FakeAppearance {
    fn watch(&self) -> watch::Receiver<SystemAppearance> {
        self.0.subscribe()
    }
}
