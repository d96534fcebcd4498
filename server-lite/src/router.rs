//! The whole HTTP surface: all APIs, CORS on every answer, errors in Matrix's shape.

use std::any::Any;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::header;
use ruma::api::error::ErrorKind;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Error, api, config::Serves, service::Services, telemetry::request::observe};

/// Everything the server answers where it serves this.
pub fn build(services: Services, serves: &[Serves]) -> Router {
    let mut router = Router::new();
    for served in serves {
        router = match served {
            Serves::Client => router
                .merge(api::client::routes())
                .merge(api::well_known::routes()),
            Serves::Metrics => router.merge(api::figures::routes()),
        };
    }
    let mut router = router
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(services.clone())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(matrix_errors));
    // Web pages of others may ask in the name of a client, but not for figures of this machine.
    if serves.contains(&Serves::Client) {
        router = router.layer(from_fn(cors));
    }
    router.layer(from_fn_with_state(services, observe))
}

async fn unknown_route() -> Error {
    Error::new(
        StatusCode::NOT_FOUND,
        ErrorKind::Unrecognized,
        "Unknown endpoint.",
    )
}

async fn wrong_method() -> Error {
    Error::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Unrecognized,
        "This endpoint does not know that method.",
    )
}

/// What the router refuses by itself (a path that is no UTF-8, a query named twice) it says in plain text: here it gets
/// Matrix's shape.
async fn matrix_errors(request: Request, next: Next) -> Response {
    const LONGEST: usize = 4096;
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status() != StatusCode::BAD_REQUEST || !is_plain {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), LONGEST).await;
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    Error::invalid_param(text).into_response()
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Error::internal("a handler panicked").into_response()
}

/// <https://spec.matrix.org/v1.18/client-server-api/#web-browser-clients>
async fn cors(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let set = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, PUT, DELETE, PATCH, OPTIONS",
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "X-Requested-With, Content-Type, Authorization, Date",
        ),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Retry-After, Content-Disposition",
        ),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
