//! What a web page says of itself: title, description, name of its site. Off unless configured.
//!
//! Pictures are not fetched, scripts not run, and nothing is asked of the local network (see [`super::outbound`]).
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv1mediapreview_url>

mod html;

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use http::header;
use lru::LruCache;
use parking_lot::Mutex;
use reqwest::Response;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use url::Url;

use super::outbound::Outbound;
use crate::error::{Error, Result};

/// Of a page only this much is read: what it says of itself stands at its beginning.
const MAX_PAGE: usize = 512 * 1024;
/// So many redirects are followed, each judged anew.
const MAX_REDIRECTS: usize = 5;
/// A preview is kept for so long.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// So many previews are kept.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// So many pages are fetched at a time.
const MAX_CONCURRENT: usize = 4;

/// What a page says of itself, in terms of the Open Graph.
pub type Preview = Map<String, Value>;

/// Fetches previews and keeps them for a while.
pub struct UrlPreviews {
    kept: Mutex<LruCache<Url, (Instant, Preview)>>,
    permits: Semaphore,
}

impl Default for UrlPreviews {
    fn default() -> Self {
        Self {
            kept: Mutex::new(LruCache::new(MAX_KEPT)),
            permits: Semaphore::new(MAX_CONCURRENT),
        }
    }
}

impl UrlPreviews {
    /// The preview of a page; empty for what is no page.
    ///
    /// # Errors
    /// `M_FORBIDDEN` for addresses that are not asked; 502 for a site that does not answer.
    pub async fn get(&self, outbound: &Outbound, url: Url) -> Result<Preview> {
        if let Some((fetched_at, preview)) = self.kept.lock().get(&url)
            && fetched_at.elapsed() < LIFETIME
        {
            return Ok(preview.clone());
        }
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        let response = fetch(outbound, url.clone()).await?;
        let preview = if is_page(&response) {
            html::preview(&beginning(response).await)
        } else {
            Preview::new()
        };
        let mut kept = self.kept.lock();
        kept.put(url, (Instant::now(), preview.clone()));
        Ok(preview)
    }
}

fn unreachable() -> Error {
    let kind = ruma::api::error::ErrorKind::Unknown;
    Error::new(
        http::StatusCode::BAD_GATEWAY,
        kind,
        "That site does not answer.",
    )
}

/// Follows redirects by hand, so that each address is judged before it is asked.
async fn fetch(outbound: &Outbound, mut url: Url) -> Result<Response> {
    for _ in 0..=MAX_REDIRECTS {
        let client = outbound.client_for(&url)?;
        let asked = client
            .get(url.clone())
            .header(header::ACCEPT, "text/html, application/xhtml+xml")
            .header(header::USER_AGENT, "hardline-server (link preview)")
            .send()
            .await;
        let response = asked.map_err(|_| unreachable())?;
        if !response.status().is_redirection() {
            let is_there = response.status().is_success();
            return is_there.then_some(response).ok_or_else(unreachable);
        }
        let target = response.headers().get(header::LOCATION);
        let target = target.and_then(|target| target.to_str().ok());
        let target = target.and_then(|target| url.join(target).ok());
        url = target.ok_or_else(unreachable)?;
    }
    Err(unreachable())
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].contains(&kind)
}

async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_PAGE - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == MAX_PAGE {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
