//! The Client-Server API by hand: to prepare rooms, to send what no client would, to look at what a server holds.
//! <https://spec.matrix.org/latest/client-server-api/>

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

static NEXT_TXN: AtomicU64 = AtomicU64::new(1);

/// A signed-in account without crypto or sync loop.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    /// Its access token.
    pub token: String,
    /// Its user id.
    pub user_id: String,
    /// Its device id.
    pub device_id: String,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; `null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body, or an error for a status other than 2xx.
    pub fn ok(self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("the server answered {} {}", self.status, self.body)
    }
}

/// An HTTP client with limits that suit a loopback server on a busy machine.
pub fn http() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()?)
}

/// One request without a token.
pub async fn call(
    http: &reqwest::Client,
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer> {
    let mut request = http.request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request
        .send()
        .await
        .with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    Ok(Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

impl Client {
    /// Creates an account on a server with open registration (`m.login.dummy`).
    pub async fn register(base_url: &str, localpart: &str, password: &str) -> Result<Self> {
        let http = http()?;
        let url = format!("{base_url}/_matrix/client/v3/register");
        let mut body = json!({ "username": localpart, "password": password, "initial_device_display_name": "testkit" });
        let mut answer = call(&http, Method::POST, &url, None, Some(&body)).await?;
        if answer.status == 401 {
            let session = answer.body["session"].clone();
            body["auth"] = json!({ "type": "m.login.dummy", "session": session });
            answer = call(&http, Method::POST, &url, None, Some(&body)).await?;
        }
        Self::from_answer(http, base_url, answer)
    }

    /// An account without a password, on a server that lets guests in. Cheap: nothing is hashed.
    pub async fn guest(http: &reqwest::Client, base_url: &str) -> Result<Self> {
        let url = format!("{base_url}/_matrix/client/v3/register?kind=guest");
        let answer = call(http, Method::POST, &url, None, Some(&json!({}))).await?;
        Self::from_answer(http.clone(), base_url, answer)
    }

    /// Signs in by password, as a new device.
    pub async fn login(base_url: &str, user: &str, password: &str) -> Result<Self> {
        let http = http()?;
        let body = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password,
        });
        let answer = call(
            &http,
            Method::POST,
            &format!("{base_url}/_matrix/client/v3/login"),
            None,
            Some(&body),
        )
        .await?;
        Self::from_answer(http, base_url, answer)
    }

    fn from_answer(http: reqwest::Client, base_url: &str, answer: Answer) -> Result<Self> {
        let body = answer.ok()?;
        let text = |key: &str| {
            body[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("no {key} in the answer"))
        };
        Ok(Self {
            http,
            base_url: base_url.to_owned(),
            token: text("access_token")?,
            user_id: text("user_id")?,
            device_id: text("device_id")?,
        })
    }

    /// Base address of its server.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A request below `/_matrix/client/`, e.g. `v3/sync`; whatever the status.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let url = format!("{}/_matrix/client/{path}", self.base_url);
        call(&self.http, method, &url, Some(&self.token), body).await
    }

    /// `GET` that must succeed.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.request(Method::GET, path, None)
            .await?
            .ok()
            .with_context(|| format!("GET {path}"))
    }

    /// `POST` that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.request(Method::POST, path, Some(&body))
            .await?
            .ok()
            .with_context(|| format!("POST {path}"))
    }

    /// `PUT` that must succeed.
    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.request(Method::PUT, path, Some(&body))
            .await?
            .ok()
            .with_context(|| format!("PUT {path}"))
    }

    /// Creates a room from a `createRoom` body; gives its id.
    pub async fn create_room(&self, body: Value) -> Result<String> {
        let made = self.post("v3/createRoom", body).await?;
        Ok(made["room_id"].as_str().context("no room_id")?.to_owned())
    }

    /// Joins a room by id or alias.
    pub async fn join(&self, room: &str) -> Result<()> {
        self.post(&format!("v3/join/{}", escape(room)), json!({}))
            .await
            .map(drop)
    }

    /// Invites somebody.
    pub async fn invite(&self, room: &str, user_id: &str) -> Result<()> {
        self.post(
            &format!("v3/rooms/{}/invite", escape(room)),
            json!({ "user_id": user_id }),
        )
        .await
        .map(drop)
    }

    /// Sends an event of any type and content; gives its id.
    pub async fn send(&self, room: &str, event_type: &str, content: Value) -> Result<String> {
        let txn = NEXT_TXN.fetch_add(1, Ordering::Relaxed);
        let path = format!(
            "v3/rooms/{}/send/{}/testkit{}-{txn}",
            escape(room),
            escape(event_type),
            std::process::id()
        );
        let sent = self.put(&path, content).await?;
        Ok(sent["event_id"].as_str().context("no event_id")?.to_owned())
    }

    /// Sends a text message; gives its id.
    pub async fn send_text(&self, room: &str, body: &str) -> Result<String> {
        self.send(
            room,
            "m.room.message",
            json!({ "msgtype": "m.text", "body": body }),
        )
        .await
    }

    /// Sets state; gives the event's id.
    pub async fn set_state(
        &self,
        room: &str,
        event_type: &str,
        state_key: &str,
        content: Value,
    ) -> Result<String> {
        let path = format!(
            "v3/rooms/{}/state/{}/{}",
            escape(room),
            escape(event_type),
            escape(state_key)
        );
        let sent = self.put(&path, content).await?;
        Ok(sent["event_id"].as_str().context("no event_id")?.to_owned())
    }

    /// Uploads bytes; gives their `mxc:` address.
    pub async fn upload(&self, bytes: Vec<u8>, content_type: &str) -> Result<String> {
        let url = format!("{}/_matrix/media/v3/upload", self.base_url);
        let response = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header("content-type", content_type)
            .body(bytes)
            .send()
            .await?;
        let status = response.status().as_u16();
        let body = response.json().await.unwrap_or(Value::Null);
        let body = Answer { status, body }.ok()?;
        Ok(body["content_uri"]
            .as_str()
            .context("no content_uri")?
            .to_owned())
    }

    /// The latest events of a room, newest first, as the server holds them.
    pub async fn latest(&self, room: &str, limit: usize) -> Result<Vec<Value>> {
        let page = self
            .get(&format!(
                "v3/rooms/{}/messages?dir=b&limit={limit}",
                escape(room)
            ))
            .await?;
        Ok(page["chunk"].as_array().cloned().unwrap_or_default())
    }
}

/// Percent-encodes a path segment.
pub fn escape(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
