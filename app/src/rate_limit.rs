//! Requests that meet a rate limit wait for as long as the server asks, visibly, and are sent again by themselves.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#rate-limiting>

use std::{future::Future, time::Duration};

use matrix_sdk::{HttpError, config::RequestConfig};

use crate::failure;

/// Told once a second while a request waits: the seconds left, then `None` when it is sent again.
pub type Waiting = dyn Fn(Option<u32>) + Send + Sync;

/// The longest wait taken for one request; a server that asks for more is told to the person as a failure.
const LONGEST: Duration = Duration::from_secs(600);
/// How often one request is tried.
const ATTEMPTS: usize = 8;

/// No retries below this module, so that a wait is seen here and not hidden in the SDK.
pub fn visible() -> RequestConfig {
    RequestConfig::new().disable_retry()
}

/// Sends a request, waiting out rate limits.
pub async fn patiently<T, F, Fut>(waiting: &Waiting, send: F) -> Result<T, HttpError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, HttpError>>,
{
    let mut waited = Duration::ZERO;
    for _ in 1..ATTEMPTS {
        let error = match send().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(wait) = failure::rate_limit(&error) else {
            return Err(error);
        };
        waited += wait;
        if waited > LONGEST {
            return Err(error);
        }
        count_down(waiting, wait).await;
    }
    send().await
}

async fn count_down(waiting: &Waiting, wait: Duration) {
    let end = tokio::time::Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() {
            break;
        }
        let seconds = left.as_millis().div_ceil(1000);
        waiting(Some(u32::try_from(seconds).unwrap_or(u32::MAX)));
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
    waiting(None);
}
