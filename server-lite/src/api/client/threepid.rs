//! E-mail addresses and telephone numbers: this server knows none and says so.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#adding-account-administrative-contact-information>

use axum::{
    extract::{Request, State},
    routing::post,
};
use http::StatusCode;
use ruma::api::error::ErrorKind;

use crate::{
    Error,
    api::{Router, extract},
    error::Result,
    service::Services,
};

/// The routes of this module.
pub fn routes() -> Router {
    let mut router = Router::new();
    for version in ["r0", "v3"] {
        let path = |rest: &str| format!("/_matrix/client/{version}/{rest}");
        for medium in ["email", "msisdn"] {
            let token = |what: &str| path(&format!("{what}/{medium}/requestToken"));
            router = router
                .route(&token("register"), post(denied_route))
                .route(&token("account/password"), post(unknown_route))
                .route(&token("account/3pid"), post(denied_to_users_route));
        }
        for action in ["add", "bind", "delete", "unbind"] {
            let path = path(&format!("account/3pid/{action}"));
            router = router.route(&path, post(denied_to_users_route));
        }
    }
    router
}

const SENTENCE: &str = "This server knows no e-mail addresses and no telephone numbers.";

async fn denied_route() -> Error {
    Error::new(StatusCode::FORBIDDEN, ErrorKind::ThreepidDenied, SENTENCE)
}

async fn unknown_route() -> Error {
    Error::bad_request(ErrorKind::ThreepidNotFound, SENTENCE)
}

async fn denied_to_users_route(
    State(services): State<Services>,
    request: Request,
) -> Result<(), Error> {
    let (parts, _) = request.into_parts();
    extract::authenticate(&services, &parts).await?;
    Err(denied_route().await)
}
