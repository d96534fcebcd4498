//! A socket in the data folder with which the operator's commands speak to the running server: what it knows only by
//! itself, and "look again" after they have changed the database.
//!
//! HTTP over a Unix socket that nobody but the server's own user can open.

use std::{
    io::{Read, Write},
    os::{
        fd::AsRawFd,
        unix::{fs::PermissionsExt, net::UnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    service::Services,
    telemetry::{self, Stats},
};

/// The longest a command waits for an answer.
const LIMIT: Duration = Duration::from_secs(10);

/// What a command has changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Changed {
    /// Numbers of rooms that are no longer there.
    pub removed_rooms: Vec<i64>,
}

/// The socket's name in the data folder.
const NAME: &str = "control.sock";

/// The longest path by which a socket can be named is 107 bytes.
const MAX_PATH: usize = 100;

/// Does something with the socket's path, by a detour where the path is too long for a socket.
fn at_socket<T>(
    folder: &Path,
    work: impl FnOnce(&Path) -> std::io::Result<T>,
) -> std::io::Result<T> {
    let path = folder.join(NAME);
    if path.as_os_str().len() <= MAX_PATH {
        return work(&path);
    }
    let open = std::fs::File::open(folder)?;
    let detour = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    work(&detour.join(NAME))
}

/// Serves it until the server stops. Without it the server is as good; only the commands know less.
pub async fn run(services: Services) {
    let path = services.config.storage.path.join(NAME);
    // The lock on the folder is ours, so whatever is there is a leftover.
    let _ = std::fs::remove_file(&path);
    let bound = at_socket(&services.config.storage.path, |short| {
        let listener = tokio::net::UnixListener::bind(short)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        Ok(listener)
    });
    let listener = match bound {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, socket = %path.display(), "commands cannot ask this server");
            return;
        }
    };
    let stop = services.shutdown.clone();
    let app = Router::new()
        .route("/stats", get(stats_route))
        .route("/changed", post(changed_route))
        .with_state(services);
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::warn!(%error, "commands cannot ask this server any more");
    }
    let _ = std::fs::remove_file(&path);
}

async fn stats_route(State(services): State<Services>) -> Result<Json<Stats>> {
    Ok(Json(telemetry::stats(&services).await?))
}

async fn changed_route(State(services): State<Services>, Json(changed): Json<Changed>) {
    for room in changed.removed_rooms {
        services.sliding.forget_room(room);
    }
    services.push_gateway.wake();
    services.notifier.wake(services.notifier.waiting());
}

/// The figures of the server that runs on this data; none if there is none.
pub fn ask_stats(folder: &Path) -> Option<Stats> {
    let body = request(folder, "GET", "/stats", "").ok()?;
    serde_json::from_slice(&body).ok()
}

/// Tells the running server, if there is one, that the database has changed. Returns whether it heard.
pub fn tell_changed(folder: &Path, changed: &Changed) -> bool {
    let body = serde_json::to_string(changed).unwrap_or_default();
    request(folder, "POST", "/changed", &body).is_ok()
}

/// One request; HTTP/1.0, so that the answer ends with the connection.
fn request(folder: &Path, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = at_socket(folder, |path| UnixStream::connect(path))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let wrong = |text: &str| std::io::Error::other(text.to_owned());
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.ok_or_else(|| wrong("no answer"))?;
    let status = answer.get(9..12).unwrap_or_default();
    if status != b"200" {
        return Err(wrong("refused"));
    }
    Ok(answer.split_off(end + 4))
}
