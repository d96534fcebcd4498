//! The table of endpoints, walked: whatever the specification has must be answered by somebody who knows it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, Server, User, encode};

const TABLE: &str = include_str!("../endpoints.txt");

/// Still to be built. An entry that is served fails the test: remove it.
const MISSING: &[&str] = &[];

/// What this server does not offer, and says so as the specification wants: 404 `M_UNRECOGNIZED`, in its own words.
const NOT_OFFERED: &[&str] = &[
    "GET /_matrix/client/v1/auth_metadata",
    "GET /_matrix/client/v3/login/sso/redirect",
    "GET /_matrix/client/v3/login/sso/redirect/{idpId}",
];

struct Row {
    tier: u8,
    method: Method,
    path: &'static str,
}

impl Row {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn table() -> Vec<Row> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        Row {
            tier: word().parse().unwrap(),
            method: word().parse().unwrap(),
            path: word(),
        }
    })
    .collect()
}

/// Something for every place in a path, none of which exists: an answer is wanted, not a success.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap();
        let value = match name {
            "roomId" | "roomIdOrAlias" => "!nowhere:hs.test",
            "userId" => "@nobody:hs.test",
            "eventId" => "$nothing",
            "roomAlias" => "#nowhere:hs.test",
            "eventType" => "m.room.message",
            "stateKey" => "key",
            "relType" => "m.thread",
            "receiptType" => "m.read",
            "serverName" => "hs.test",
            "kind" => "override",
            "version" => "1",
            _ => "some",
        };
        filled += before;
        filled += &encode(value);
        rest = after;
    }
    filled + rest
}

async fn ask(server: &Server, row: &Row, token: Option<&str>) -> Reply {
    let body = (row.method != Method::GET).then(|| json!({}));
    let path = filled(row.path);
    server.call(row.method.clone(), &path, token, body).await
}

async fn scratch(server: &Server, idx: usize) -> User {
    server.register(&format!("scratch{idx}")).await
}

#[tokio::test]
async fn every_endpoint_of_the_table_is_answered() {
    let server = Server::start().await;
    let mut user = scratch(&server, 0).await;
    let (mut served, mut unknown) = (0, BTreeSet::new());
    let mut total = 0;
    for (idx, row) in table().iter().enumerate() {
        let reply = ask(&server, row, Some(&user.token)).await;
        let errcode = reply.body["errcode"].as_str().unwrap_or_default();
        assert!(reply.status < 500 || reply.status == 501, "{reply:?}");
        // Some log the user out.
        if errcode == "M_UNKNOWN_TOKEN" || row.path.contains("/logout") {
            user = scratch(&server, idx + 1).await;
        }
        let is_unknown = errcode == "M_UNRECOGNIZED" || matches!(reply.status, 405 | 501);
        if NOT_OFFERED.contains(&&*row.name()) {
            assert_eq!(
                (reply.status, errcode),
                (404, "M_UNRECOGNIZED"),
                "{reply:?}"
            );
            assert_ne!(reply.body["error"], "Unknown endpoint.", "{reply:?}");
        } else if row.tier < 3 && is_unknown {
            unknown.insert(row.name());
        }
        if row.tier < 3 {
            total += 1;
            served += usize::from(!is_unknown || NOT_OFFERED.contains(&&*row.name()));
        }
    }
    let missing: BTreeSet<String> = MISSING.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(unknown, missing, "left: what is not served; right: MISSING");
    let figure = format!("{served} of {total} endpoints of tiers 0 to 2 are answered");
    eprintln!("{figure}");
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/server.md"));
    assert!(
        docs.unwrap().contains(&figure),
        "docs/server.md should say: {figure}"
    );
}

/// Endpoints anybody may use, whoever they are.
const OPEN: &[&str] = &[
    "GET /.well-known/matrix/client",
    "GET /.well-known/matrix/policy_server",
    "GET /.well-known/matrix/support",
    "GET /_matrix/client/v1/auth_metadata",
    "GET /_matrix/client/v1/register/m.login.registration_token/validity",
    "GET /_matrix/client/v1/room_summary/{roomIdOrAlias}",
    "GET /_matrix/client/v3/directory/list/room/{roomId}",
    "GET /_matrix/client/v3/directory/room/{roomAlias}",
    "GET /_matrix/client/v3/login",
    "GET /_matrix/client/v3/login/sso/redirect",
    "GET /_matrix/client/v3/login/sso/redirect/{idpId}",
    "GET /_matrix/client/v3/profile/{userId}",
    "GET /_matrix/client/v3/profile/{userId}/{keyName}",
    "GET /_matrix/client/v3/publicRooms",
    "GET /_matrix/client/v3/register/available",
    "GET /_matrix/client/versions",
    "POST /_matrix/client/v3/login",
    "POST /_matrix/client/v3/refresh",
    "POST /_matrix/client/v3/register",
    // Whoever forgot the password may come without a token; without e-mail that leads nowhere here.
    "POST /_matrix/client/v3/account/password",
    // The files of before 2024: 404 for everybody unless they are switched on.
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}",
    "GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
    "GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
];

#[tokio::test]
async fn whoever_is_not_logged_in_is_told_so() {
    let server = Server::start().await;
    let mut wrong = Vec::new();
    for row in table() {
        let name = row.name();
        if row.tier == 3 || MISSING.contains(&&*name) || OPEN.contains(&&*name) {
            continue;
        }
        for (token, wanted) in [
            (None, "M_MISSING_TOKEN"),
            (Some("unknown"), "M_UNKNOWN_TOKEN"),
        ] {
            let reply = ask(&server, &row, token).await;
            if reply.status != 401 || reply.body["errcode"] != wanted {
                wrong.push(format!("{name}: {} {}", reply.status, reply.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_endpoint_allows_browsers() {
    let server = Server::start().await;
    for row in table() {
        let url = format!("{}{}", server.base, filled(row.path));
        let preflight = server
            .http
            .request(Method::OPTIONS, &url)
            .send()
            .await
            .unwrap();
        assert!(preflight.status().is_success(), "{}", row.name());
        let refused = server
            .http
            .request(row.method.clone(), &url)
            .send()
            .await
            .unwrap();
        for response in [preflight, refused] {
            let allowed = response.headers().get("access-control-allow-origin");
            assert_eq!(allowed.unwrap(), "*", "{}", row.name());
        }
    }
}
