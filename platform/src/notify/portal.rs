//! Notifications through the portal, for sandboxes.
//!
//! Specification: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Notification.html>

use std::collections::HashMap;

use futures_util::StreamExt;
use tokio::sync::{OnceCell, broadcast};
use zbus::zvariant::{OwnedValue, Value};

use super::{Notification, NotificationEvent, Notifier, NotifyError, Urgency};
use crate::bus::Bus;

/// Our name for opening a notification; the portal knows none.
const DEFAULT_ACTION: &str = "open";

#[zbus::proxy(
    interface = "org.freedesktop.portal.Notification",
    default_service = "org.freedesktop.portal.Desktop",
    default_path = "/org/freedesktop/portal/desktop",
    gen_blocking = false
)]
trait PortalNotification {
    fn add_notification(
        &self,
        id: &str,
        notification: HashMap<&str, Value<'_>>,
    ) -> zbus::Result<()>;
    fn remove_notification(&self, id: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    fn action_invoked(
        &self,
        id: String,
        action: String,
        parameter: Vec<OwnedValue>,
    ) -> zbus::Result<()>;
}

#[derive(Debug)]
struct Portal {
    proxy: PortalNotificationProxy<'static>,
    listener: tokio::task::JoinHandle<()>,
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Notifications through the portal; reached when the first one is shown.
#[derive(Debug)]
pub struct PortalNotifier {
    bus: Bus,
    portal: OnceCell<Portal>,
    events: broadcast::Sender<NotificationEvent>,
}

impl PortalNotifier {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        Self {
            bus,
            portal: OnceCell::new(),
            events: broadcast::channel(64).0,
        }
    }

    async fn portal(&self) -> Result<&Portal, NotifyError> {
        self.portal.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Portal, NotifyError> {
        let connection = self.bus.connection().await?;
        let proxy = PortalNotificationProxy::builder(&connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let mut invoked = proxy.receive_action_invoked().await?;
        let events = self.events.clone();
        let listener = tokio::spawn(async move {
            while let Some(signal) = invoked.next().await {
                let Ok(args) = signal.args() else { continue };
                // An error means that nobody listens.
                let _ = events.send(event(args.id, args.action, &args.parameter));
            }
        });
        Ok(Portal { proxy, listener })
    }
}

#[async_trait::async_trait]
impl Notifier for PortalNotifier {
    async fn show(&self, notification: Notification) -> Result<(), NotifyError> {
        let portal = self.portal().await?;
        let content = content(&notification);
        Ok(portal
            .proxy
            .add_notification(&notification.tag, content)
            .await?)
    }

    async fn close(&self, tag: &str) -> Result<(), NotifyError> {
        let portal = self.portal().await?;
        Ok(portal.proxy.remove_notification(tag).await?)
    }

    fn events(&self) -> broadcast::Receiver<NotificationEvent> {
        self.events.subscribe()
    }
}

fn content(notification: &Notification) -> HashMap<&'static str, Value<'_>> {
    let priority = match notification.urgency {
        Urgency::Low => "low",
        Urgency::Normal => "normal",
        Urgency::Critical => "urgent",
    };
    let buttons: Vec<HashMap<&str, Value<'_>>> = notification
        .actions
        .iter()
        .map(|action| {
            HashMap::from([
                ("label", Value::from(action.label.as_str())),
                ("action", Value::from(action.id.as_str())),
            ])
        })
        .collect();
    let mut content = HashMap::from([
        ("title", Value::from(notification.title.as_str())),
        ("body", Value::from(notification.body.as_str())),
        ("priority", Value::from(priority)),
        ("default-action", Value::from(DEFAULT_ACTION)),
    ]);
    if !buttons.is_empty() {
        content.insert("buttons", Value::from(buttons));
    }
    content
}

/// Newer portals append platform data with the activation token to the parameters.
fn event(tag: String, action: String, parameters: &[OwnedValue]) -> NotificationEvent {
    let token = parameters
        .iter()
        .filter_map(|value| HashMap::<String, OwnedValue>::try_from(value.clone()).ok())
        .find_map(|data| {
            <&str>::try_from(data.get("activation-token")?)
                .ok()
                .map(str::to_owned)
        });
    if action == DEFAULT_ACTION {
        NotificationEvent::Activated { tag, token }
    } else {
        NotificationEvent::Action { tag, action, token }
    }
}
