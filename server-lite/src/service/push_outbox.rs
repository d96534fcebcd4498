//! Which push gateways are to be told of which events: kept until it is done.
//!
//! Only events that notify somebody who has a pusher get a row, and only until the gateway has it.
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#push-notifications>

use std::collections::{HashMap, hash_map::Entry};

use ruma::{OwnedUserId, UserId, api::client::push::Pusher, push::Action, serde::Raw};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    ignores,
    invites::Policy,
    json::{raw_column, to_raw},
    now_ms, push_rules,
    rooms::{
        self, Room,
        client_event::{COLUMNS, EventRow},
        unread,
        visibility::Visibility,
    },
};
use crate::{
    config::Config,
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "push_outbox",
    steps: &[Step::Sql(include_str!("../store/schema/push_outbox.sql"))],
};

/// One look takes at most so many events.
const MAX_LOOK: i64 = 200;
/// After a long stop no more events than this are looked at.
const MAX_BEHIND: i64 = 10_000;
/// What a gateway has not taken for so long is old news, in milliseconds.
const MAX_AGE_MS: i64 = 24 * 60 * 60 * 1000;
/// Of one pusher no more than this waits: the oldest go first.
const MAX_WAITING: i64 = 100;

/// A pusher by its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whose it is.
    pub user_id: OwnedUserId,
    /// The app.
    pub app_id: String,
    /// The device, as the app's gateway knows it.
    pub pushkey: String,
}

/// One event for one pusher.
#[derive(Debug)]
pub struct Due {
    /// Which pusher.
    pub address: Address,
    /// The number of the event.
    pub event: i64,
    /// `set_tweak` actions of the rule.
    pub tweaks: String,
}

/// Everything up to the newest event has been looked at: where nothing is known, the past is not told.
pub fn progress(connection: &Connection) -> Result<i64> {
    let newest: i64 = connection
        .prepare_cached("SELECT coalesce(max(nid), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    let known: Option<i64> = connection
        .prepare_cached("SELECT event FROM push_progress")?
        .query_row([], |row| row.get(0))
        .optional()?;
    // Where the newest events were removed, their numbers are given out again.
    Ok(known.map_or(newest, |known| known.clamp(newest - MAX_BEHIND, newest)))
}

/// What the events after number `after` mean for pushers, and up to which they were looked at.
pub fn look(connection: &Connection, config: &Config, after: i64) -> Result<(Vec<Due>, i64)> {
    let any = connection
        .prepare_cached("SELECT 1 FROM pushers LIMIT 1")?
        .exists([])?;
    let newest: i64 = connection
        .prepare_cached("SELECT coalesce(max(nid), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    if !any || newest < after {
        return Ok((Vec::new(), newest));
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, e.room FROM events e
         WHERE e.nid > ?1 AND e.position IS NOT NULL AND e.rejected = 0 AND e.soft_failed = 0
         ORDER BY e.nid LIMIT ?2"
    ))?;
    let mut rows = statement.query((after, MAX_LOOK))?;
    let mut looker = Looker {
        connection,
        config,
        rooms: HashMap::new(),
        due: Vec::new(),
    };
    let mut upto = after;
    while let Some(row) = rows.next()? {
        let event = EventRow::read(row)?;
        upto = event.nid;
        looker.event(row.get(12)?, &event)?;
    }
    Ok((looker.due, upto))
}

struct Looker<'a> {
    connection: &'a Connection,
    config: &'a Config,
    rooms: HashMap<i64, Room>,
    due: Vec<Due>,
}

impl Looker<'_> {
    fn event(&mut self, room: i64, event: &EventRow) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.user_id, p.app_id, p.pushkey FROM pushers p
             JOIN memberships m ON m.room = ?1 AND m.user_id = p.user_id
             WHERE m.membership IN ('join', 'invite') AND p.user_id <> ?2",
        )?;
        let rows = statement.query_map((room, &event.sender), |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        let mut of_user: HashMap<OwnedUserId, Option<String>> = HashMap::new();
        for row in rows {
            let (user, app_id, pushkey) = row?;
            let Ok(user_id) = UserId::parse(user) else {
                continue;
            };
            if !of_user.contains_key(&user_id) {
                let tweaks = self.tweaks(room, event, &user_id)?;
                of_user.insert(user_id.clone(), tweaks);
            }
            if let Some(Some(tweaks)) = of_user.get(&user_id) {
                self.due.push(Due {
                    address: Address {
                        user_id,
                        app_id,
                        pushkey,
                    },
                    event: event.nid,
                    tweaks: tweaks.clone(),
                });
            }
        }
        Ok(())
    }

    /// The tweaks of an event that notifies `user`; none for one that does not.
    fn tweaks(&mut self, room: i64, event: &EventRow, user: &UserId) -> Result<Option<String>> {
        let c = self.connection;
        let room = match self.rooms.entry(room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(rooms::by_nid(c, room)?),
        };
        let is_own_invite =
            event.kind == "m.room.member" && event.state_key.as_deref() == Some(user.as_str());
        if !is_own_invite && !Visibility::load(c, room, user)?.can_see(event.position) {
            return Ok(None);
        }
        let unwanted = |sender| Ok::<_, Error>(Policy::load(c, user)?.hides(self.config, sender));
        if ignores::is_ignored(c, user, &event.sender)?
            || (is_own_invite && unwanted(&event.sender)?)
        {
            return Ok(None);
        }
        let rules = push_rules::ruleset(c, user)?;
        let context = unread::context_for(c, room, user)?;
        let actions = push_rules::matching_actions(&rules, &unread::flatten(event)?, &context);
        if !actions.iter().any(Action::should_notify) {
            return Ok(None);
        }
        let tweaks: Vec<&Action> = actions
            .iter()
            .filter(|action| matches!(action, Action::SetTweak(_)))
            .collect();
        Ok(Some(to_raw(&tweaks)?.get().to_owned()))
    }
}

/// Keeps what is due, and up to where was looked.
pub fn add(tx: &WriteTx<'_>, due: &[Due], upto: i64) -> Result<()> {
    for due in due {
        let address = &due.address;
        // The pusher may have gone meanwhile.
        tx.prepare_cached(
            "INSERT OR IGNORE INTO push_outbox (user_id, app_id, pushkey, event, tweaks, created_at)
             SELECT user_id, app_id, pushkey, ?4, ?5, ?6 FROM pushers
             WHERE user_id = ?1 AND app_id = ?2 AND pushkey = ?3",
        )?
        .execute(params![
            address.user_id.as_str(),
            address.app_id,
            address.pushkey,
            due.event,
            due.tweaks,
            now_ms()
        ])?;
        tx.prepare_cached(
            "DELETE FROM push_outbox WHERE user_id = ?1 AND app_id = ?2 AND pushkey = ?3
               AND event <= (SELECT event FROM push_outbox
                             WHERE user_id = ?1 AND app_id = ?2 AND pushkey = ?3
                             ORDER BY event DESC LIMIT 1 OFFSET ?4)",
        )?
        .execute(params![
            address.user_id.as_str(),
            address.app_id,
            address.pushkey,
            MAX_WAITING
        ])?;
    }
    tx.execute("DELETE FROM push_progress", [])?;
    tx.execute("INSERT INTO push_progress (event) VALUES (?1)", [upto])?;
    Ok(())
}

/// Pushers for which something waits.
pub fn waiting(connection: &Connection) -> Result<Vec<Address>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT user_id, app_id, pushkey FROM push_outbox")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
    })?;
    let mut waiting = Vec::new();
    for row in rows {
        let (user, app_id, pushkey) = row?;
        waiting.push(Address {
            user_id: UserId::parse(user).map_err(Error::internal)?,
            app_id,
            pushkey,
        });
    }
    Ok(waiting)
}

/// The oldest event that waits for a pusher, with the pusher.
pub fn first(connection: &Connection, address: &Address) -> Result<Option<(Pusher, Due)>> {
    let found = connection
        .prepare_cached(
            "SELECT p.pusher, o.event, o.tweaks FROM push_outbox o
             JOIN pushers p USING (user_id, app_id, pushkey)
             WHERE o.user_id = ?1 AND o.app_id = ?2 AND o.pushkey = ?3 AND o.created_at > ?4
             ORDER BY o.event LIMIT 1",
        )?
        .query_row(
            params![
                address.user_id.as_str(),
                address.app_id,
                address.pushkey,
                now_ms() - MAX_AGE_MS
            ],
            |row| Ok((raw_column(row, 0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((pusher, event, tweaks)) = found else {
        return Ok(None);
    };
    let pusher = Raw::<Pusher>::from_json(pusher).deserialize()?;
    let due = Due {
        address: address.clone(),
        event,
        tweaks,
    };
    Ok(Some((pusher, due)))
}

/// An event was delivered, or need not be.
pub fn done(tx: &WriteTx<'_>, due: &Due) -> Result<()> {
    let address = &due.address;
    tx.prepare_cached(
        "DELETE FROM push_outbox WHERE user_id = ?1 AND app_id = ?2 AND pushkey = ?3 AND event <= ?4",
    )?
    .execute(params![
        address.user_id.as_str(),
        address.app_id,
        address.pushkey,
        due.event
    ])?;
    Ok(())
}

/// Drops what is too old to be told.
pub fn drop_old(tx: &WriteTx<'_>) -> Result<()> {
    tx.execute(
        "DELETE FROM push_outbox WHERE created_at <= ?1",
        [now_ms() - MAX_AGE_MS],
    )?;
    Ok(())
}
