//! The keyring store against a real gnome-keyring on a private bus, and against none.

#![allow(missing_docs, reason = "signals the interface macro makes public")]

mod support;

use std::time::{Duration, Instant};

use hardline_platform::{
    bus::Bus,
    secrets::{Ask, KeyringStore, Secret, SecretError, SecretStore},
};
use support::{Keyring, PrivateBus, inside, nowhere, wait_for_name};

const SECRETS: &str = "org.freedesktop.secrets";
const QUIETLY: Ask = Ask {
    limit: Duration::from_secs(10),
    may_prompt: false,
};

#[tokio::test]
async fn a_secret_is_kept_replaced_and_removed_per_profile() {
    let bus = PrivateBus::start();
    if !inside(
        "a_secret_is_kept_replaced_and_removed_per_profile",
        &bus.address,
    ) {
        return;
    }
    let (_keyring, store) = open_keyring().await;
    assert_eq!(store.get("one", QUIETLY).await.unwrap(), None);
    store
        .set("one", Secret::new("first"), QUIETLY)
        .await
        .unwrap();
    store
        .set("one", Secret::new([0, 159, 146, 150]), QUIETLY)
        .await
        .unwrap();
    store
        .set("two", Secret::new("other"), QUIETLY)
        .await
        .unwrap();
    let one = KeyringStore::new()
        .get("one", QUIETLY)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(one.expose(), [0, 159, 146, 150]);
    store.delete("one", QUIETLY).await.unwrap();
    store.delete("one", QUIETLY).await.unwrap();
    assert_eq!(store.get("one", QUIETLY).await.unwrap(), None);
    assert_eq!(
        store.get("two", QUIETLY).await.unwrap().unwrap().expose(),
        b"other"
    );
}

#[tokio::test]
async fn a_locked_keyring_is_locked_and_not_empty() {
    let bus = PrivateBus::start();
    if !inside("a_locked_keyring_is_locked_and_not_empty", &bus.address) {
        return;
    }
    let (_keyring, store) = open_keyring().await;
    store
        .set("one", Secret::new("first"), QUIETLY)
        .await
        .unwrap();
    lock_default_collection().await;
    assert!(matches!(
        store.get("one", QUIETLY).await,
        Err(SecretError::Locked)
    ));
    let set = store.set("one", Secret::new("second"), QUIETLY).await;
    assert!(matches!(set, Err(SecretError::Locked)));
}

#[tokio::test]
async fn a_prompt_nobody_can_answer_ends_within_the_limit() {
    let bus = PrivateBus::start();
    if !inside(
        "a_prompt_nobody_can_answer_ends_within_the_limit",
        &bus.address,
    ) {
        return;
    }
    let (_keyring, store) = open_keyring().await;
    store
        .set("one", Secret::new("first"), QUIETLY)
        .await
        .unwrap();
    lock_default_collection().await;
    let started = Instant::now();
    let ask = Ask {
        limit: Duration::from_secs(2),
        may_prompt: true,
    };
    let error = store.get("one", ask).await.unwrap_err();
    assert!(
        matches!(error, SecretError::Late(_) | SecretError::Denied),
        "{error}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert!(matches!(
        store.get("one", QUIETLY).await,
        Err(SecretError::Locked)
    ));
}

#[tokio::test]
async fn without_a_bus_the_keyring_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    if !inside("without_a_bus_the_keyring_is_absent", &nowhere(dir.path())) {
        return;
    }
    let error = KeyringStore::new().get("one", QUIETLY).await.unwrap_err();
    assert!(matches!(error, SecretError::Absent(_)), "{error}");
    assert!(error.may_pass());
}

#[tokio::test]
async fn a_keyring_that_comes_late_is_absent_and_then_there() {
    let bus = PrivateBus::start();
    if !inside(
        "a_keyring_that_comes_late_is_absent_and_then_there",
        &bus.address,
    ) {
        return;
    }
    let store = KeyringStore::new();
    let error = store.get("one", QUIETLY).await.unwrap_err();
    assert!(matches!(error, SecretError::Absent(_)), "{error}");
    let (_keyring, _) = open_keyring().await;
    store
        .set("one", Secret::new("first"), QUIETLY)
        .await
        .unwrap();
    assert_eq!(
        store.get("one", QUIETLY).await.unwrap().unwrap().expose(),
        b"first"
    );
}

#[tokio::test]
async fn a_service_that_never_answers_is_late() {
    let bus = PrivateBus::start();
    if !inside("a_service_that_never_answers_is_late", &bus.address) {
        return;
    }
    let silent = zbus::connection::Builder::session()
        .unwrap()
        .name(SECRETS)
        .unwrap()
        .serve_at("/org/freedesktop/secrets", SilentService)
        .unwrap()
        .build()
        .await
        .unwrap();
    let ask = Ask {
        limit: Duration::from_millis(500),
        may_prompt: true,
    };
    let error = KeyringStore::new().get("one", ask).await.unwrap_err();
    assert!(matches!(error, SecretError::Late(_)), "{error}");
    drop(silent);
}

#[tokio::test]
async fn a_bus_that_dies_in_a_prompt_is_an_error_and_no_crash() {
    // The bus is started inside as well, so that this process can end it.
    let outer = PrivateBus::start();
    if !inside(
        "a_bus_that_dies_in_a_prompt_is_an_error_and_no_crash",
        &outer.address,
    ) {
        drop(outer);
        return;
    }
    let connection = zbus::connection::Builder::session()
        .unwrap()
        .name(SECRETS)
        .unwrap()
        .serve_at("/org/freedesktop/secrets", PromptingService)
        .unwrap()
        .serve_at("/prompt", HangingUp(tokio::sync::Notify::new().into()))
        .unwrap()
        .build()
        .await
        .unwrap();
    let prompt = connection
        .object_server()
        .interface::<_, HangingUp>("/prompt")
        .await
        .unwrap();
    let asked = prompt.get().await.0.clone();
    let store = KeyringStore::new();
    let ask = Ask {
        limit: Duration::from_secs(20),
        may_prompt: true,
    };
    let setting = store.set("one", Secret::new("first"), ask);
    let bus_ends = async {
        asked.notified().await;
        kill_bus(&connection).await;
    };
    let (result, ()) = tokio::join!(setting, bus_ends);
    assert!(matches!(result, Err(SecretError::Absent(_))), "{result:?}");
}

async fn open_keyring() -> (Keyring, KeyringStore) {
    let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
    let keyring = Keyring::start(&address);
    let connection = Bus::session().connection().await.unwrap();
    wait_for_name(&connection, SECRETS).await;
    let store = KeyringStore::new();
    // The name is owned a moment before the login keyring is there.
    support::eventually("the default keyring is there", async || {
        matches!(
            store.set("probe", Secret::new("probe"), QUIETLY).await,
            Ok(())
        )
    })
    .await;
    (keyring, store)
}

async fn lock_default_collection() {
    let connection = Bus::session().connection().await.unwrap();
    let path =
        zbus::zvariant::ObjectPath::from_static_str("/org/freedesktop/secrets/aliases/default");
    connection
        .call_method(
            Some(SECRETS),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "Lock",
            &(vec![path.unwrap()],),
        )
        .await
        .unwrap();
}

/// Ends the `dbus-daemon` this process talks to.
async fn kill_bus(connection: &zbus::Connection) {
    let bus = zbus::fdo::DBusProxy::new(connection).await.unwrap();
    let name = zbus::names::BusName::try_from("org.freedesktop.DBus").unwrap();
    let pid = bus.get_connection_unix_process_id(name).await.unwrap();
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

struct SilentService;

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl SilentService {
    async fn open_session(&self, _algorithm: String, _input: zbus::zvariant::OwnedValue) {
        std::future::pending().await
    }
}

/// A service without a default keyring, which answers a wish for one with a prompt.
struct PromptingService;

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl PromptingService {
    async fn open_session(
        &self,
        algorithm: String,
        _input: zbus::zvariant::OwnedValue,
    ) -> zbus::fdo::Result<(zbus::zvariant::OwnedValue, zbus::zvariant::OwnedObjectPath)> {
        if algorithm != "plain" {
            return Err(zbus::fdo::Error::NotSupported(algorithm));
        }
        let path = zbus::zvariant::OwnedObjectPath::try_from("/session").unwrap();
        Ok((zbus::zvariant::Value::from("").try_into().unwrap(), path))
    }

    async fn read_alias(&self, _name: String) -> zbus::zvariant::OwnedObjectPath {
        zbus::zvariant::OwnedObjectPath::try_from("/").unwrap()
    }

    async fn create_collection(
        &self,
        _properties: std::collections::HashMap<String, zbus::zvariant::OwnedValue>,
        _alias: String,
    ) -> (
        zbus::zvariant::OwnedObjectPath,
        zbus::zvariant::OwnedObjectPath,
    ) {
        let path = |text| zbus::zvariant::OwnedObjectPath::try_from(text).unwrap();
        (path("/"), path("/prompt"))
    }
}

struct HangingUp(std::sync::Arc<tokio::sync::Notify>);

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl HangingUp {
    async fn prompt(&self, _window: String) {
        self.0.notify_one();
    }

    #[zbus(signal)]
    async fn completed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        dismissed: bool,
        result: zbus::zvariant::Value<'_>,
    ) -> zbus::Result<()>;
}
