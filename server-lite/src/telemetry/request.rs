//! One span a request: number, method, path as the router knows it, user, status, time; and its figures.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use ruma::UserId;
use tracing::{Instrument, Span, field::Empty};

use super::{Telemetry, parked};
use crate::service::Services;

/// The label of requests that no route fits.
const UNMATCHED: &str = "unmatched";

/// Counts, times and logs a request.
pub async fn observe(State(services): State<Services>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let method = method_name(request.method());
    let telemetry = &services.telemetry;
    // The level of a span is that from which on it is left out: warnings shall say of which request they are.
    let span = tracing::error_span!(
        "request",
        request = telemetry.next_request(),
        method,
        path,
        user = Empty,
        status = Empty,
        ms = Empty
    );
    let in_flight = InFlight::begin(telemetry);
    let started = Instant::now();
    let (response, waited) = parked::measured(next.run(request))
        .instrument(span.clone())
        .await;
    drop(in_flight);
    let took = started.elapsed().saturating_sub(waited);
    let status = response.status();
    telemetry.answered(path, method, status.as_u16(), took);
    // The time of a file is that of the client's network.
    let is_file = path.contains("/media/");
    if !is_file && method != "OPTIONS" {
        telemetry.recent.answer(Instant::now(), took);
    }
    let slow = Duration::from_millis(services.config.log.slow_request_ms.into());
    span.in_scope(|| log(&span, status, took, waited, !is_file && took >= slow));
    response
}

fn log(span: &Span, status: StatusCode, took: Duration, waited: Duration, is_slow: bool) {
    let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    span.record("status", status);
    span.record("ms", (ms * 1000.0).round() / 1000.0);
    let waited_ms = waited.as_millis() as u64;
    if is_slow {
        tracing::warn!(target: "hardline_server::requests", waited_ms, "slow request");
    } else {
        tracing::debug!(target: "hardline_server::requests", waited_ms, "answered");
    }
}

/// Tells the span of this request who asks.
pub fn note_user(user: &UserId) {
    Span::current().record("user", user.as_str());
}

/// Clients may invent methods; labels may not grow with them.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

/// Counts a request even if its client goes away in the middle of it.
struct InFlight(prometheus_client::metrics::gauge::Gauge);

impl InFlight {
    fn begin(telemetry: &Telemetry) -> Self {
        telemetry.in_flight.inc();
        Self(telemetry.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
