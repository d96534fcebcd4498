//! A bridge into one network, for the endpoints that say nothing without one. It takes part in no room.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
};
use hardline_testkit::HardlineServer;
use serde_json::{Value, json};
use tempfile::TempDir;

const AS_TOKEN: &str = "as-token-of-the-story";
const HS_TOKEN: &str = "hs-token-of-the-story";

/// What the bridge's answers are made of, and what it was asked.
#[derive(Debug)]
struct Mind {
    knows: BTreeMap<String, Value>,
    pings: Mutex<Vec<Value>>,
}

/// The bridge, while it listens.
#[derive(Debug)]
pub struct Bridge {
    mind: Arc<Mind>,
    dir: TempDir,
}

impl Bridge {
    /// Its `id`.
    pub const ID: &'static str = "story";
    /// What it shows the server.
    pub const TOKEN: &'static str = AS_TOKEN;
    /// Somebody behind it.
    pub const USER: &'static str = "@_br_cy:server.hardline.test";
    /// A place behind it.
    pub const ALIAS: &'static str = "#_br_tea:server.hardline.test";

    /// Has it listen, and writes its registration.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mind = Arc::new(Mind {
            knows: knowledge(),
            pings: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(mind.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let dir = tempfile::Builder::new().prefix("hl-story").tempdir()?;
        let bridge = Self { mind, dir };
        let text = format!(
            "id: {}\nurl: {url}\nas_token: {AS_TOKEN}\nhs_token: {HS_TOKEN}\nsender_localpart: storybot\n\
             rate_limited: false\nprotocols: [irc]\nnamespaces:\n  users:\n  - exclusive: true\n    regex: '@_br_.*'\n\
             \x20 aliases:\n  - exclusive: true\n    regex: '#_br_.*'\n",
            Self::ID
        );
        std::fs::write(bridge.registration(), text).context("the registration")?;
        Ok(bridge)
    }

    /// Its user.
    pub fn user_id() -> String {
        format!("@storybot:{}", HardlineServer::NAME)
    }

    /// The section of the configuration that names it.
    pub fn section(&self) -> String {
        format!("[appservices]\nfiles = [{:?}]\n", self.registration())
    }

    fn registration(&self) -> PathBuf {
        self.dir.path().join("registration.yaml")
    }

    /// What it answers at a path below `/_matrix/app/v1/thirdparty/`.
    pub fn knows(&self, path: &str) -> Value {
        self.mind.knows.get(path).cloned().unwrap_or_default()
    }

    /// What the pings said that came to it.
    pub fn pings(&self) -> Vec<Value> {
        self.mind.pings.lock().unwrap().clone()
    }
}

fn knowledge() -> BTreeMap<String, Value> {
    let irc = json!({
        "user_fields": ["nick"], "location_fields": ["channel"], "field_types": {}, "icon": "mxc://a.example/i",
        "instances": [{ "network_id": "libera", "desc": "Libera", "fields": {} }],
    });
    let user = json!([{ "userid": Bridge::USER, "protocol": "irc", "fields": { "nick": "cy" } }]);
    let place =
        json!([{ "alias": Bridge::ALIAS, "protocol": "irc", "fields": { "channel": "#tea" } }]);
    let known = [
        ("protocol/irc", irc),
        ("user/irc", user.clone()),
        ("user", user),
        ("location/irc", place.clone()),
        ("location", place),
    ];
    known.map(|(path, known)| (path.to_owned(), known)).into()
}

async fn answer(State(mind): State<Arc<Mind>>, request: Request) -> (StatusCode, Json<Value>) {
    let expected = format!("Bearer {HS_TOKEN}");
    let shown = request.headers().get("authorization");
    if shown.is_none_or(|shown| shown.as_bytes() != expected.as_bytes()) {
        return (
            StatusCode::FORBIDDEN,
            Json(json!({ "errcode": "M_FORBIDDEN" })),
        );
    }
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/_matrix/app/v1/") else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "errcode": "M_UNRECOGNIZED" })),
        );
    };
    if path == "ping" {
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
        let said = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        mind.pings.lock().unwrap().push(said);
        return (StatusCode::OK, Json(json!({})));
    }
    let known = path
        .strip_prefix("thirdparty/")
        .and_then(|path| mind.knows.get(path));
    match known {
        Some(known) => (StatusCode::OK, Json(known.clone())),
        None => (
            StatusCode::NOT_FOUND,
            Json(json!({ "errcode": "M_NOT_FOUND" })),
        ),
    }
}
