//! Finding events by their words, in the rooms somebody is or was in.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-side-search>

use std::collections::HashMap;

use ruma::{UserId, api::client::filter::RoomEventFilter};
use rusqlite::{Connection, params};

use super::rooms::{
    self, Room,
    client_event::{COLUMNS, EventRow},
    pdu::Pdu,
    timeline,
    visibility::Visibility,
};
use crate::{
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "search",
    steps: &[Step::Sql(include_str!("../store/schema/search.sql"))],
};

/// A search looks at no more hits than this.
const MAX_HITS: usize = 2_000;

/// The types with words, and the field that has them.
const FIELDS: [(&str, &str); 3] = [
    ("m.room.message", "body"),
    ("m.room.name", "name"),
    ("m.room.topic", "topic"),
];

/// Takes a new event's words into the index.
pub fn index(tx: &WriteTx<'_>, pdu: &Pdu) -> Result<()> {
    let kind = pdu.kind.to_string();
    let field = FIELDS.iter().find(|(indexed, _)| *indexed == kind);
    let Some((_, field)) = field else {
        return Ok(());
    };
    if let Some(text) = pdu.content_str(field).filter(|text| !text.is_empty()) {
        tx.prepare_cached("INSERT INTO event_words (rowid, text) VALUES (?1, ?2)")?
            .execute(params![pdu.nid, text])?;
    }
    Ok(())
}

/// Forgets the words of an event.
pub fn forget(tx: &WriteTx<'_>, event: i64) -> Result<()> {
    tx.prepare_cached("DELETE FROM event_words WHERE rowid = ?1")?
        .execute([event])?;
    Ok(())
}

/// What is looked for.
pub struct Search<'a> {
    /// Who looks.
    pub user: &'a UserId,
    /// Words, all of which an event must have.
    pub term: &'a str,
    /// The fields to look in (`content.body` and so on); empty for all.
    pub keys: &'a [String],
    /// Which rooms, types and senders.
    pub filter: &'a RoomEventFilter,
    /// The newest first, and not the best first.
    pub recent: bool,
}

/// A room with what the searcher may see of it.
pub struct Known {
    /// The room.
    pub room: Room,
    /// What may be seen.
    pub visibility: Visibility,
}

/// All hits, in order.
pub struct Found {
    /// The event and how well it fits, more being better.
    pub hits: Vec<(i64, EventRow, f64)>,
    /// The rooms they are in, by number.
    pub rooms: HashMap<i64, Known>,
}

/// Looks for events.
pub fn search(connection: &Connection, search: &Search<'_>) -> Result<Found> {
    let mut found = Found {
        hits: Vec::new(),
        rooms: rooms_of(connection, search)?,
    };
    let Some(words) = query(search.term) else {
        return Ok(found);
    };
    let numbers: Vec<i64> = found.rooms.keys().copied().collect();
    let order = if search.recent {
        "e.position DESC"
    } else {
        "event_words.rank, e.position DESC"
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, e.room, event_words.rank FROM event_words
         JOIN events e ON e.nid = event_words.rowid
         WHERE event_words MATCH ?1 AND e.room IN (SELECT value FROM json_each(?2))
           AND e.position IS NOT NULL AND e.rejected = 0 AND e.redacted_by IS NULL
         ORDER BY {order}"
    ))?;
    let numbers = serde_json::to_string(&numbers)?;
    let mut rows = statement.query(params![words, numbers])?;
    while let Some(row) = rows.next()? {
        let event = EventRow::read(row)?;
        let (room, rank): (i64, f64) = (row.get(12)?, row.get(13)?);
        let visible = found
            .rooms
            .get(&room)
            .is_some_and(|known| known.visibility.can_see(event.position));
        if visible && is_in(search.keys, &event.kind) && timeline::matches(search.filter, &event) {
            // SQLite's rank is better the smaller it is.
            found.hits.push((room, event, -rank));
            if found.hits.len() == MAX_HITS {
                break;
            }
        }
    }
    Ok(found)
}

/// The words as FTS5 wants them: each in quotes, so that none is an operator.
fn query(term: &str) -> Option<String> {
    let words: Vec<String> = term
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("\"{word}\""))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn is_in(keys: &[String], kind: &str) -> bool {
    let field = FIELDS.iter().find(|(indexed, _)| *indexed == kind);
    let is =
        |key: &String| field.is_some_and(|(_, field)| key.strip_prefix("content.") == Some(field));
    keys.is_empty() || keys.iter().any(is)
}

fn rooms_of(connection: &Connection, search: &Search<'_>) -> Result<HashMap<i64, Known>> {
    let mut statement = connection.prepare_cached(
        "SELECT room FROM memberships WHERE user_id = ?1 AND was_joined AND NOT forgotten",
    )?;
    let numbers = statement.query_map([search.user.as_str()], |row| row.get(0))?;
    let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
    let mut known = HashMap::new();
    for number in numbers {
        let room = rooms::by_nid(connection, number)?;
        let filter = search.filter;
        let wanted = filter
            .rooms
            .as_ref()
            .is_none_or(|rooms| rooms.contains(&room.id))
            && !filter.not_rooms.contains(&room.id);
        if wanted {
            let visibility = Visibility::load(connection, &room, search.user)?;
            known.insert(number, Known { room, visibility });
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn words_are_never_operators() {
        assert_eq!(
            query("tea AND (milk*"),
            Some("\"tea\" \"AND\" \"milk\"".to_owned())
        );
        assert_eq!(
            query("Grüße, \"Ada\""),
            Some("\"Grüße\" \"Ada\"".to_owned())
        );
        assert_eq!(query(" -*\" "), None);
    }
}
