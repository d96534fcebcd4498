//! The hint from NetworkManager on the system bus; a Flatpak sees it through its proxy if allowed, else nothing.
//!
//! Interface: <https://networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.html>

use futures_util::StreamExt;
use tokio::sync::watch;

use super::{Network, NetworkHint, Reach};
use crate::bus::{Bus, BusError};

const NAME: &str = "org.freedesktop.NetworkManager";

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager",
    gen_blocking = false
)]
trait Manager {
    #[zbus(property)]
    fn connectivity(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn metered(&self) -> zbus::Result<u32>;
}

/// NetworkManager; without it the hint stays unknown.
#[derive(Debug)]
pub struct NetworkManager {
    hint: watch::Receiver<NetworkHint>,
    task: tokio::task::JoinHandle<()>,
}

impl NetworkManager {
    /// Starts following; must be called inside a tokio runtime.
    pub fn start(bus: Bus) -> Self {
        let (sender, hint) = watch::channel(NetworkHint::default());
        let task = tokio::spawn(async move {
            if let Err(error) = follow(&bus, &sender).await {
                tracing::debug!(%error, "no hint about the network");
            }
            sender.send_replace(NetworkHint::default());
            sender.closed().await;
        });
        Self { hint, task }
    }
}

impl Drop for NetworkManager {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Network for NetworkManager {
    fn watch(&self) -> watch::Receiver<NetworkHint> {
        self.hint.clone()
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Call(#[from] zbus::Error),
}

async fn follow(bus: &Bus, sender: &watch::Sender<NetworkHint>) -> Result<(), FollowError> {
    let connection = bus.connection().await?;
    let daemon = zbus::fdo::DBusProxy::new(&connection).await?;
    let mut owners = daemon
        .receive_name_owner_changed_with_args(&[(0, NAME)])
        .await?;
    let manager = ManagerProxy::new(&connection).await?;
    let mut connectivity = manager.receive_connectivity_changed().await;
    let mut state = manager.receive_state_changed().await;
    let mut metered = manager.receive_metered_changed().await;
    loop {
        let hint = read(&manager).await.unwrap_or_default();
        sender.send_if_modified(|held| std::mem::replace(held, hint) != hint);
        tokio::select! {
            Some(_) = connectivity.next() => {}
            Some(_) = state.next() => {}
            Some(_) = metered.next() => {}
            owner = owners.next() => if owner.is_none() { return Ok(()) },
        }
    }
}

async fn read(manager: &ManagerProxy<'_>) -> zbus::Result<NetworkHint> {
    let reach = reach(manager.connectivity().await?, manager.state().await?);
    // 1 yes, 3 guessed yes.
    let metered = matches!(manager.metered().await.unwrap_or(0), 1 | 3);
    Ok(NetworkHint { reach, metered })
}

/// `NMConnectivityState`, and where that is not checked, `NMState`.
fn reach(connectivity: u32, state: u32) -> Reach {
    match (connectivity, state) {
        (4, _) => Reach::Online,
        (2 | 3, _) => Reach::Limited,
        (1, 50..=70) => Reach::Limited,
        (1, _) | (0, 10..=40) => Reach::Offline,
        (0, 70) => Reach::Online,
        (0, 50 | 60) => Reach::Limited,
        _ => Reach::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_mean_what_network_manager_says() {
        assert_eq!(reach(4, 70), Reach::Online);
        assert_eq!(reach(2, 60), Reach::Limited, "captive portal");
        assert_eq!(reach(1, 50), Reach::Limited, "a network without internet");
        assert_eq!(reach(1, 20), Reach::Offline);
        assert_eq!(
            reach(0, 70),
            Reach::Online,
            "connectivity check switched off"
        );
        assert_eq!(reach(0, 0), Reach::Unknown);
    }
}
