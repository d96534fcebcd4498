//! What guests may ask for.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#client-behaviour-16>

use axum::extract::MatchedPath;
use http::{Method, request::Parts};

use crate::{
    error::Result,
    service::{guests, sessions::Session},
};

/// Method and path behind the version. What the specification lists, joining by address, both ways to sync, and what
/// it takes to learn of the server and to go.
const ALLOWED: &[(Method, &str)] = &[
    (Method::GET, "account/whoami"),
    (Method::GET, "capabilities"),
    (Method::GET, "devices"),
    (Method::GET, "devices/{}"),
    (Method::GET, "events"),
    (Method::GET, "media/config"),
    (Method::GET, "media/download/{}/{}"),
    (Method::GET, "media/download/{}/{}/{}"),
    (Method::GET, "media/thumbnail/{}/{}"),
    (Method::GET, "room_summary/{}"),
    (Method::GET, "rooms/{}/context/{}"),
    (Method::GET, "rooms/{}/event/{}"),
    (Method::GET, "rooms/{}/initialSync"),
    (Method::GET, "rooms/{}/members"),
    (Method::GET, "rooms/{}/messages"),
    (Method::GET, "rooms/{}/state"),
    (Method::GET, "rooms/{}/state/{}"),
    (Method::GET, "rooms/{}/state/{}/"),
    (Method::GET, "rooms/{}/state/{}/{}"),
    (Method::GET, "sync"),
    (Method::POST, "org.matrix.simplified_msc3575/sync"),
    (Method::POST, "join/{}"),
    (Method::POST, "keys/claim"),
    (Method::POST, "keys/query"),
    (Method::POST, "keys/upload"),
    (Method::POST, "logout"),
    (Method::POST, "rooms/{}/forget"),
    (Method::POST, "rooms/{}/join"),
    (Method::POST, "rooms/{}/leave"),
    (Method::PUT, "devices/{}"),
    (Method::PUT, "profile/{}/displayname"),
    (Method::PUT, "rooms/{}/send/{}/{}"),
    (Method::PUT, "rooms/{}/state/{}"),
    (Method::PUT, "rooms/{}/state/{}/"),
    (Method::PUT, "rooms/{}/state/{}/{}"),
    (Method::PUT, "sendToDevice/{}/{}"),
    (Method::DELETE, "profile/{}/displayname"),
];

/// Refuses a guest who asks for anything else.
///
/// # Errors
/// `M_GUEST_ACCESS_FORBIDDEN`.
pub fn check(parts: &Parts, session: &Session) -> Result<()> {
    if !session.guest {
        return Ok(());
    }
    let matched = parts.extensions.get::<MatchedPath>();
    let path = matched.map_or(parts.uri.path(), MatchedPath::as_str);
    if is_allowed(&parts.method, path) {
        return Ok(());
    }
    Err(guests::forbidden(
        "Guests may not do this; make an account first.",
    ))
}

fn is_allowed(method: &Method, path: &str) -> bool {
    let path = shape(path);
    ALLOWED.iter().any(|(allowed, suffix)| {
        allowed == method && path.strip_suffix(suffix).is_some_and(is_version)
    })
}

/// Whether a path is `/_matrix/client/` and a version, stable or not.
fn is_version(prefix: &str) -> bool {
    let rest = prefix
        .strip_prefix("/_matrix/client/")
        .and_then(|rest| rest.strip_suffix('/'));
    rest.is_some_and(|rest| rest.starts_with("unstable") || !rest.contains('/'))
}

/// The path with `{}` for each name.
fn shape(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::is_allowed;

    #[test]
    fn guests_read_join_and_talk_and_do_nothing_else() {
        for (method, path) in [
            (Method::GET, "/_matrix/client/v3/rooms/{room_id}/messages"),
            (Method::GET, "/_matrix/client/r0/sync"),
            (
                Method::POST,
                "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
            ),
            (
                Method::GET,
                "/_matrix/client/unstable/org.matrix.msc3916/media/download/{server}/{id}",
            ),
            (
                Method::PUT,
                "/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}",
            ),
            (
                Method::PUT,
                "/_matrix/client/v3/profile/{user_id}/displayname",
            ),
        ] {
            assert!(is_allowed(&method, path), "{method} {path}");
        }
        for (method, path) in [
            (Method::POST, "/_matrix/client/v3/createRoom"),
            (
                Method::GET,
                "/_matrix/client/v3/rooms/{room_id}/joined_members",
            ),
            (Method::POST, "/_matrix/client/v3/rooms/{room_id}/invite"),
            (Method::PUT, "/_matrix/client/v3/profile/{user_id}/{field}"),
            (
                Method::PUT,
                "/_matrix/client/v3/profile/{user_id}/avatar_url",
            ),
            (Method::POST, "/_matrix/media/v3/upload"),
            (Method::GET, "/_matrix/client/v3/pushrules/global/devices"),
            (Method::GET, "/_matrix/client/v3/account/sync"),
        ] {
            assert!(!is_allowed(&method, path), "{method} {path}");
        }
    }
}
