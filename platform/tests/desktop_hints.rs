//! Looks and network: read, followed, absent, late and gone, on a private bus.

#![allow(missing_docs, reason = "signals the interface macro makes public")]

mod support;

use std::{collections::HashMap, time::Duration};

use hardline_platform::{
    appearance::{AppearanceSource, PortalAppearance, SystemAppearance, SystemScheme},
    bus::Bus,
    network::{Network, NetworkHint, NetworkManager, Reach},
};
use support::{PrivateBus, nowhere};
use tokio::sync::watch;
use zbus::{object_server::SignalEmitter, zvariant::Value};

const LIMIT: Duration = Duration::from_secs(10);
const APPEARANCE: &str = "org.freedesktop.appearance";

struct Settings {
    scheme: u32,
}

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    fn read_all(&self, namespaces: Vec<String>) -> HashMap<&str, HashMap<&str, Value<'_>>> {
        let all = [
            (
                APPEARANCE,
                HashMap::from([("color-scheme", Value::from(self.scheme))]),
            ),
            (
                "org.gnome.desktop.interface",
                HashMap::from([("text-scaling-factor", Value::from(1.25))]),
            ),
        ];
        all.into_iter()
            .filter(|(name, _)| namespaces.iter().any(|asked| asked == name))
            .collect()
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        namespace: &str,
        key: &str,
        value: Value<'_>,
    ) -> zbus::Result<()>;

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        2
    }
}

async fn serve_settings(address: &str, scheme: u32) -> zbus::Connection {
    zbus::connection::Builder::address(address)
        .unwrap()
        .serve_at("/org/freedesktop/portal/desktop", Settings { scheme })
        .unwrap()
        .name("org.freedesktop.portal.Desktop")
        .unwrap()
        .build()
        .await
        .unwrap()
}

async fn until<T: Clone + std::fmt::Debug>(
    watched: &mut watch::Receiver<T>,
    check: impl FnMut(&T) -> bool,
) -> T {
    let found = tokio::time::timeout(LIMIT, watched.wait_for(check)).await;
    let found = found.map(|value| value.unwrap().clone());
    found.unwrap_or_else(|_| panic!("not in {LIMIT:?}; still {:?}", watched.borrow()))
}

#[tokio::test]
async fn looks_are_read_and_followed() {
    let bus = PrivateBus::start();
    let portal = serve_settings(&bus.address, 1).await;
    let source = PortalAppearance::start(Bus::at(&bus.address));
    let mut looks = source.watch();
    let read = until(&mut looks, |looks| looks.scheme == SystemScheme::Dark).await;
    assert_eq!(read.text_scale, 1.25);
    let server = portal.object_server();
    let settings = server
        .interface::<_, Settings>("/org/freedesktop/portal/desktop")
        .await
        .unwrap();
    let emitter = settings.signal_emitter();
    let accent = Value::from((0.0, 1.0, 0.0));
    Settings::setting_changed(emitter, APPEARANCE, "accent-color", accent)
        .await
        .unwrap();
    Settings::setting_changed(emitter, APPEARANCE, "color-scheme", 2_u32.into())
        .await
        .unwrap();
    let changed = until(&mut looks, |looks| looks.scheme == SystemScheme::Light).await;
    assert_eq!(changed.accent, Some([0, 255, 0]));
}

#[tokio::test]
async fn a_portal_that_comes_late_or_again_is_read_then() {
    let bus = PrivateBus::start();
    let source = PortalAppearance::start(Bus::at(&bus.address));
    let mut looks = source.watch();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(*looks.borrow(), SystemAppearance::default());
    let portal = serve_settings(&bus.address, 1).await;
    until(&mut looks, |looks| looks.scheme == SystemScheme::Dark).await;
    portal.close().await.unwrap();
    let _again = serve_settings(&bus.address, 2).await;
    until(&mut looks, |looks| looks.scheme == SystemScheme::Light).await;
}

#[tokio::test]
async fn without_a_bus_looks_are_the_default_and_stay_watchable() {
    let dir = tempfile::tempdir().unwrap();
    let source = PortalAppearance::start(Bus::at(nowhere(dir.path())));
    let mut looks = source.watch();
    let changed = tokio::time::timeout(Duration::from_millis(300), looks.changed()).await;
    assert!(changed.is_err(), "neither a change nor an end");
    assert_eq!(*looks.borrow(), SystemAppearance::default());
}

struct Manager {
    connectivity: u32,
    metered: u32,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    #[zbus(property)]
    fn connectivity(&self) -> u32 {
        self.connectivity
    }

    #[zbus(property)]
    fn state(&self) -> u32 {
        if self.connectivity == 1 { 20 } else { 70 }
    }

    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.metered
    }
}

#[tokio::test]
async fn the_network_is_unknown_then_followed_then_unknown() {
    let bus = PrivateBus::start();
    let network = NetworkManager::start(Bus::at(&bus.address));
    let mut hint = network.watch();
    assert_eq!(*hint.borrow(), NetworkHint::default());
    let path = "/org/freedesktop/NetworkManager";
    let system = zbus::connection::Builder::address(bus.address.as_str())
        .unwrap()
        .serve_at(
            path,
            Manager {
                connectivity: 4,
                metered: 3,
            },
        )
        .unwrap()
        .name("org.freedesktop.NetworkManager")
        .unwrap()
        .build()
        .await
        .unwrap();
    let online = NetworkHint {
        reach: Reach::Online,
        metered: true,
    };
    until(&mut hint, |hint| *hint == online).await;
    let manager = system
        .object_server()
        .interface::<_, Manager>(path)
        .await
        .unwrap();
    manager.get_mut().await.connectivity = 1;
    manager
        .get()
        .await
        .connectivity_changed(manager.signal_emitter())
        .await
        .unwrap();
    manager
        .get()
        .await
        .state_changed(manager.signal_emitter())
        .await
        .unwrap();
    until(&mut hint, |hint| hint.reach == Reach::Offline).await;
    drop(manager);
    system.close().await.unwrap();
    until(&mut hint, |hint| hint.reach == Reach::Unknown).await;
}
