//! Telling push gateways, again and again until they have it.
//!
//! Spec: <https://spec.matrix.org/v1.18/push-gateway-api/>

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use ruma::{
    UserId,
    api::client::push::{Pusher, PusherKind},
    push::{HttpPusherData, PushFormat},
};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::{
    Services,
    push_outbox::{self, Address, Due},
    pushers,
    rooms::{self, client_event::EventRow, directory, events, membership, receipts, unread},
};
use crate::{Error, error::Result};

/// So many gateways are told at a time.
const MAX_CONCURRENT: usize = 8;
/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// An answer of a gateway is never longer than this.
const MAX_ANSWER: usize = 64 * 1024;

/// Wakes the task that tells gateways.
#[derive(Default)]
pub struct PushGateway {
    changed: Notify,
}

impl PushGateway {
    /// Something was said.
    pub fn wake(&self) {
        self.changed.notify_one();
    }
}

/// A pusher whose gateway does not take what it is sent.
#[derive(Clone, Copy)]
struct Failing {
    again_at: Instant,
    wait: Duration,
}

/// Tells gateways what is new, until the server stops. Sleeps while nothing is.
pub async fn run(services: Services) {
    let mut upto = match services.store.read(push_outbox::progress).await {
        Ok(upto) => upto,
        Err(error) => {
            tracing::error!(%error, "push gateways will not be told");
            return;
        }
    };
    let mut failing: HashMap<Address, Failing> = HashMap::new();
    loop {
        let result = async {
            look(&services, &mut upto).await?;
            deliver(&services, &mut failing).await
        };
        if let Err(error) = result.await {
            tracing::warn!(%error, "cannot work through what push gateways are to be told");
        }
        let next = failing.values().map(|failing| failing.again_at).min();
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            () = services.push_gateway.changed.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
    }
}

/// Puts what is due into the outbox. Without a pusher that is never a write.
async fn look(services: &Services, upto: &mut i64) -> Result<()> {
    loop {
        let (after, looker) = (*upto, services.clone());
        let (due, reached) = services
            .store
            .read(move |c| push_outbox::look(c, &looker.config, after))
            .await?;
        if !due.is_empty() {
            services
                .store
                .write(move |tx| push_outbox::add(tx, &due, reached))
                .await?;
        }
        *upto = reached;
        if reached == after {
            return Ok(());
        }
    }
}

/// Empties the outbox, except for those who wait after a failure.
async fn deliver(services: &Services, failing: &mut HashMap<Address, Failing>) -> Result<()> {
    let waiting = services.store.read(push_outbox::waiting).await?;
    failing.retain(|address, _| waiting.contains(address));
    let now = Instant::now();
    let ready = waiting.into_iter().filter(|address| {
        failing
            .get(address)
            .is_none_or(|failing| failing.again_at <= now)
    });
    let told: Vec<(Address, Result<()>)> = futures_util::stream::iter(ready)
        .map(|address| async {
            let told = tell(services, &address).await;
            (address, told)
        })
        .buffer_unordered(MAX_CONCURRENT)
        .collect()
        .await;
    for (address, told) in told {
        match told {
            Ok(()) => {
                failing.remove(&address);
            }
            Err(error) => {
                let wait = failing
                    .get(&address)
                    .map_or(FIRST_WAIT, |failing| (failing.wait * 2).min(LONGEST_WAIT));
                tracing::info!(user_id = %address.user_id, app_id = address.app_id, %error,
                    wait_s = wait.as_secs(), "a push gateway was not reached");
                let again_at = Instant::now() + wait;
                failing.insert(address, Failing { again_at, wait });
            }
        }
    }
    if !failing.is_empty() {
        services.store.write(push_outbox::drop_old).await?;
    }
    Ok(())
}

/// Tells one gateway everything that waits for it.
async fn tell(services: &Services, address: &Address) -> Result<()> {
    loop {
        let asked = address.clone();
        let next = services
            .store
            .read(move |c| {
                let Some((pusher, due)) = push_outbox::first(c, &asked)? else {
                    return Ok(None);
                };
                let body = notification(c, &pusher, &due)?;
                Ok(Some((pusher, due, body)))
            })
            .await?;
        let Some((pusher, due, body)) = next else {
            return Ok(());
        };
        let rejected = match (&pusher.kind, body) {
            (PusherKind::Http(data), Some(body)) => post(services, data, &body).await?,
            _ => Vec::new(),
        };
        let is_rejected = rejected.contains(&due.address.pushkey);
        services
            .store
            .write(move |tx| {
                let address = &due.address;
                if is_rejected {
                    tracing::info!(user_id = %address.user_id, "a push gateway refused a pusher");
                    pushers::delete(tx, &address.user_id, &address.app_id, &address.pushkey)
                } else {
                    push_outbox::done(tx, &due)
                }
            })
            .await?;
    }
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    rejected: Vec<String>,
}

/// Sends one notification and returns the push keys the gateway wants no more.
async fn post(services: &Services, data: &HttpPusherData, body: &Value) -> Result<Vec<String>> {
    let url = data.url.parse().map_err(Error::internal)?;
    let client = services.outbound.client_for(&url)?;
    let response = client.post(url).json(body).send().await;
    let mut response = response.map_err(|error| Error::internal(error.without_url()))?;
    if !response.status().is_success() {
        return Err(Error::internal(response.status()));
    }
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return Ok(Vec::new());
        }
    }
    Ok(serde_json::from_slice::<Answer>(&bytes)
        .unwrap_or_default()
        .rejected)
}

/// The body for the gateway; none if the user has read the event meanwhile.
fn notification(connection: &Connection, pusher: &Pusher, due: &Due) -> Result<Option<Value>> {
    let PusherKind::Http(data) = &pusher.kind else {
        return Ok(None);
    };
    let user = &due.address.user_id;
    let event = EventRow::by_nid(connection, due.event)?;
    let room = rooms::by_nid(connection, events::room_of(connection, due.event)?)?;
    let thread = unread::receipt_thread(connection, &room, due.event)?;
    let read_upto = receipts::read_position(connection, room.nid, user.as_str(), &thread)?;
    if event.position <= read_upto || event.is_redacted() {
        return Ok(None);
    }
    let unread = unread::total(connection, user)?;
    let mut notification = json!({
        "event_id": event.event_id,
        "room_id": room.id,
        "prio": "high",
        "counts": { "unread": unread },
        "devices": [device(data, due)],
    });
    if data.format != Some(PushFormat::EventIdOnly) {
        add_event(connection, &room, &event, user, &mut notification)?;
    }
    Ok(Some(json!({ "notification": notification })))
}

fn device(data: &HttpPusherData, due: &Due) -> Value {
    let mut shown: Map<String, Value> = data.data.clone().into_iter().collect();
    if let Some(format) = &data.format {
        shown.insert("format".to_owned(), json!(format));
    }
    let mut tweaks = Map::new();
    let actions: Vec<Value> = serde_json::from_str(&due.tweaks).unwrap_or_default();
    for action in actions {
        if let Some(name) = action["set_tweak"].as_str() {
            let value = action.get("value").cloned().unwrap_or(Value::Bool(true));
            tweaks.insert(name.to_owned(), value);
        }
    }
    json!({
        "app_id": due.address.app_id,
        "pushkey": due.address.pushkey,
        "data": shown,
        "tweaks": tweaks,
    })
}

fn add_event(
    connection: &Connection,
    room: &rooms::Room,
    event: &EventRow,
    user: &UserId,
    notification: &mut Value,
) -> Result<()> {
    notification["type"] = json!(event.kind);
    notification["sender"] = json!(event.sender);
    notification["content"] = serde_json::from_str(event.content()?.get())?;
    if event.kind == "m.room.member" {
        notification["user_is_target"] = json!(event.state_key.as_deref() == Some(user.as_str()));
    }
    if let Ok(sender) = <&UserId>::try_from(&*event.sender)
        && let Some(member) = membership::find(connection, room.nid, sender)?
        && let Some(name) = member.display_name
    {
        notification["sender_display_name"] = json!(name);
    }
    let face = directory::entry(connection, room)?;
    if let Some(name) = face.name {
        notification["room_name"] = json!(name);
    }
    if let Some(alias) = face.canonical_alias {
        notification["room_alias"] = json!(alias);
    }
    Ok(())
}
