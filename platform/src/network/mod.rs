//! What the system knows about the network: a hint to retry now or to wait, never a reason not to try.

mod fake;
mod network_manager;

use tokio::sync::watch;

pub use self::{fake::FakeNetwork, network_manager::NetworkManager};

/// Whether the network is likely to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody can say.
    #[default]
    Unknown,
    /// No network.
    Offline,
    /// A network, but perhaps not the internet: a captive portal, or one of our own in a field.
    Limited,
    /// The internet answers.
    Online,
}

/// The system's hint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkHint {
    /// Whether it is likely to work.
    pub reach: Reach,
    /// Whether data costs money.
    pub metered: bool,
}

/// Where the hint comes from.
pub trait Network: Send + Sync + std::fmt::Debug {
    /// The hint now, and as it changes.
    fn watch(&self) -> watch::Receiver<NetworkHint>;
}
