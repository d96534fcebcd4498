//! A proxy before a homeserver that delays, loses, changes or refuses what a test names.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use crate::{homeserver::Homeserver, wait::until};

/// What happens to a request that a rule matches.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The server gets it at once; its answer comes so much later.
    DelayAnswer(Duration),
    /// The server gets it; the connection is cut before the answer.
    LoseAnswer,
    /// The connection is cut; the server never hears of it.
    LoseRequest,
    /// Neither an answer nor an end of the connection.
    Hang,
    /// The proxy answers in the server's place.
    Answer(u16, Value),
}

/// A request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// The status the client got; none if it got nothing.
    pub status: Option<u16>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    part: String,
    left: u32,
    fault: Fault,
}

#[derive(Debug, Default)]
struct Shared {
    upstream: String,
    own: Mutex<String>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    skew: Mutex<i64>,
    http: reqwest::Client,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: String,
    server_name: String,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Puts itself before a homeserver.
    pub async fn before(server: &impl Homeserver) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let shared = Arc::new(Shared {
            upstream: server.base_url().to_owned(),
            http,
            ..Shared::default()
        });
        address.clone_into(&mut lock(&shared.own));
        let app = Router::new().fallback(pass).with_state(shared.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            shared,
            address,
            server_name: server.server_name().to_owned(),
            task,
        })
    }

    /// Applies `fault` to the next `times` requests of `method` (empty: any) whose path contains `part`.
    pub fn fault(&self, method: &str, part: &str, times: u32, fault: Fault) {
        lock(&self.shared.rules).push(Rule {
            method: method.to_owned(),
            part: part.to_owned(),
            left: times,
            fault,
        });
    }

    /// Takes all rules away.
    pub fn heal(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Moves the `Date` of every answer by so many seconds.
    pub fn skew_dates(&self, seconds: i64) {
        *lock(&self.shared.skew) = seconds;
    }

    /// The requests of `method` (empty: any) whose path contains `part`, oldest first.
    pub fn seen(&self, method: &str, part: &str) -> Vec<Seen> {
        let all = lock(&self.shared.seen);
        all.iter()
            .filter(|s| (method.is_empty() || s.method == method) && s.path.contains(part))
            .cloned()
            .collect()
    }

    /// Waits until `n` such requests came by (answered or not).
    pub async fn wait_seen(
        &self,
        method: &str,
        part: &str,
        n: usize,
        limit: Duration,
    ) -> Result<()> {
        until(limit, &format!("{n} × {method} …{part}…"), || {
            let enough = self.seen(method, part).len() >= n;
            async move { Ok(enough.then_some(())) }
        })
        .await
    }
}

impl Homeserver for Proxy {
    fn base_url(&self) -> &str {
        &self.address
    }

    fn server_name(&self) -> &str {
        &self.server_name
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    // In a task of its own: a client that goes away does not take its request back.
    let task = tokio::spawn(async move { handle(&shared, request).await });
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => StatusCode::BAD_GATEWAY.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn handle(shared: &Shared, request: Request) -> Result<Response> {
    let method = request.method().clone();
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .context("no path")?;
    let fault = take_fault(shared, method.as_str(), &path);
    let index = {
        let mut seen = lock(&shared.seen);
        seen.push(Seen {
            method: method.to_string(),
            path: path.clone(),
            status: None,
        });
        seen.len() - 1
    };
    let headers = request.headers().clone();
    let body = to_bytes(request.into_body(), 256 << 20).await?;
    let response = match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::LoseRequest) => return Ok(cut()),
        Some(Fault::Answer(status, value)) => (
            StatusCode::from_u16(status)?,
            [(header::CONTENT_TYPE, "application/json")],
            value.to_string(),
        )
            .into_response(),
        Some(Fault::LoseAnswer) => {
            forward(shared, method, &path, headers, body).await?;
            return Ok(cut());
        }
        Some(Fault::DelayAnswer(delay)) => {
            let response = forward(shared, method, &path, headers, body).await?;
            sleep(delay).await;
            response
        }
        None => forward(shared, method, &path, headers, body).await?,
    };
    if let Some(entry) = lock(&shared.seen).get_mut(index) {
        entry.status = Some(response.status().as_u16());
    }
    Ok(response)
}

fn take_fault(shared: &Shared, method: &str, path: &str) -> Option<Fault> {
    let mut rules = lock(&shared.rules);
    let rule = rules.iter_mut().find(|rule| {
        rule.left > 0
            && (rule.method.is_empty() || rule.method == method)
            && path.contains(&rule.part)
    })?;
    rule.left -= 1;
    Some(rule.fault.clone())
}

async fn forward(
    shared: &Shared,
    method: axum::http::Method,
    path: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::ACCEPT_ENCODING);
    let url = format!("{}{path}", shared.upstream);
    let answer = shared
        .http
        .request(method, url)
        .headers(headers)
        .body(body)
        .send()
        .await?;
    let status = answer.status();
    let mut headers = answer.headers().clone();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONNECTION);
    let skew = *lock(&shared.skew);
    if skew != 0 {
        headers.insert(header::DATE, skewed_date(skew)?);
    }
    let mut bytes = answer.bytes().await?;
    // Where the server names its own address, it must name ours, or the client would go around us.
    if path.contains("/login") || path.contains("/.well-known/") || path.contains("/register") {
        let text = String::from_utf8_lossy(&bytes).replace(&shared.upstream, &lock(&shared.own));
        bytes = Bytes::from(text);
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn skewed_date(seconds: i64) -> Result<HeaderValue> {
    let now = OffsetDateTime::from(SystemTime::now()) + time::Duration::seconds(seconds);
    let text = now.format(&Rfc2822)?.replace("+0000", "GMT");
    Ok(HeaderValue::from_str(&text)?)
}

/// An answer whose body fails at once, which makes the HTTP server cut the connection.
fn cut() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<Bytes, _>(std::io::Error::other("cut by the test"))
    });
    let mut response = Response::new(Body::from_stream(broken));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("1000000"));
    response
}
