//! A network whose state a test states.

use tokio::sync::watch;

use super::{Network, NetworkHint};

/// A network for tests.
#[derive(Debug, Default)]
pub struct FakeNetwork(watch::Sender<NetworkHint>);

impl FakeNetwork {
    /// Changes the hint.
    pub fn set(&self, hint: NetworkHint) {
        self.0.send_replace(hint);
    }
}

impl Network for FakeNetwork {
    fn watch(&self) -> watch::Receiver<NetworkHint> {
        self.0.subscribe()
    }
}
