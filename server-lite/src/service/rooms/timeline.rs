//! Walking a room's timeline: pages, tokens, filters.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv3roomsroomidmessages>

use ruma::api::{
    Direction,
    client::filter::{RoomEventFilter, UrlFilter},
};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Room,
    client_event::{COLUMNS, EventRow},
    visibility::Visibility,
};
use crate::{Error, error::Result, service::ignores::Ignored};

/// A page never holds more events than this.
pub const MAX_LIMIT: usize = 1000;

/// How many rows are looked at for one page at most, so that a narrow filter cannot hold a reader.
const MAX_SCAN: usize = 20_000;

/// A gap between two events of the stream, and for a sync also how far other things were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Token {
    /// Everything up to this position lies before the gap.
    pub position: u64,
    /// Serial of the typing notifications already told.
    pub typing: u64,
    /// Position of the last to-device message told, where more were waiting.
    pub to_device: Option<u64>,
}

impl Token {
    /// Between `position` and what follows.
    pub fn after(position: i64) -> Self {
        Self {
            position: position.max(0) as u64,
            ..Self::default()
        }
    }

    /// Reads a token of `/sync`, `/messages` or sliding sync.
    ///
    /// # Errors
    /// `M_INVALID_PARAM`.
    pub fn parse(token: &str) -> Result<Self> {
        let wrong = || Error::invalid_param("Unknown token.");
        let mut parts = token.strip_prefix('s').ok_or_else(wrong)?.split('_');
        let mut number = || {
            let part = parts.next().map(|part| part.parse().map_err(|_| wrong()));
            part.transpose()
        };
        Ok(Self {
            position: number()?.ok_or_else(wrong)?,
            typing: number()?.unwrap_or_default(),
            to_device: number()?,
        })
    }

    /// The same for one that can be left out. Quaternion sends an empty one where it has none.
    ///
    /// # Errors
    /// `M_INVALID_PARAM`.
    pub fn parse_given(token: Option<&str>) -> Result<Option<Self>> {
        token
            .filter(|token| !token.is_empty())
            .map(Self::parse)
            .transpose()
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s{}", self.position)?;
        if self.typing > 0 || self.to_device.is_some() {
            write!(f, "_{}", self.typing)?;
        }
        if let Some(to_device) = self.to_device {
            write!(f, "_{to_device}")?;
        }
        Ok(())
    }
}

/// What a page may hold.
pub struct Query<'a> {
    /// Only events after this position …
    pub after: i64,
    /// … and up to this one.
    pub upto: i64,
    /// From the end or from the beginning.
    pub direction: Direction,
    /// At most so many.
    pub limit: usize,
    /// Which types, senders, and so on.
    pub filter: &'a RoomEventFilter,
    /// What the reader may see; none for everything.
    pub visibility: Option<&'a Visibility>,
    /// Whose messages the reader ignores.
    pub ignored: &'a Ignored<'a>,
}

/// Events in the order of the direction, and where to go on.
pub struct Page {
    /// The events.
    pub rows: Vec<EventRow>,
    /// The position from which the next page starts; none at the end of the room.
    pub next: Option<i64>,
}

/// Reads one page.
pub fn page(connection: &Connection, room: &Room, query: &Query<'_>) -> Result<Page> {
    let backwards = query.direction == Direction::Backward;
    let order = if backwards { "DESC" } else { "ASC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events e
         WHERE e.room = ?1 AND e.position > ?2 AND e.position <= ?3
           AND e.rejected = 0 AND (e.soft_failed = 0 OR e.sender = ?4)
         ORDER BY e.position {order}"
    ))?;
    let viewer = query.visibility.map(Visibility::user);
    let mut found = statement.query((room.nid, query.after, query.upto, viewer))?;
    let mut page = Page {
        rows: Vec::new(),
        next: None,
    };
    let mut n_scanned = 0;
    while let Some(row) = found.next()? {
        let event = EventRow::read(row)?;
        n_scanned += 1;
        if page.rows.len() >= query.limit || n_scanned > MAX_SCAN {
            // The gap lies between the last event looked at and this one.
            page.next = Some(if backwards {
                event.position
            } else {
                event.position - 1
            });
            break;
        }
        if query
            .visibility
            .is_none_or(|visibility| visibility.can_see(event.position))
            && matches(query.filter, &event)
            && !(event.state_key.is_none() && query.ignored.contains(&event.sender)?)
        {
            page.rows.push(event);
        }
    }
    Ok(page)
}

/// Whether an event passes a filter.
pub fn matches(filter: &RoomEventFilter, event: &EventRow) -> bool {
    if filter
        .not_types
        .iter()
        .any(|pattern| glob(pattern, &event.kind))
        || filter
            .not_senders
            .iter()
            .any(|sender| sender.as_str() == event.sender)
    {
        return false;
    }
    if let Some(types) = &filter.types
        && !types.iter().any(|pattern| glob(pattern, &event.kind))
    {
        return false;
    }
    if let Some(senders) = &filter.senders
        && !senders.iter().any(|sender| sender.as_str() == event.sender)
    {
        return false;
    }
    match &filter.url_filter {
        Some(UrlFilter::EventsWithUrl) => has_url(event),
        Some(UrlFilter::EventsWithoutUrl) => !has_url(event),
        _ => true,
    }
}

fn has_url(event: &EventRow) -> bool {
    #[derive(Default, Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        url: Option<&'a RawValue>,
    }
    event.content_as::<Content<'_>>().url.is_some()
}

/// A pattern in which `*` stands for any characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{Token, glob};

    #[test]
    fn tokens_survive_the_round_trip() {
        let tokens = [(7, 0, None), (7, 9, None), (7, 0, Some(5)), (7, 9, Some(5))];
        for (position, typing, to_device) in tokens {
            let token = Token {
                position,
                typing,
                to_device,
            };
            assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
        }
        for wrong in ["", "x1", "s", "s-1", "sx", "s1_x", "1"] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        let cases = [
            ("m.room.*", "m.room.message", true),
            ("*", "x", true),
            ("m.*.message", "m.room.message", true),
            ("m.*.message", "m.room.member", false),
            ("m.room.message", "m.room.message2", false),
            ("*.message", "m.room.message", true),
        ];
        for (pattern, text, fits) in cases {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
