//! Wrong tokens, paths and queries.

use super::{Expect, Strike};
use crate::{table, world::Request};

const MISSING: Expect = Expect::Exactly(401, &["M_MISSING_TOKEN"]);
const UNKNOWN: Expect = Expect::Exactly(401, &["M_UNKNOWN_TOKEN"]);

/// What does not belong into a path.
const ODD: &[&str] = &[
    "x",
    "%20",
    "%FF%FE",
    "%00",
    "..%2F..%2Fetc%2Fpasswd",
    "%21%3A",
    "%40%3Ab",
    "%23a%3Ab%3A99999999",
    "%24%F0%9F%98%80",
    "-1",
    "99999999999999999999",
];

/// What does not belong into a query.
const ODD_VALUES: &[&str] = &[
    "",
    "x",
    "-1",
    "1.5",
    "99999999999999999999999",
    "%FF%FE",
    "%00",
    "%7B%22a%22",
    "%7B%22limit%22%3A-1%7D",
    "s1_2_3_4_5_6_7_8_9",
];

/// Rooms that are not there may be named here.
const ANY_ROOM: &[&str] = &[
    "DELETE room_keys/keys/{roomId}",
    "DELETE room_keys/keys/{roomId}/{sessionId}",
    "GET room_keys/keys/{roomId}",
    "GET room_keys/keys/{roomId}/{sessionId}",
    "PUT room_keys/keys/{roomId}",
    "PUT room_keys/keys/{roomId}/{sessionId}",
    "GET user/{userId}/rooms/{roomId}/account_data/{type}",
    "PUT user/{userId}/rooms/{roomId}/account_data/{type}",
    "GET user/{userId}/rooms/{roomId}/tags",
    "DELETE user/{userId}/rooms/{roomId}/tags/{tag}",
    "PUT user/{userId}/rooms/{roomId}/tags/{tag}",
];

/// Whoever is not in the room may do this all the same, since the rooms of the stories are open.
const FOR_STRANGERS: &[&str] = &[
    "GET directory/list/room/{roomId}",
    "GET v1/rooms/{roomId}/hierarchy",
    "POST rooms/{roomId}/join",
    "POST rooms/{roomId}/report",
];

/// Anybody may ask; who shows a token may see more.
const TOKEN_IS_OPTIONAL: &[&str] = &["GET v1/room_summary/{roomIdOrAlias}"];

/// The request without a token, and with one that nobody has.
pub fn without_a_token(good: &Request) -> Vec<Strike> {
    let is_row = |name: &&str| table::find(name) == Some(good.row);
    if good.token.is_empty() || TOKEN_IS_OPTIONAL.iter().any(is_row) {
        return Vec::new();
    }
    [("", MISSING), ("nobody-has-this", UNKNOWN)]
        .into_iter()
        .map(|(token, expect)| with_token(good, "another token", token, expect))
        .collect()
}

/// The request by somebody who has nothing to do with it.
pub fn as_a_stranger(good: &Request, token: &str) -> Vec<Strike> {
    let row = &table::rows()[good.row];
    let is_row = |name: &&str| table::find(name) == Some(good.row);
    if !row.path.contains("{roomId}") || FOR_STRANGERS.iter().any(is_row) {
        return Vec::new();
    }
    vec![with_token(good, "by a stranger", token, Expect::Denied)]
}

fn with_token(good: &Request, what: &str, token: &str, expect: Expect) -> Strike {
    let mut request = good.clone();
    request.token = token.to_owned();
    Strike {
        what: what.to_owned(),
        request,
        expect,
    }
}

/// The request with odd things in each place of its path and its query.
pub fn strikes(good: &Request) -> Vec<Strike> {
    let template = table::rows()[good.row].path;
    let (path, query) = good.path.split_once('?').unwrap_or((&good.path, ""));
    let mut strikes = Vec::new();
    let mut strike = |what: String, path: String, expect| {
        let mut request = good.clone();
        request.path = path;
        strikes.push(Strike {
            what,
            request,
            expect,
        });
    };
    let suffix = |query: &str| match query {
        "" => String::new(),
        query => format!("?{query}"),
    };
    for (idx, place) in template.split('/').enumerate() {
        if !place.starts_with('{') {
            continue;
        }
        let at = |value: &str| replaced(path, '/', idx, value) + &suffix(query);
        for odd in ODD {
            strike(format!("odd {place}"), at(odd), Expect::Composure);
        }
        strike(
            format!("long {place}"),
            at(&"x".repeat(3000)),
            Expect::Composure,
        );
        let may_be_any = ANY_ROOM
            .iter()
            .any(|name| table::find(name) == Some(good.row));
        if place == "{roomId}" && !may_be_any {
            let nowhere = at("%21nowhere%3Aserver.hardline.test");
            strike("unknown room".to_owned(), nowhere, Expect::Denied);
        }
    }
    for (idx, part) in query.split('&').enumerate().filter(|(_, p)| !p.is_empty()) {
        let key = part.split('=').next().unwrap_or_default();
        for odd in ODD_VALUES {
            let query = replaced(query, '&', idx, &format!("{key}={odd}"));
            strike(
                format!("odd {key}"),
                format!("{path}?{query}"),
                Expect::Composure,
            );
        }
        let twice = format!("{path}?{query}&{part}");
        strike(format!("{key} twice"), twice, Expect::Composure);
    }
    strikes
}

fn replaced(text: &str, separator: char, idx: usize, value: &str) -> String {
    let parts = text.split(separator).enumerate();
    let parts: Vec<&str> = parts
        .map(|(n, part)| if n == idx { value } else { part })
        .collect();
    parts.join(&separator.to_string())
}

#[test]
fn every_row_named_here_is_in_the_table() {
    for name in ANY_ROOM
        .iter()
        .chain(FOR_STRANGERS)
        .chain(TOKEN_IS_OPTIONAL)
    {
        assert!(table::find(name).is_some(), "{name}");
    }
}
