//! Bodies that are wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::{Expect, Strike, object};
use crate::{table, world::Request};

/// Whatever comes in a body is not looked at.
const BODY_IS_NOT_READ: &[&str] = &[
    "POST logout",
    "POST logout/all",
    "POST user/{userId}/openid/request_token",
    "POST rooms/{roomId}/forget",
];

/// Takes larger bodies than others: as many bytes, in MiB.
const LARGE: &[(&str, usize)] = &[
    ("PUT sendToDevice/{eventType}/{txnId}", 8),
    ("PUT room_keys/keys", 16),
    ("PUT room_keys/keys/{roomId}", 16),
];

const NOT_JSON: Expect = Expect::Exactly(400, &["M_NOT_JSON"]);
const BAD_JSON: Expect = Expect::Exactly(400, &["M_BAD_JSON"]);
const TOO_LARGE: Expect = Expect::Exactly(413, &["M_TOO_LARGE"]);

/// Fields are changed so deep, and in arrays the first entry only.
const MAX_DEPTH: usize = 4;

/// The request with every wrong body.
pub fn strikes(good: &Request, only_what_is_refused: bool) -> Vec<Strike> {
    let is_row = |name: &&str| table::find(name) == Some(good.row);
    let Some(body) = object(good) else {
        return Vec::new();
    };
    if BODY_IS_NOT_READ.iter().any(is_row) {
        return Vec::new();
    }
    let mut strikes = malformed(good);
    for path in fields(&body) {
        for (what, changed) in changes(&body, &path, only_what_is_refused) {
            let bytes = changed.to_string().into_bytes();
            let what = format!("{what} at {}", path.join("."));
            strikes.push(with_body(good, what, bytes, Expect::Composure));
        }
    }
    strikes
}

fn malformed(good: &Request) -> Vec<Strike> {
    let large = LARGE
        .iter()
        .find(|(name, _)| table::find(name) == Some(good.row));
    let mib = large.map_or(1, |(_, mib)| *mib);
    let deep = |n: usize| format!("{{\"x\":{}1{}}}", "[".repeat(n), "]".repeat(n));
    let cases: [(&str, Vec<u8>, Expect); 10] = [
        ("cut off", b"{\"a\":".to_vec(), NOT_JSON),
        ("words", b"hello there".to_vec(), NOT_JSON),
        ("not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec(), NOT_JSON),
        ("half a pair", b"{\"a\":\"\\ud800\"}".to_vec(), NOT_JSON),
        ("too deep", deep(20_000).into_bytes(), BAD_JSON),
        ("an array", b"[]".to_vec(), BAD_JSON),
        ("a string", b"\"x\"".to_vec(), BAD_JSON),
        ("a number", b"5".to_vec(), BAD_JSON),
        ("null", b"null".to_vec(), BAD_JSON),
        ("too large", vec![b' '; (mib << 20) + 1], TOO_LARGE),
    ];
    cases
        .into_iter()
        .map(|(what, bytes, expect)| with_body(good, what.to_owned(), bytes, expect))
        .collect()
}

fn with_body(good: &Request, what: String, body: Vec<u8>, expect: Expect) -> Strike {
    let mut request = good.clone();
    request.body = Some(body);
    request.path = another_transaction(good);
    Strike {
        what,
        request,
        expect,
    }
}

/// A repeated transaction would be answered from memory.
fn another_transaction(good: &Request) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if !table::rows()[good.row].path.ends_with("{txnId}") {
        return good.path.clone();
    }
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let (before, _) = good.path.rsplit_once('/').unwrap_or_default();
    format!("{before}/hostile{n}")
}

/// Where there is a value.
fn fields(body: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), body)];
    while let Some((path, value)) = open.pop() {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(object) => object.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(array) => array
                .first()
                .map(|v| ("0".to_owned(), v))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        for (key, value) in inner {
            let mut path: Vec<String> = path.clone();
            path.push(key);
            if path.len() < MAX_DEPTH {
                open.push((path.clone(), value));
            }
            found.push(path);
        }
    }
    found
}

/// The body with something else in one place.
fn changes(body: &Value, path: &[String], only_refused: bool) -> Vec<(String, Value)> {
    let deep = (0..90).fold(json!(1), |inner, _| json!([inner]));
    let wide: Map<String, Value> = (0..200).map(|n| (n.to_string(), json!(n))).collect();
    let mut others = vec![
        ("a number", json!(-1)),
        ("a fraction", json!(1.5)),
        ("too large a number", json!(u64::MAX)),
        ("an array", json!([])),
        ("an object", json!({})),
        ("depth", deep),
        ("width", Value::Object(wide)),
        ("odd characters", json!("\u{0}\u{202e}\u{1F600}/../%00'\"")),
        ("a long string", json!("x".repeat(70_000))),
    ];
    if !only_refused {
        others.push(("null", Value::Null));
        others.push(("a boolean", json!(true)));
        others.push(("an empty string", json!("")));
        others.push(("ids", json!("@a:b")));
    }
    let current = at(body, path).cloned().unwrap_or_default();
    others.retain(|(_, value)| {
        // What would be a success of another kind is no fault.
        !(only_refused && value.is_string() && !current.is_string()) && *value != current
    });
    let mut changed: Vec<(String, Value)> = others
        .into_iter()
        .map(|(what, value)| {
            let mut body = body.clone();
            if let Some(place) = at_mut(&mut body, path) {
                *place = value;
            }
            (what.to_owned(), body)
        })
        .collect();
    if only_refused {
        changed.retain(|_| path.first().is_some_and(|field| field != "erase"));
    } else {
        changed.push(("nothing".to_owned(), without(body, path)));
    }
    changed
}

fn at<'a>(body: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(body, |value, key| match value {
        Value::Array(array) => array.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    })
}

fn at_mut<'a>(body: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(body, |value, key| match value {
        Value::Array(array) => array.get_mut(key.parse::<usize>().ok()?),
        other => other.get_mut(key),
    })
}

fn without(body: &Value, path: &[String]) -> Value {
    let mut body = body.clone();
    if let Some((last, before)) = path.split_last() {
        match at_mut(&mut body, before) {
            Some(Value::Object(object)) => drop(object.remove(last)),
            Some(Value::Array(array)) => array.clear(),
            _ => {}
        }
    }
    body
}

#[test]
fn every_place_of_a_body_is_changed() {
    let body = json!({ "a": 1, "b": { "c": ["x", "y"] } });
    let mut places: Vec<String> = fields(&body).iter().map(|path| path.join(".")).collect();
    places.sort();
    assert_eq!(places, ["a", "b", "b.c", "b.c.0"]);
    let path = vec!["b".to_owned(), "c".to_owned(), "0".to_owned()];
    let changed = changes(&body, &path, false);
    assert!(changed.iter().all(|(_, changed)| *changed != body));
    let removed = json!({ "a": 1, "b": { "c": [] } });
    assert!(changed.iter().any(|(_, changed)| *changed == removed));
}

#[test]
fn every_row_named_here_is_in_the_table() {
    let large = LARGE.iter().map(|(name, _)| name);
    for name in BODY_IS_NOT_READ.iter().chain(large) {
        assert!(table::find(name).is_some(), "{name}");
    }
}
