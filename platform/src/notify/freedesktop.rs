//! Notifications of the desktop's own service.
//!
//! Specification: <https://specifications.freedesktop.org/notification-spec/latest/>

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::StreamExt;
use tokio::sync::{OnceCell, broadcast};
use zbus::zvariant::Value;

use super::{Notification, NotificationEvent, Notifier, NotifyError, Purpose, Urgency};
use crate::{bus::Bus, identity};

/// The key the specification gives to opening a notification.
const DEFAULT_ACTION: &str = "default";
/// Time limits of notifications.
const NEVER: i32 = 0;
const AS_THE_SERVER_LIKES: i32 = -1;
/// The key KDE's and Phosh's servers give to a reply in place.
const REPLY_ACTION: &str = "inline-reply";

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications",
    gen_blocking = false
)]
trait Notifications {
    #[allow(clippy::too_many_arguments, reason = "the specification's signature")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;
    fn close_notification(&self, id: u32) -> zbus::Result<()>;
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;

    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn activation_token(&self, id: u32, activation_token: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn notification_replied(&self, id: u32, text: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn notification_closed(&self, id: u32, reason: u32) -> zbus::Result<()>;
}

/// What is on the screen, and the token that came for a notification just before its action.
#[derive(Debug, Default)]
struct Shown {
    tags: HashMap<u32, String>,
    tokens: HashMap<u32, String>,
}

impl Shown {
    fn id(&self, tag: &str) -> Option<u32> {
        self.tags
            .iter()
            .find(|(_, held)| *held == tag)
            .map(|(id, _)| *id)
    }
}

#[derive(Debug)]
struct Server {
    proxy: NotificationsProxy<'static>,
    capabilities: HashSet<String>,
    listener: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Notifications through the desktop's service; reached when the first one is shown.
#[derive(Debug)]
pub struct FreedesktopNotifier {
    bus: Bus,
    server: OnceCell<Server>,
    shown: Arc<Mutex<Shown>>,
    events: broadcast::Sender<NotificationEvent>,
}

impl FreedesktopNotifier {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        let events = broadcast::channel(64).0;
        Self {
            bus,
            server: OnceCell::new(),
            shown: Arc::default(),
            events,
        }
    }

    async fn server(&self) -> Result<&Server, NotifyError> {
        self.server.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Server, NotifyError> {
        let connection = self.bus.connection().await?;
        let proxy = NotificationsProxy::builder(&connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let capabilities = proxy.get_capabilities().await?.into_iter().collect();
        let listener = listen(&proxy, Arc::clone(&self.shown), self.events.clone()).await?;
        Ok(Server {
            proxy,
            capabilities,
            listener,
        })
    }
}

#[async_trait::async_trait]
impl Notifier for FreedesktopNotifier {
    async fn show(&self, notification: Notification) -> Result<(), NotifyError> {
        let server = self.server().await?;
        let can = |capability: &str| server.capabilities.contains(capability);
        let replaces = lock(&self.shown).id(&notification.tag).unwrap_or(0);
        let body = if can("body-markup") {
            escape(&notification.body)
        } else {
            notification.body.clone()
        };
        let actions = actions(&notification, can("actions"), can("inline-reply"));
        let image = notification
            .image
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        let hints = hints(&notification, image.as_deref());
        let timeout = match notification.purpose {
            Purpose::Ring => NEVER,
            Purpose::Message | Purpose::MissedCall => AS_THE_SERVER_LIKES,
        };
        let id = server
            .proxy
            .notify(
                identity::NAME,
                replaces,
                identity::APP_ID,
                &notification.title,
                &body,
                &actions,
                hints,
                timeout,
            )
            .await?;
        let mut shown = lock(&self.shown);
        if replaces != id {
            shown.tags.remove(&replaces);
        }
        shown.tags.insert(id, notification.tag);
        Ok(())
    }

    async fn close(&self, tag: &str) -> Result<(), NotifyError> {
        let Some(id) = lock(&self.shown).id(tag) else {
            return Ok(());
        };
        lock(&self.shown).tags.remove(&id);
        let server = self.server().await?;
        match server.proxy.close_notification(id).await {
            // Servers answer with an error if the notification went away by itself.
            Ok(()) | Err(zbus::Error::MethodError(..)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn events(&self) -> broadcast::Receiver<NotificationEvent> {
        self.events.subscribe()
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn actions(notification: &Notification, can_act: bool, can_reply: bool) -> Vec<&str> {
    if !can_act {
        return Vec::new();
    }
    let mut actions = vec![DEFAULT_ACTION, ""];
    if let Some(placeholder) = notification.reply.as_deref().filter(|_| can_reply) {
        actions.extend([REPLY_ACTION, placeholder]);
    }
    for action in &notification.actions {
        actions.extend([action.id.as_str(), action.label.as_str()]);
    }
    actions
}

fn hints<'a>(
    notification: &'a Notification,
    image: Option<&'a str>,
) -> HashMap<&'static str, Value<'a>> {
    let urgency: u8 = match notification.urgency {
        Urgency::Low => 0,
        Urgency::Normal => 1,
        Urgency::Critical => 2,
    };
    // Names of the specification of notifications, and of the one of sound names.
    let (category, sound) = match notification.purpose {
        Purpose::Message => ("im.received", "message-new-instant"),
        Purpose::Ring => ("call.incoming", "phone-incoming-call"),
        Purpose::MissedCall => ("call.unanswered", "message-new-instant"),
    };
    let mut hints = HashMap::from([
        ("desktop-entry", Value::from(identity::APP_ID)),
        ("category", Value::from(category)),
        ("urgency", Value::from(urgency)),
    ]);
    if notification.silent {
        hints.insert("suppress-sound", Value::from(true));
    } else {
        hints.insert("sound-name", Value::from(sound));
    }
    if let Some(image) = image {
        hints.insert("image-path", Value::from(image));
    }
    if let Some(placeholder) = &notification.reply {
        hints.insert(
            "x-kde-reply-placeholder-text",
            Value::from(placeholder.as_str()),
        );
    }
    hints
}

/// Bodies may carry markup on most servers; ours is plain text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

async fn listen(
    proxy: &NotificationsProxy<'static>,
    shown: Arc<Mutex<Shown>>,
    events: broadcast::Sender<NotificationEvent>,
) -> Result<tokio::task::JoinHandle<()>, NotifyError> {
    let mut tokens = proxy.receive_activation_token().await?;
    let mut invoked = proxy.receive_action_invoked().await?;
    let mut replied = proxy.receive_notification_replied().await?;
    let mut closed = proxy.receive_notification_closed().await?;
    Ok(tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                biased;
                Some(signal) = tokens.next() => {
                    if let Ok(args) = signal.args() {
                        note_token(&shown, args.id, args.activation_token);
                    }
                    None
                }
                Some(signal) = invoked.next() => {
                    signal.args().ok().and_then(|args| act(&shown, args.id, args.action_key))
                }
                Some(signal) = replied.next() => signal.args().ok().and_then(|args| {
                    let tag = lock(&shown).tags.get(&args.id).cloned()?;
                    Some(NotificationEvent::Replied { tag, text: args.text })
                }),
                Some(signal) = closed.next() => signal.args().ok().and_then(|args| {
                    let mut shown = lock(&shown);
                    shown.tokens.remove(&args.id);
                    Some(NotificationEvent::Closed { tag: shown.tags.remove(&args.id)? })
                }),
                else => return,
            };
            if let Some(event) = event {
                // An error means that nobody listens.
                let _ = events.send(event);
            }
        }
    }))
}

/// Keeps a token for notifications of ours only: the signals of other programs' arrive here too.
fn note_token(shown: &Mutex<Shown>, id: u32, token: String) {
    let mut shown = lock(shown);
    if shown.tags.contains_key(&id) {
        shown.tokens.insert(id, token);
    }
}

fn act(shown: &Mutex<Shown>, id: u32, action: String) -> Option<NotificationEvent> {
    let mut shown = lock(shown);
    let tag = shown.tags.get(&id).cloned()?;
    let token = shown.tokens.remove(&id);
    Some(if action == DEFAULT_ACTION {
        NotificationEvent::Activated { tag, token }
    } else {
        NotificationEvent::Action { tag, action, token }
    })
}
