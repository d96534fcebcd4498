//! A page of a test's own in a real browser, on an origin of its own.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    response::Html,
    routing::{get, post},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use crate::browser;

/// Opens a page in headless Chromium and waits until its script posts a JSON value to `/result`.
///
/// The page's origin is an address of its own, so that everything else is cross-origin to it.
pub async fn run_page(html: &str, limit: Duration) -> Result<Value> {
    let (told, mut results) = mpsc::channel::<Value>(1);
    let page: Arc<str> = html.into();
    let app = Router::new()
        .route("/", get(move || async move { Html(page.to_string()) }))
        .route("/result", post(result))
        .with_state(told);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let dir = tempfile::Builder::new().prefix("hl-page").tempdir()?;
    let _browser = browser::launch(&dir, &url)?;
    let value = timeout(limit, results.recv())
        .await
        .with_context(|| format!("the page told nothing within {limit:?}"))?;
    server.abort();
    value.context("the page's server ended")
}

async fn result(State(told): State<mpsc::Sender<Value>>, body: String) {
    // A second result is nobody's any more.
    let _ = told.try_send(serde_json::from_str(&body).unwrap_or(Value::String(body)));
}
