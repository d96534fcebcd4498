//! What a listener that serves `metrics` answers: `/metrics` for Prometheus, `/` for people, `/stats.json` for both.

use axum::{extract::State, response::Response, routing::get};
use http::{HeaderValue, StatusCode, header};

use super::Router;
use crate::{
    error::{Result, json_response},
    service::Services,
    telemetry,
};

/// The page, whole: it asks for `stats.json` and nothing else.
const PAGE: &str = include_str!("figures/page.html");

/// Nothing may be loaded from elsewhere, whatever the page's text says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .route("/", get(page_route))
        .route("/stats.json", get(stats_route))
        .route("/metrics", get(metrics_route))
}

async fn page_route() -> Response {
    let mut response = answer("text/html; charset=utf-8", PAGE.to_owned());
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

async fn stats_route(State(services): State<Services>) -> Result<Response> {
    let stats = telemetry::stats(&services).await?;
    Ok(json_response(StatusCode::OK, &stats))
}

async fn metrics_route(State(services): State<Services>) -> Result<Response> {
    let text = telemetry::metrics_text(&services).await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(answer(kind, text))
}

fn answer(content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
