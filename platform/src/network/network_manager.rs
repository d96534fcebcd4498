//! The hint from NetworkManager on the system bus; a Flatpak sees it through its proxy if allowed, else nothing.
//!
//! Interface: <https://networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.html>

use futures_util::StreamExt;
use tokio::sync::watch;
use zbus::{fdo::PropertiesProxy, names::InterfaceName};

use super::{Network, NetworkHint, Reach};
use crate::bus::{Bus, BusError};

const NAME: &str = "org.freedesktop.NetworkManager";
const PATH: &str = "/org/freedesktop/NetworkManager";

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
    let manager = PropertiesProxy::builder(&connection)
        .destination(NAME)?
        .path(PATH)?
        .build()
        .await?;
    let mut changes = manager
        .receive_properties_changed_with_args(&[(0, NAME)])
        .await?;
    loop {
        let hint = read(&manager).await.unwrap_or_default();
        sender.send_if_modified(|held| std::mem::replace(held, hint) != hint);
        tokio::select! {
            Some(_) = changes.next() => {}
            owner = owners.next() => if owner.is_none() { return Ok(()) },
        }
    }
}

/// Asked anew each time: a cache would outlive the service.
async fn read(manager: &PropertiesProxy<'_>) -> zbus::fdo::Result<NetworkHint> {
    let interface = InterfaceName::from_static_str(NAME).map_err(zbus::Error::from)?;
    let properties = manager.get_all(interface).await?;
    let number = |name: &str| {
        let value = properties.get(name)?;
        u32::try_from(value).ok()
    };
    let reach = reach(
        number("Connectivity").unwrap_or(0),
        number("State").unwrap_or(0),
    );
    // 1 yes, 3 guessed yes.
    let metered = matches!(number("Metered"), Some(1 | 3));
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
