//! The extensions: to-device messages, device lists and key counts, account data, receipts, typing.

use ruma::RoomId;

use super::{
    Covered, Sync,
    connection::Snapshot,
    lists::{Config, ListedRoom},
    request::Extension,
    response::{AccountData, E2ee, PerRoom, Response, ToDevice},
};
use crate::{
    error::Result,
    service::{
        account_data, keys,
        sync::{device_lists, ephemeral},
        to_device,
    },
};

/// To-device messages in one response, at most and by default.
const MAX_TO_DEVICE: usize = 100;

/// Adds the extensions asked for. Returns whether there is anything new in them.
pub(super) fn add(
    sync: &Sync<'_>,
    rooms: &[ListedRoom],
    selected: Covered<'_>,
    before: &Snapshot,
    after: &mut Snapshot,
    response: &mut Response,
) -> Result<bool> {
    let asked = &sync.query.body.extensions;
    let mut news = false;
    if asked.to_device.enabled == Some(true) {
        news |= add_to_device(sync, response)?;
    }
    if asked.e2ee.is_on() {
        news |= add_e2ee(sync, before, after, response)?;
    }
    let covered = |extension: &Extension| -> Vec<&ListedRoom> {
        let covered = selected
            .rooms
            .iter()
            .filter(|(_, config)| covers(extension, config));
        covered.map(|(idx, _)| &rooms[*idx]).collect()
    };
    if asked.account_data.is_on() {
        let rooms = covered(&asked.account_data);
        news |= add_account_data(sync, &rooms, before, after, response)?;
    }
    let joined = |extension: &Extension| -> Vec<&ListedRoom> {
        covered(extension)
            .into_iter()
            .filter(|room| room.is("join"))
            .collect()
    };
    if asked.receipts.is_on() {
        news |= add_receipts(sync, &joined(&asked.receipts), after, response)?;
    }
    if asked.typing.is_on() {
        news |= add_typing(sync, &joined(&asked.typing), after, response)?;
    }
    Ok(news)
}

/// Whether an extension covers a room.
fn covers(extension: &Extension, config: &Config) -> bool {
    let by_list = match &extension.lists {
        Some(lists) => config.lists.iter().any(|list| lists.contains(list)),
        None => !config.lists.is_empty(),
    };
    // A subscription named one by one, or all of them by the star or by silence.
    by_list
        || (config.subscribed
            && extension
                .rooms
                .as_ref()
                .is_none_or(|rooms| !rooms.is_empty()))
}

fn add_to_device(sync: &Sync<'_>, response: &mut Response) -> Result<bool> {
    let asked = &sync.query.body.extensions.to_device;
    let session = &sync.query.session;
    let acknowledged = asked.acknowledged()?;
    let limit = asked.limit.unwrap_or(MAX_TO_DEVICE).clamp(1, MAX_TO_DEVICE);
    let (user, device) = (&*session.user_id, &*session.device_id);
    let messages = to_device::since(sync.connection, user, device, acknowledged, limit)?;
    let next = match messages.last() {
        Some(last) if messages.len() == limit => last.position,
        _ => sync.now.position.max(acknowledged),
    };
    let news = !messages.is_empty();
    if news || asked.since.is_none() {
        let events = messages.into_iter().map(|message| message.event).collect();
        response.extensions.to_device = Some(ToDevice {
            next_batch: next.to_string(),
            events,
        });
    }
    Ok(news)
}

fn add_e2ee(
    sync: &Sync<'_>,
    before: &Snapshot,
    after: &mut Snapshot,
    response: &mut Response,
) -> Result<bool> {
    let session = &sync.query.session;
    let (c, user, device) = (sync.connection, &*session.user_id, &*session.device_id);
    let device_lists = match before.device_lists {
        Some(since) => device_lists::since(c, user, since)?,
        None => device_lists::DeviceLists::default(),
    };
    after.device_lists = Some(sync.now.position);
    let counts = keys::counts(c, user, device)?;
    after.one_time_keys.clone_from(&counts);
    let news = !device_lists.is_empty() || counts != before.one_time_keys;
    response.extensions.e2ee = Some(E2ee {
        device_lists,
        device_one_time_keys_count: counts,
        device_unused_fallback_key_types: keys::unused_fallback_types(c, user, device)?,
    });
    Ok(news)
}

fn add_account_data(
    sync: &Sync<'_>,
    rooms: &[&ListedRoom],
    before: &Snapshot,
    after: &mut Snapshot,
    response: &mut Response,
) -> Result<bool> {
    let (c, user) = (sync.connection, sync.user());
    let since = before.account_data.unwrap_or(0);
    after.account_data = Some(sync.now.position);
    let to_events = |entries: Vec<account_data::Entry>| {
        entries
            .iter()
            .map(account_data::Entry::to_event)
            .collect::<Vec<_>>()
    };
    let mut found = AccountData {
        global: to_events(account_data::global_since(c, user, since)?),
        ..AccountData::default()
    };
    for room in rooms {
        let Ok(room_id) = <&RoomId>::try_from(room.room_id.as_str()) else {
            continue;
        };
        let since = if after.room_account_data.insert(room.room) {
            0
        } else {
            since
        };
        let entries = account_data::room_since(c, user, room_id, since)?;
        if !entries.is_empty() {
            found.rooms.insert(room.room_id.clone(), to_events(entries));
        }
    }
    let news = !found.global.is_empty() || !found.rooms.is_empty();
    response.extensions.account_data = news.then_some(found);
    Ok(news)
}

fn add_receipts(
    sync: &Sync<'_>,
    rooms: &[&ListedRoom],
    after: &mut Snapshot,
    response: &mut Response,
) -> Result<bool> {
    let mut found = PerRoom::default();
    for room in rooms {
        let since = if after.receipts.insert(room.room) {
            0
        } else {
            sync.since.position
        };
        let event = ephemeral::receipts(sync.connection, room.room, sync.user(), since)?;
        found
            .rooms
            .extend(event.map(|event| (room.room_id.clone(), event)));
    }
    let news = !found.rooms.is_empty();
    response.extensions.receipts = news.then_some(found);
    Ok(news)
}

fn add_typing(
    sync: &Sync<'_>,
    rooms: &[&ListedRoom],
    after: &mut Snapshot,
    response: &mut Response,
) -> Result<bool> {
    let mut found = PerRoom::default();
    for room in rooms {
        let since = if after.typing.insert(room.room) {
            0
        } else {
            sync.since.typing
        };
        let event = ephemeral::typing(&sync.services.typing, room.room, &sync.ignored, since)?;
        found
            .rooms
            .extend(event.map(|event| (room.room_id.clone(), event)));
    }
    let news = !found.rooms.is_empty();
    response.extensions.typing = news.then_some(found);
    Ok(news)
}
