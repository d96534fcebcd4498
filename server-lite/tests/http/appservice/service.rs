//! The application service of these tests.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Reply, Server, User, encode};

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub body: Value,
}

#[derive(Default)]
struct Told {
    asked: Vec<Asked>,
    /// What to answer to transactions; 200 once this is empty.
    answers: VecDeque<u16>,
    /// What to answer at other paths; 404 elsewhere.
    known: HashMap<String, Value>,
    /// Users and aliases that it makes when it is asked for them.
    makes: HashMap<String, String>,
    /// Whether it knows only the paths of before.
    is_old: bool,
    base: String,
}

/// An application service that remembers what it was told.
#[derive(Clone)]
pub struct Service {
    told: Arc<Mutex<Told>>,
    pub url: String,
    dir: Arc<TempDir>,
}

pub const BOT: &str = "@bridgebot:hs.test";
pub const AS_TOKEN: &str = "as-token";
const HS_TOKEN: &str = "hs-token";

impl Service {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            told: Arc::default(),
            url: format!("http://{}", listener.local_addr().unwrap()),
            dir: Arc::new(tempfile::tempdir().unwrap()),
        };
        let app = Router::new()
            .fallback(Self::answer)
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        service
    }

    async fn answer(State(service): State<Self>, request: Request) -> (StatusCode, Json<Value>) {
        let bearer = request.headers().get("authorization").cloned();
        let bearer = bearer.unwrap();
        assert_eq!(bearer.to_str().unwrap(), format!("Bearer {HS_TOKEN}"));
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 22).await.unwrap();
        let path = percent_decoded(parts.uri.path());
        let asked = Asked {
            method: parts.method,
            path: path.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        };
        service.told.lock().unwrap().asked.push(asked);
        if let Some(name) = path.strip_prefix("/_matrix/app/v1/users/") {
            return service.make_user(name).await;
        }
        if let Some(alias) = path.strip_prefix("/_matrix/app/v1/rooms/") {
            return service.make_room(alias).await;
        }
        let mut told = service.told.lock().unwrap();
        if told.is_old && path.starts_with("/_matrix/app/v1/") {
            return (StatusCode::NOT_FOUND, Json(Value::Null));
        }
        if path.contains("/transactions/") {
            let status = told.answers.pop_front().unwrap_or(200);
            return (StatusCode::from_u16(status).unwrap(), Json(json!({})));
        }
        match told.known.get(&path) {
            Some(known) => (StatusCode::OK, Json(known.clone())),
            None => (
                StatusCode::NOT_FOUND,
                Json(json!({ "errcode": "M_NOT_FOUND" })),
            ),
        }
    }

    async fn make_user(&self, user: &str) -> (StatusCode, Json<Value>) {
        let made = self.told.lock().unwrap().makes.get(user).cloned();
        let Some(name) = made else {
            return (StatusCode::NOT_FOUND, Json(json!({})));
        };
        self.as_bot(&self.base()).register(&name).await.ok();
        (StatusCode::OK, Json(json!({})))
    }

    async fn make_room(&self, alias: &str) -> (StatusCode, Json<Value>) {
        let made = self.told.lock().unwrap().makes.get(alias).cloned();
        let Some(name) = made else {
            return (StatusCode::NOT_FOUND, Json(json!({})));
        };
        let body = json!({ "preset": "public_chat", "room_alias_name": name });
        self.as_bot(&self.base()).user.create_room(body).await;
        (StatusCode::OK, Json(json!({})))
    }

    fn base(&self) -> String {
        self.told.lock().unwrap().base.clone()
    }

    /// Writes the registration, with these further lines, and returns the section for the server's configuration.
    pub fn registered(&self, more: &str) -> String {
        self.registered_as("bridge", &format!("{NAMESPACES}{more}"))
    }

    /// The same under another id and with all lines but the first four.
    pub fn registered_as(&self, id: &str, more: &str) -> String {
        let text = format!(
            "id: {id}\nurl: {}\nas_token: {AS_TOKEN}\nhs_token: {HS_TOKEN}\nsender_localpart: bridgebot\n{more}",
            self.url
        );
        let file = self.file(id);
        std::fs::write(&file, text).unwrap();
        format!("[appservices]\nfiles = [{file:?}]\n")
    }

    /// A second service that only speaks, for all users, as those are registered that let people write on two networks.
    pub fn with_puppets(&self, section: &str, token: &str) -> String {
        let file = self.file("puppets");
        let text = format!(
            "id: puppets\nurl: null\nas_token: {token}\nhs_token: other\nsender_localpart: _puppets\n\
             rate_limited: false\nnamespaces:\n  users:\n  - {{exclusive: false, regex: '@.*:hs\\.test'}}\n"
        );
        std::fs::write(&file, text).unwrap();
        section.replace("\"]\n", &format!("\", {file:?}]\n"))
    }

    pub fn file(&self, id: &str) -> PathBuf {
        self.dir.path().join(format!("{id}.yaml"))
    }

    /// Answers the next transactions with these statuses.
    pub fn fail(&self, statuses: &[u16]) {
        self.told.lock().unwrap().answers.extend(statuses);
    }

    /// Answers as it should from now on.
    pub fn clear_failures(&self) {
        self.told.lock().unwrap().answers.clear();
    }

    pub fn knows(&self, path: &str, answer: Value) {
        let mut told = self.told.lock().unwrap();
        told.known.insert(path.to_owned(), answer);
    }

    /// Makes this user or alias (by its localpart) when it is asked for it.
    pub fn makes(&self, server: &Server, id: &str, localpart: &str) {
        let mut told = self.told.lock().unwrap();
        told.base.clone_from(&server.base);
        told.makes.insert(id.to_owned(), localpart.to_owned());
    }

    pub fn grow_old(&self) {
        self.told.lock().unwrap().is_old = true;
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.told.lock().unwrap().asked.clone()
    }

    /// The transactions it was sent, with their ids, also those it refused.
    pub fn transactions(&self) -> Vec<(String, Value)> {
        let asked = self.asked();
        let transactions = asked
            .into_iter()
            .filter(|asked| asked.path.contains("/transactions/"));
        transactions
            .map(|asked| {
                assert_eq!(asked.method, Method::PUT);
                let (_, id) = asked.path.rsplit_once('/').unwrap();
                (id.to_owned(), asked.body)
            })
            .collect()
    }

    /// One list of all transactions, each counted once.
    pub fn list(&self, key: &str) -> Vec<Value> {
        let mut seen = HashMap::new();
        let mut list = Vec::new();
        for (id, body) in self.transactions() {
            let items = body[key].as_array().cloned().unwrap_or_default();
            if let Some(before) = seen.insert(id, items.len()) {
                assert_eq!(before, items.len(), "a transaction changed");
            } else {
                list.extend(items);
            }
        }
        list
    }

    /// The texts it heard, in order.
    pub fn heard(&self) -> Vec<String> {
        let events = self.list("events");
        let texts = events
            .iter()
            .filter_map(|event| event["content"]["body"].as_str());
        texts.map(str::to_owned).collect()
    }

    /// Waits until it heard this text, and a little longer.
    pub async fn heard_upto(&self, text: &str) -> Vec<String> {
        wait_for(|| self.heard().iter().any(|heard| heard == text), &|| {
            format!("{:?}", self.transactions())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.heard()
    }

    /// Waits for something in a list of its transactions.
    pub async fn wait(&self, key: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_for(|| self.list(key).iter().any(&is), &|| {
            format!("{key}: {:?}", self.transactions())
        })
        .await;
        let found = self.list(key);
        found.into_iter().find(|item| is(item)).unwrap()
    }

    /// Itself as a client.
    pub fn bot(&self, server: &Server) -> Ghost {
        self.as_bot(&server.base)
    }

    fn as_bot(&self, base: &str) -> Ghost {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Ghost {
            user: User {
                id: BOT.to_owned(),
                token: AS_TOKEN.to_owned(),
                base: base.to_owned(),
                http,
            },
        }
    }
}

const NAMESPACES: &str = "rate_limited: false
namespaces:
  users:
  - {exclusive: true, regex: '@_br_.*:hs\\.test'}
  aliases:
  - {exclusive: true, regex: '#_br_.*:hs\\.test'}
";

fn percent_decoded(path: &str) -> String {
    let pair = format!("p={}", path.replace('+', "%2B"));
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap();
    value.into_owned()
}

pub async fn wait_for(is: impl Fn() -> bool, what: &dyn Fn() -> String) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", what());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The application service as a client: as its bot, or as one of its users.
pub struct Ghost {
    pub user: User,
}

impl Ghost {
    pub async fn register(&self, name: &str) -> Reply {
        let body = json!({
            "type": "m.login.application_service", "username": name, "inhibit_login": true,
        });
        self.user.post("/register", body).await
    }

    /// A request as one of its users.
    pub async fn get_as(&self, user: &str, path: &str) -> Reply {
        self.user.get(&with(path, user)).await
    }

    pub async fn post_as(&self, user: &str, path: &str, body: Value) -> Reply {
        self.user.post(&with(path, user), body).await
    }

    pub async fn put_as(&self, user: &str, path: &str, body: Value) -> Reply {
        self.user.put(&with(path, user), body).await
    }

    pub async fn delete_as(&self, user: &str, path: &str) -> Reply {
        self.user.delete(&with(path, user)).await
    }

    /// Makes one of its users and lets it join a public room.
    pub async fn ghost_in(&self, name: &str, room: &str) -> String {
        self.register(name).await.ok();
        let user = format!("@{name}:hs.test");
        let path = format!("/join/{}", encode(room));
        self.post_as(&user, &path, json!({})).await.ok();
        user
    }
}

fn with(path: &str, user: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}user_id={}", encode(user))
}
