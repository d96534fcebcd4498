//! Notifications against a server of the test's own on a private bus.

#![allow(missing_docs, reason = "signals the interface macro makes public")]

mod support;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hardline_platform::{
    bus::Bus,
    identity,
    notify::{
        FreedesktopNotifier, Notification, NotificationAction, NotificationEvent, Notifier,
        NotifyError, PortalNotifier,
    },
};
use support::{PrivateBus, nowhere};
use zbus::{object_server::SignalEmitter, zvariant::OwnedValue};

/// What a program sent.
#[derive(Clone, Debug)]
struct Sent {
    replaces: u32,
    title: String,
    body: String,
    actions: Vec<String>,
    hints: HashMap<String, OwnedValue>,
}

#[derive(Default)]
struct Server {
    capabilities: Vec<&'static str>,
    sent: Arc<Mutex<Vec<Sent>>>,
    closed: Arc<Mutex<Vec<u32>>>,
    last_id: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[allow(clippy::too_many_arguments, reason = "the specification's signature")]
    fn notify(
        &mut self,
        _app_name: String,
        replaces: u32,
        _app_icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        self.sent.lock().unwrap().push(Sent {
            replaces,
            title,
            body,
            actions,
            hints,
        });
        if replaces == 0 {
            self.last_id += 1;
            self.last_id
        } else {
            replaces
        }
    }

    fn close_notification(&mut self, id: u32) {
        self.closed.lock().unwrap().push(id);
    }

    fn get_capabilities(&self) -> Vec<&str> {
        self.capabilities.clone()
    }

    #[zbus(signal)]
    async fn action_invoked(
        emitter: &SignalEmitter<'_>,
        id: u32,
        action_key: &str,
    ) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn activation_token(
        emitter: &SignalEmitter<'_>,
        id: u32,
        activation_token: &str,
    ) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn notification_replied(
        emitter: &SignalEmitter<'_>,
        id: u32,
        text: &str,
    ) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}

struct Desktop {
    connection: zbus::Connection,
    sent: Arc<Mutex<Vec<Sent>>>,
    closed: Arc<Mutex<Vec<u32>>>,
}

impl Desktop {
    async fn start(bus: &PrivateBus, capabilities: &[&'static str]) -> Self {
        let server = Server {
            capabilities: capabilities.to_vec(),
            ..Server::default()
        };
        let (sent, closed) = (Arc::clone(&server.sent), Arc::clone(&server.closed));
        let connection = zbus::connection::Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", server)
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .await
            .unwrap();
        Self {
            connection,
            sent,
            closed,
        }
    }

    async fn emitter(&self) -> SignalEmitter<'static> {
        let path = "/org/freedesktop/Notifications";
        let server = self.connection.object_server();
        server
            .interface::<_, Server>(path)
            .await
            .unwrap()
            .signal_emitter()
            .to_owned()
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

fn text(text: &str) -> OwnedValue {
    zbus::zvariant::Value::from(text).try_into().unwrap()
}

fn message(tag: &str, body: &str) -> Notification {
    Notification {
        tag: tag.into(),
        title: "Ada".into(),
        body: body.into(),
        actions: vec![NotificationAction {
            id: "read".into(),
            label: "Mark as read".into(),
        }],
        reply: Some("Reply".into()),
        ..Notification::default()
    }
}

async fn next(
    events: &mut tokio::sync::broadcast::Receiver<NotificationEvent>,
) -> NotificationEvent {
    tokio::time::timeout(Duration::from_secs(10), events.recv())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn one_notification_a_room_is_replaced_and_closed() {
    let bus = PrivateBus::start();
    let desktop = Desktop::start(&bus, &["actions", "body-markup"]).await;
    let notifier = FreedesktopNotifier::new(Bus::at(&bus.address));
    notifier.show(message("!a", "1 < 2 & <b>")).await.unwrap();
    notifier.show(message("!b", "other")).await.unwrap();
    notifier.show(message("!a", "second")).await.unwrap();
    let sent = desktop.sent();
    assert_eq!(
        sent.iter().map(|sent| sent.replaces).collect::<Vec<_>>(),
        [0, 0, 1]
    );
    assert_eq!(sent[0].title, "Ada");
    assert_eq!(sent[0].body, "1 &lt; 2 &amp; &lt;b&gt;");
    assert_eq!(sent[0].actions, ["default", "", "read", "Mark as read"]);
    assert_eq!(sent[0].hints["desktop-entry"], text(identity::APP_ID));
    notifier.close("!a").await.unwrap();
    notifier.close("!a").await.unwrap();
    notifier.close("!unknown").await.unwrap();
    assert_eq!(*desktop.closed.lock().unwrap(), [1]);
}

#[tokio::test]
async fn only_what_the_server_can_do_is_asked_of_it() {
    let bus = PrivateBus::start();
    let desktop = Desktop::start(&bus, &[]).await;
    FreedesktopNotifier::new(Bus::at(&bus.address))
        .show(message("!a", "<b>"))
        .await
        .unwrap();
    assert_eq!(
        desktop.sent()[0].body,
        "<b>",
        "no markup: the text as it is"
    );
    assert!(desktop.sent()[0].actions.is_empty());
    drop(desktop);

    let bus = PrivateBus::start();
    let desktop = Desktop::start(&bus, &["actions", "inline-reply"]).await;
    FreedesktopNotifier::new(Bus::at(&bus.address))
        .show(message("!a", "x"))
        .await
        .unwrap();
    let actions = &desktop.sent()[0].actions;
    assert_eq!(actions[2..4], ["inline-reply", "Reply"]);
}

#[tokio::test]
async fn what_a_person_does_comes_back_with_its_room_and_token() {
    let bus = PrivateBus::start();
    let desktop = Desktop::start(&bus, &["actions", "inline-reply"]).await;
    let notifier = FreedesktopNotifier::new(Bus::at(&bus.address));
    let mut events = notifier.events();
    notifier.show(message("!a", "x")).await.unwrap();
    let emitter = desktop.emitter().await;
    let tag = || "!a".to_owned();

    Server::action_invoked(&emitter, 99, "default")
        .await
        .unwrap();
    Server::activation_token(&emitter, 1, "token-1")
        .await
        .unwrap();
    Server::action_invoked(&emitter, 1, "default")
        .await
        .unwrap();
    let expected = NotificationEvent::Activated {
        tag: tag(),
        token: Some("token-1".into()),
    };
    assert_eq!(next(&mut events).await, expected);

    Server::action_invoked(&emitter, 1, "read").await.unwrap();
    let expected = NotificationEvent::Action {
        tag: tag(),
        action: "read".into(),
        token: None,
    };
    assert_eq!(next(&mut events).await, expected);

    Server::notification_replied(&emitter, 1, "on my way")
        .await
        .unwrap();
    let expected = NotificationEvent::Replied {
        tag: tag(),
        text: "on my way".into(),
    };
    assert_eq!(next(&mut events).await, expected);

    Server::notification_closed(&emitter, 1, 2).await.unwrap();
    assert_eq!(
        next(&mut events).await,
        NotificationEvent::Closed { tag: tag() }
    );
    notifier.show(message("!a", "again")).await.unwrap();
    assert_eq!(
        desktop.sent()[1].replaces,
        0,
        "a closed one is not replaced"
    );
}

#[tokio::test]
async fn a_desktop_without_notifications_is_an_error_until_they_come() {
    let bus = PrivateBus::start();
    let notifier = FreedesktopNotifier::new(Bus::at(&bus.address));
    let error = notifier.show(message("!a", "x")).await.unwrap_err();
    assert!(matches!(error, NotifyError::Absent), "{error}");
    let desktop = Desktop::start(&bus, &[]).await;
    notifier.show(message("!a", "x")).await.unwrap();
    assert_eq!(desktop.sent().len(), 1);
}

#[tokio::test]
async fn without_a_bus_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for notifier in [
        &FreedesktopNotifier::new(Bus::at(nowhere(dir.path()))) as &dyn Notifier,
        &PortalNotifier::new(Bus::at(nowhere(dir.path()))),
    ] {
        let error = notifier.show(message("!a", "x")).await.unwrap_err();
        assert!(matches!(error, NotifyError::Bus(_)), "{error}");
    }
}

/// The portal's side: notifications by id.
#[derive(Default)]
struct Portal(HashMap<String, HashMap<String, OwnedValue>>);

#[zbus::interface(name = "org.freedesktop.portal.Notification")]
impl Portal {
    fn add_notification(&mut self, id: String, notification: HashMap<String, OwnedValue>) {
        self.0.insert(id, notification);
    }

    fn remove_notification(&mut self, id: String) {
        self.0.remove(&id);
    }

    #[zbus(signal)]
    async fn action_invoked(
        emitter: &SignalEmitter<'_>,
        id: &str,
        action: &str,
        parameter: Vec<zbus::zvariant::Value<'_>>,
    ) -> zbus::Result<()>;
}

#[tokio::test]
async fn in_a_sandbox_the_portal_shows_and_reports() {
    let bus = PrivateBus::start();
    let path = "/org/freedesktop/portal/desktop";
    let connection = zbus::connection::Builder::address(bus.address.as_str())
        .unwrap()
        .serve_at(path, Portal::default())
        .unwrap()
        .name("org.freedesktop.portal.Desktop")
        .unwrap()
        .build()
        .await
        .unwrap();
    let portal = connection
        .object_server()
        .interface::<_, Portal>(path)
        .await
        .unwrap();
    let notifier = PortalNotifier::new(Bus::at(&bus.address));
    let mut events = notifier.events();
    notifier.show(message("!a", "x < y")).await.unwrap();
    assert_eq!(portal.get().await.0["!a"]["body"], text("x < y"));
    let emitter = portal.signal_emitter();
    Portal::action_invoked(emitter, "!a", "open", vec![])
        .await
        .unwrap();
    let expected = NotificationEvent::Activated {
        tag: "!a".into(),
        token: None,
    };
    assert_eq!(next(&mut events).await, expected);
    let data = HashMap::from([("activation-token", zbus::zvariant::Value::from("t"))]);
    Portal::action_invoked(emitter, "!a", "read", vec![data.into()])
        .await
        .unwrap();
    let expected = NotificationEvent::Action {
        tag: "!a".into(),
        action: "read".into(),
        token: Some("t".into()),
    };
    assert_eq!(next(&mut events).await, expected);
    notifier.close("!a").await.unwrap();
    assert!(portal.get().await.0.is_empty());
}
