//! Events that relate to an event, and threads.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#relationships-api>

use ruma::{
    EventId, RoomId, UInt,
    api::{
        Direction,
        client::{
            relations::{
                get_relating_events, get_relating_events_with_rel_type,
                get_relating_events_with_rel_type_and_event_type,
            },
            threads::get_threads,
        },
    },
    serde::Raw,
};
use rusqlite::Connection;

use super::room_events::{RoomReader, limit};
use crate::{
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        rooms::{
            client_event::{COLUMNS, EventRow},
            timeline::Token,
        },
        sessions::Session,
    },
};

/// How deep `recurse` follows relations of relations.
const MAX_DEPTH: u32 = 3;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_relating_events_route)
        .ruma(get_relating_events_with_rel_type_route)
        .ruma(get_relating_events_with_rel_type_and_event_type_route)
        .ruma(get_threads_route)
}

/// What is asked of the relations of an event.
struct Asked<'a> {
    room_id: &'a RoomId,
    parent: &'a EventId,
    rel_type: Option<String>,
    event_type: Option<String>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    direction: Direction,
    limit: Option<UInt>,
    recurse: bool,
}

struct Found<T> {
    chunk: Vec<Raw<T>>,
    next: Option<String>,
    depth: Option<UInt>,
}

fn find<T>(connection: &Connection, session: &Session, asked: &Asked<'_>) -> Result<Found<T>> {
    let reader = RoomReader::open(connection, asked.room_id, session)?;
    reader.visible(asked.parent)?;
    let backwards = asked.direction == Direction::Backward;
    let position = |token: Option<&str>, absent: i64| -> Result<i64> {
        Ok(Token::parse_given(token)?.map_or(absent, |token| token.position as i64))
    };
    let (after, upto) = if backwards {
        (position(asked.to, 0)?, position(asked.from, i64::MAX)?)
    } else {
        (position(asked.from, 0)?, position(asked.to, i64::MAX)?)
    };
    let depth = if asked.recurse { MAX_DEPTH } else { 1 };
    let order = if backwards { "DESC" } else { "ASC" };
    let mut statement = connection.prepare_cached(&format!(
        "WITH RECURSIVE related (nid, event_id, rel_type, depth) AS (
             SELECT e.nid, e.event_id, r.rel_type, 1 FROM relations r
             JOIN events e ON e.nid = r.event WHERE r.room = ?1 AND r.parent = ?2
             UNION
             SELECT e.nid, e.event_id, r.rel_type, related.depth + 1 FROM related
             JOIN relations r ON r.room = ?1 AND r.parent = related.event_id
             JOIN events e ON e.nid = r.event WHERE related.depth < ?3
         )
         SELECT {COLUMNS} FROM events e
         WHERE e.nid IN (SELECT nid FROM related WHERE ?4 IS NULL OR rel_type = ?4)
           AND (?5 IS NULL OR e.type = ?5) AND e.position > ?6 AND e.position <= ?7
           AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.ignored = e.sender AND i.user_id = ?8)
         ORDER BY e.position {order}"
    ))?;
    let mut rows = statement.query(rusqlite::params![
        reader.room.nid,
        asked.parent.as_str(),
        depth,
        asked.rel_type,
        asked.event_type,
        after,
        upto,
        session.user_id.as_str()
    ])?;
    let n_wanted = limit(asked.limit.unwrap_or(UInt::from(50u32)));
    let mut found = Vec::new();
    let mut next = None;
    while let Some(row) = rows.next()? {
        let row = EventRow::read(row)?;
        if !reader.visibility.can_see(row.position) {
            continue;
        }
        if found.len() == n_wanted {
            let gap = if backwards {
                row.position
            } else {
                row.position - 1
            };
            next = Some(Token::after(gap).to_string());
            break;
        }
        found.push(row);
    }
    Ok(Found {
        chunk: reader.to_raw(&found)?,
        next,
        depth: asked.recurse.then(|| UInt::from(MAX_DEPTH)),
    })
}

/// The three endpoints differ in what their paths narrow down.
macro_rules! relations_route {
    ($name:ident, $endpoint:ident, |$request:ident| $rel_type:expr, $event_type:expr) => {
        async fn $name(
            services: Services,
            $request: Authed<$endpoint::v1::Request>,
        ) -> Result<$endpoint::v1::Response> {
            let find = move |c: &Connection| {
                let asked = Asked {
                    room_id: &$request.room_id,
                    parent: &$request.event_id,
                    rel_type: $rel_type,
                    event_type: $event_type,
                    from: $request.from.as_deref(),
                    to: $request.to.as_deref(),
                    direction: $request.dir,
                    limit: $request.limit,
                    recurse: $request.recurse,
                };
                let found = find(c, &$request.session, &asked)?;
                let mut response = $endpoint::v1::Response::new(found.chunk);
                (response.next_batch, response.recursion_depth) = (found.next, found.depth);
                response.prev_batch.clone_from(&$request.from);
                Ok(response)
            };
            services.store.read(find).await
        }
    };
}

relations_route!(
    get_relating_events_route,
    get_relating_events,
    |request| None,
    None
);
relations_route!(
    get_relating_events_with_rel_type_route,
    get_relating_events_with_rel_type,
    |request| Some(request.rel_type.to_string()),
    None
);
relations_route!(
    get_relating_events_with_rel_type_and_event_type_route,
    get_relating_events_with_rel_type_and_event_type,
    |request| Some(request.rel_type.to_string()),
    Some(request.event_type.to_string())
);

async fn get_threads_route(
    services: Services,
    request: Authed<get_threads::v1::Request>,
) -> Result<get_threads::v1::Response> {
    services.store.read(move |c| threads(c, &request)).await
}

/// Roots of threads, those with the newest replies first.
fn threads(
    connection: &Connection,
    request: &Authed<get_threads::v1::Request>,
) -> Result<get_threads::v1::Response> {
    let reader = RoomReader::open(connection, &request.room_id, &request.session)?;
    let from = Token::parse_given(request.from.as_deref())?;
    let upto = from.map_or(i64::MAX, |from| from.position as i64);
    let participated = request.include == get_threads::v1::IncludeThreads::Participated;
    let mut statement = connection.prepare_cached(
        "SELECT root.nid, max(reply.position) AS latest FROM relations r
         JOIN events reply ON reply.nid = r.event
         JOIN events root ON root.event_id = r.parent AND root.room = r.room
         WHERE r.room = ?1 AND r.rel_type = 'm.thread'
           AND NOT EXISTS (SELECT 1 FROM ignores i WHERE i.user_id = ?4
                           AND (i.ignored = reply.sender OR i.ignored = root.sender))
         GROUP BY root.nid
         HAVING latest <= ?2 AND (?3 = 0 OR root.sender = ?4 OR max(reply.sender = ?4))
         ORDER BY latest DESC",
    )?;
    let user = request.user_id().as_str();
    let mut rows = statement.query((reader.room.nid, upto, participated, user))?;
    let n_wanted = limit(request.limit.unwrap_or(UInt::from(20u32)));
    let (mut roots, mut next) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let root = EventRow::by_nid(connection, row.get(0)?)?;
        if !reader.visibility.can_see(root.position) {
            continue;
        }
        if roots.len() == n_wanted {
            next = Some(Token::after(row.get(1)?).to_string());
            break;
        }
        roots.push(root);
    }
    let mut response = get_threads::v1::Response::new(reader.to_raw(&roots)?);
    response.next_batch = next;
    Ok(response)
}
