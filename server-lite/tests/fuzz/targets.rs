//! What is fuzzed: functions that take bytes and panic if something is wrong.
//!
//! Requests go through the whole server inside this process, without sockets: router, handlers, database.

use std::{
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::body::Body;
use hardline_server::{
    config::{Config, Serves},
    router,
    service::{Services, appservices::registration, rooms::timeline::Token, sync::sliding},
};
use http::{Request, StatusCode};
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use ruma::server_name;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A function over bytes, and the name of its corpus.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "request",
        run: request,
    },
    Target {
        name: "query",
        run: query,
    },
    Target {
        name: "event",
        run: event,
    },
    Target {
        name: "filter",
        run: filter,
    },
    Target {
        name: "sync_token",
        run: sync_token,
    },
    Target {
        name: "sliding_sync",
        run: sliding_sync,
    },
    Target {
        name: "configuration",
        run: configuration,
    },
    Target {
        name: "registration",
        run: registration,
    },
    Target {
        name: "picture",
        run: picture,
    },
];

/// A server in this process, with one user in one room.
struct World {
    runtime: tokio::runtime::Runtime,
    app: axum::Router,
    token: String,
    user: String,
    room: String,
    event: String,
    n_requests: u64,
    dir: tempfile::TempDir,
}

static WORLD: Mutex<Option<World>> = Mutex::new(None);

/// Ends the server, and takes its folder away.
pub fn end() {
    WORLD.lock().take();
}

const CONFIG: &str = "[server]\nname = \"hs.test\"\n[storage]\npath = \"data\"\nmax_database_mib = 512\n\
    [registration]\nopen = true\n[rate_limits]\nenabled = false\n";

impl World {
    fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let dir = tempfile::tempdir_in(shared).or_else(|_| tempfile::tempdir());
        let dir = dir.expect("a folder");
        let config = dir.path().join("server.toml");
        std::fs::write(&config, CONFIG).expect("a configuration");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let app = {
            let _inside = runtime.enter();
            let config = Config::load(&config).expect("a good configuration");
            router::build(Services::open(config).expect("services"), &[Serves::Client])
        };
        let mut world = Self {
            runtime,
            app,
            token: String::new(),
            user: "@ada:hs.test".to_owned(),
            room: String::new(),
            event: String::new(),
            n_requests: 0,
            dir,
        };
        world.settle();
        world
    }

    /// An account, a room, a message.
    fn settle(&mut self) {
        let account =
            json!({ "username": "ada", "password": "secret", "auth": { "type": "m.login.dummy" } });
        let made = self.json("POST", "/_matrix/client/v3/register", &account);
        self.token = made["access_token"].as_str().expect("a token").to_owned();
        self.new_room();
    }

    fn new_room(&mut self) {
        let preset = json!({ "preset": "public_chat" });
        let made = self.json("POST", "/_matrix/client/v3/createRoom", &preset);
        self.room = made["room_id"].as_str().expect("a room").to_owned();
        let path = format!(
            "/_matrix/client/v3/rooms/{}/send/m.room.message/first",
            escaped(&self.room)
        );
        let sent = self.json("PUT", &path, &json!({ "msgtype": "m.text", "body": "x" }));
        self.event = sent["event_id"].as_str().expect("an event").to_owned();
    }

    fn json(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, body) = self.ask(method, path, body.to_string().into_bytes());
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// One request; `None` where HTTP has no such path.
    fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Option<(StatusCode, Vec<u8>)> {
        let mut request = Request::builder().method(method).uri(path);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let request = request.body(Body::from(body)).ok()?;
        let app = self.app.clone();
        self.n_requests += 1;
        Some(self.runtime.block_on(async move {
            let answer = app.oneshot(request).await.expect("infallible");
            let status = answer.status();
            let body = axum::body::to_bytes(answer.into_body(), 64 << 20).await;
            (status, body.expect("a body").to_vec())
        }))
    }

    fn ask(&mut self, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        self.try_ask(method, path, body).expect("a good path")
    }

    /// A path of the table with what exists in its places.
    fn path(&self, template: &str) -> String {
        let values = [
            ("{roomId}", &*self.room),
            ("{roomIdOrAlias}", &*self.room),
            ("{userId}", &*self.user),
            ("{eventId}", &*self.event),
            ("{eventType}", "m.room.message"),
            ("{receiptType}", "m.read"),
            ("{relType}", "m.thread"),
            ("{roomAlias}", "#a:hs.test"),
            ("{kind}", "override"),
            ("{serverName}", "hs.test"),
        ];
        let mut path = template.to_owned();
        for (place, value) in values {
            path = path.replace(place, &escaped(value));
        }
        let txn = format!("t{}", self.n_requests);
        path = path.replace("{txnId}", &txn);
        while let Some((before, after)) = path.split_once('{') {
            let rest = after.split_once('}').map_or("", |(_, rest)| rest);
            path = format!("{before}some{rest}");
        }
        path
    }
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn world() -> MappedMutexGuard<'static, World> {
    MutexGuard::map(WORLD.lock(), |world| world.get_or_insert_with(World::new))
}

/// A refusal is fine, a failure is not. Whatever is answered as JSON is JSON.
fn judge(what: &str, status: StatusCode, body: &[u8]) {
    let text = String::from_utf8_lossy(&body[..body.len().min(500)]);
    assert!(
        !status.is_server_error() || status == StatusCode::INSUFFICIENT_STORAGE,
        "{what}: {status} {text}"
    );
    if status.is_client_error() {
        let error: Value = serde_json::from_slice(body).unwrap_or_default();
        assert!(
            error["errcode"].is_string() || error["flows"].is_array(),
            "{what}: {status} {text}"
        );
    }
}

/// Endpoints that end the session, or wait for something.
const LEFT_OUT: &[&str] = &[
    "/logout",
    "/deactivate",
    "/delete_devices",
    "/account/password",
    "/media/",
];

/// The first byte names a row of the table of endpoints, the rest is the body.
fn request(bytes: &[u8]) {
    static ROWS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let table = include_str!("../endpoints.txt").lines();
        let rows = table.filter(|line| !line.starts_with('#') && !line.contains(" GET "));
        let rows = rows.filter(|row| !LEFT_OUT.iter().any(|part| row.contains(part)));
        rows.map(|row| {
            let mut words = row.split(' ').skip(1);
            let mut word = || words.next().unwrap_or_default().to_owned();
            (word(), word())
        })
        .collect()
    });
    let Some((&first, body)) = bytes.split_first() else {
        return;
    };
    let (method, template) = &ROWS[usize::from(first) % ROWS.len()];
    let mut world = world();
    let path = world.path(template);
    let (status, answer) = world.ask(method, &path, body.to_vec());
    judge(&format!("{method} {path}"), status, &answer);
    // The room may be lost by now: left, banned from, closed.
    if status == StatusCode::FORBIDDEN {
        world.new_room();
    }
}

/// The first byte names a row that is read, the rest is the query.
fn query(bytes: &[u8]) {
    static ROWS: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let table = include_str!("../endpoints.txt").lines();
        let rows = table.filter_map(|line| line.split_once(" GET "));
        rows.map(|(_, path)| path).collect()
    });
    let Some((&first, query)) = bytes.split_first() else {
        return;
    };
    // A sync may wait as long as it is told to.
    if String::from_utf8_lossy(query).contains("timeout") {
        return;
    }
    let mut world = world();
    let path = world.path(ROWS[usize::from(first) % ROWS.len()]);
    let query: String = query
        .iter()
        .map(|byte| match byte {
            b'!'..=b'~' if *byte != b'#' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let path = format!("{path}?{query}");
    if let Some((status, answer)) = world.try_ask("GET", &path, Vec::new()) {
        judge(&path, status, &answer);
    }
}

/// An event's content, which is then read back in all the ways there are.
fn event(bytes: &[u8]) {
    let mut world = world();
    let n = world.n_requests;
    let room = escaped(&world.room);
    let kinds = [
        "m.room.message",
        "m.reaction",
        "m.room.topic",
        "org.example.x",
    ];
    let kind = kinds[bytes.len() % kinds.len()];
    let path = match bytes.len() % 3 {
        0 => format!("/_matrix/client/v3/rooms/{room}/state/{kind}/key{n}"),
        _ => format!("/_matrix/client/v3/rooms/{room}/send/{kind}/e{n}"),
    };
    let (status, answer) = world.ask("PUT", &path, bytes.to_vec());
    judge(&path, status, &answer);
    if status != StatusCode::OK {
        return;
    }
    let sent: Value = serde_json::from_slice(&answer).expect("JSON");
    let event = escaped(sent["event_id"].as_str().expect("an event"));
    let paths = [
        format!("/_matrix/client/v3/rooms/{room}/event/{event}"),
        format!("/_matrix/client/v3/rooms/{room}/context/{event}?limit=2"),
        format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=2"),
        "/_matrix/client/v3/sync?timeout=0".to_owned(),
    ];
    let path = &paths[n as usize % paths.len()];
    let (status, answer) = world.ask("GET", path, Vec::new());
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice::<Value>(&answer).expect("what was taken is given back as JSON");
}

/// A filter, uploaded and used.
fn filter(bytes: &[u8]) {
    let mut world = world();
    let user = escaped(&world.user);
    let path = format!("/_matrix/client/v3/user/{user}/filter");
    let (status, answer) = world.ask("POST", &path, bytes.to_vec());
    judge(&path, status, &answer);
    if status == StatusCode::OK {
        let stored: Value = serde_json::from_slice(&answer).expect("JSON");
        let id = stored["filter_id"].as_str().expect("an id");
        let path = format!("/_matrix/client/v3/sync?timeout=0&filter={id}");
        let (status, answer) = world.ask("GET", &path, Vec::new());
        judge(&path, status, &answer);
    }
    let query = escaped(&String::from_utf8_lossy(bytes));
    let room = escaped(&world.room);
    let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&filter={query}");
    let (status, answer) = world.ask("GET", &path, Vec::new());
    judge(&path, status, &answer);
}

/// A position in the stream: whatever is taken means the same once written down again.
fn sync_token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(token) = Token::parse(&text) {
        let written = token.to_string();
        let again = Token::parse(&written).expect("what we wrote");
        assert_eq!(again.to_string(), written);
    }
    let mut world = world();
    let token = escaped(&text);
    let path = format!("/_matrix/client/v3/sync?timeout=0&since={token}");
    let (status, answer) = world.ask("GET", &path, Vec::new());
    judge(&path, status, &answer);
}

/// A request of sliding sync.
fn sliding_sync(bytes: &[u8]) {
    let _ = sliding::request::Body::parse(bytes);
    let mut world = world();
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
    let (status, answer) = world.ask("POST", path, bytes.to_vec());
    judge(path, status, &answer);
}

/// A configuration file.
fn configuration(bytes: &[u8]) {
    let file = world().dir.path().join("other.toml");
    std::fs::write(&file, bytes).expect("a file");
    if let Err(error) = Config::load(&file) {
        assert!(!error.to_string().is_empty());
    }
}

/// A registration of an application service. What is taken makes sense; what is not is told,
/// soon and not at length.
fn registration(bytes: &[u8]) {
    let world = world();
    let file = world.dir.path().join("bridge.yaml");
    std::fs::write(&file, bytes).expect("a file");
    let (started, server) = (Instant::now(), server_name!("hs.test"));
    match registration::load(&file, server) {
        Ok(read) => {
            assert_eq!(read.sender.server_name(), server);
            for token in [&read.as_token, &read.hs_token] {
                assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            for namespace in [&read.users, &read.aliases, &read.rooms]
                .into_iter()
                .flatten()
            {
                namespace.matches(&world.user);
                namespace.matches(&"@x".repeat(500));
            }
        }
        Err(error) => {
            let told = error.to_string();
            assert!(
                told.contains("bridge.yaml") && told.len() < 2 * bytes.len() + 1000,
                "{told}"
            );
        }
    }
    // Few bytes can stand for many, and be a long way to match.
    let limit = Duration::from_secs(20);
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
}

/// A file that is uploaded and looked at in small.
fn picture(bytes: &[u8]) {
    let mut world = world();
    let (status, answer) = world.ask("POST", "/_matrix/media/v3/upload", bytes.to_vec());
    assert_eq!(status, 200);
    let sent: Value = serde_json::from_slice(&answer).expect("JSON");
    let uri = sent["content_uri"].as_str().expect("an address");
    let place = uri.trim_start_matches("mxc://");
    let path =
        format!("/_matrix/client/v1/media/thumbnail/{place}?width=32&height=32&method=scale");
    let (status, answer) = world.ask("GET", &path, Vec::new());
    judge(&path, status, &answer);
}
