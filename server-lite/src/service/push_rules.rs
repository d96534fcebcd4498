//! Push rules: whom an event notifies, and for whom it is a highlight.
//!
//! Rules live in the account data `m.push_rules`; a user who never changed them has no row and gets the server's defaults.
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#push-rules>

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use ruma::{
    OwnedUserId, UserId,
    push::{Action, FlattenedJson, PushConditionRoomCtx, Ruleset},
};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{account_data, json::to_raw};
use crate::{error::Result, store::WriteTx};

/// The content of `m.push_rules`.
#[derive(Debug, Serialize, Deserialize)]
struct PushRulesContent {
    global: Ruleset,
}

/// What the rules of one user say about one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It counts as a notification.
    pub notify: bool,
    /// It counts as a highlight (a mention or a keyword).
    pub highlight: bool,
}

/// The rules in force for a user: the stored ones brought up to the server's present defaults.
pub fn ruleset(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Ruleset> {
    Ok(changed_rules(conn, user_id)?.unwrap_or_else(|| Ruleset::server_default(user_id)))
}

/// The same for a user who changed them; nothing for one who has the defaults.
fn changed_rules(conn: &Connection, user_id: &UserId) -> rusqlite::Result<Option<Ruleset>> {
    let stored: Option<String> = conn
        .prepare_cached(
            "SELECT content FROM account_data WHERE user_id = ?1 AND room_id = '' AND type = 'm.push_rules'",
        )?
        .query_row([user_id.as_str()], |row| row.get(0))
        .optional()?;
    let parsed = stored.and_then(|json| match serde_json::from_str::<PushRulesContent>(&json) {
        Ok(content) => Some(content.global),
        Err(error) => {
            tracing::error!(%user_id, %error, "stored push rules cannot be read; the defaults apply");
            None
        }
    });
    Ok(parsed.map(|mut rules| {
        rules.update_with_server_default(Ruleset::server_default(user_id));
        rules
    }))
}

/// The rules in force as the content of `m.push_rules`.
pub fn content(conn: &Connection, user_id: &UserId) -> Result<Box<RawValue>> {
    to_raw(&PushRulesContent {
        global: ruleset(conn, user_id)?,
    })
}

/// Stores a user's rules and forgets the cached ones. Returns the position of the change.
pub fn store(
    tx: &WriteTx<'_>,
    cache: &RulesetCache,
    user_id: &UserId,
    rules: Ruleset,
) -> Result<u64> {
    let content = to_raw(&PushRulesContent { global: rules })?;
    let position = account_data::set(tx, user_id, None, account_data::PUSH_RULES, &content)?;
    cache.note_changed(user_id);
    Ok(position)
}

/// Decides what `event` is to the user described by `context`. The sender's own events never notify.
pub fn evaluate(rules: &Ruleset, event: &FlattenedJson, context: &PushConditionRoomCtx) -> Outcome {
    let actions = matching_actions(rules, event, context);
    let notify = actions.iter().any(Action::should_notify);
    Outcome {
        notify,
        highlight: notify && actions.iter().any(Action::is_highlight),
    }
}

/// The actions of the first rule that applies; empty if none does.
pub fn matching_actions<'a>(
    rules: &'a Ruleset,
    event: &FlattenedJson,
    context: &PushConditionRoomCtx,
) -> &'a [Action] {
    if event
        .get_str("sender")
        .is_some_and(|sender| sender == context.user_id)
    {
        return &[];
    }
    rules
        .iter()
        // None of the conditions we support ever waits, so the future is ready at its first poll.
        .find(|rule| rule.applies(event, context).now_or_never().unwrap_or(false))
        .map_or(&[], |rule| rule.actions())
}

/// Parsed rules of the users whose rooms are active, so that counting an event costs no parsing, and the names of all who
/// have rules of their own, so that those with the defaults, nearly all in a large room, cost nothing.
///
/// Read and written on the store's writer thread only, inside its transactions, so an entry is never older than the row.
#[derive(Debug, Default)]
pub struct RulesetCache {
    entries: Mutex<HashMap<OwnedUserId, Arc<Ruleset>>>,
    with_rules: Mutex<Option<Arc<HashSet<OwnedUserId>>>>,
}

/// Above this many users the cache starts over.
const MAX_CACHED: usize = 4_096;

impl RulesetCache {
    /// The rules in force for a user, parsed at most once until they change.
    pub fn get(&self, conn: &Connection, user_id: &UserId) -> rusqlite::Result<Arc<Ruleset>> {
        if !self.users_with_rules(conn)?.contains(user_id) {
            return Ok(Arc::new(Ruleset::server_default(user_id)));
        }
        if let Some(rules) = self.entries.lock().get(user_id) {
            return Ok(rules.clone());
        }
        let rules = Arc::new(ruleset(conn, user_id)?);
        let mut entries = self.entries.lock();
        if entries.len() >= MAX_CACHED {
            entries.clear();
        }
        entries.insert(user_id.to_owned(), rules.clone());
        Ok(rules)
    }

    /// Everybody who has ever changed their rules.
    pub fn users_with_rules(
        &self,
        conn: &Connection,
    ) -> rusqlite::Result<Arc<HashSet<OwnedUserId>>> {
        let mut with_rules = self.with_rules.lock();
        if let Some(users) = &*with_rules {
            return Ok(users.clone());
        }
        let mut statement = conn.prepare(
            "SELECT user_id FROM account_data WHERE type = 'm.push_rules' AND room_id = ''",
        )?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let users: HashSet<OwnedUserId> = rows
            .filter_map(|row| row.map(|id| UserId::parse(id).ok()).transpose())
            .collect::<Result<_, _>>()?;
        let users = Arc::new(users);
        *with_rules = Some(users.clone());
        Ok(users)
    }

    /// Forgets what was parsed of one user's rules, and that they had the defaults.
    pub fn note_changed(&self, user_id: &UserId) {
        self.entries.lock().remove(user_id);
        let mut with_rules = self.with_rules.lock();
        if let Some(users) = &mut *with_rules
            && !users.contains(user_id)
        {
            Arc::make_mut(users).insert(user_id.to_owned());
        }
    }
}
