//! Uploads, downloads and thumbnails; files pass through without being held in memory.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

mod download;
mod preview;
mod range;

use axum::{
    body::Body,
    extract::{Path, Query, Request, State},
    response::Response,
    routing::{get, post, put},
};
use http::{header, request::Parts};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedMxcUri, UInt,
    api::client::{
        authenticated_media::get_media_config::v1 as config,
        media::{create_mxc_uri::v1 as create, get_media_config::v3 as legacy_config},
    },
};
use serde::Deserialize;

use crate::{
    api::{Authed, Router, Routes, extract},
    error::{Error, Result, json_response},
    service::{
        Services,
        media::{self, Upload},
        now_ms,
        rate_limit::Class,
        sessions::Session,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    let mut router = Router::new()
        .merge(preview::routes())
        .ruma(config_route)
        .ruma(legacy_config_route)
        .ruma(create_route);
    for version in ["r0", "v3"] {
        let upload = format!("/_matrix/media/{version}/upload");
        router = router.route(&upload, post(upload_route));
    }
    for prefix in ["v3", "unstable/fi.mau.msc2246"] {
        let upload = format!("/_matrix/media/{prefix}/upload/{{server_name}}/{{media_id}}");
        router = router.route(&upload, put(upload_reserved_route));
    }
    for prefix in ["client/v1", "client/unstable/org.matrix.msc3916"] {
        let media = format!("/_matrix/{prefix}/media");
        router = router
            .route(
                &format!("{media}/download/{{server}}/{{id}}"),
                get(download::file_route),
            )
            .route(
                &format!("{media}/download/{{server}}/{{id}}/{{name}}"),
                get(download::named_file_route),
            )
            .route(
                &format!("{media}/thumbnail/{{server}}/{{id}}"),
                get(download::thumbnail_route),
            );
    }
    for version in ["r0", "v1", "v3"] {
        let media = format!("/_matrix/media/{version}");
        router = router
            .route(
                &format!("{media}/download/{{server}}/{{id}}"),
                get(download::legacy_file_route),
            )
            .route(
                &format!("{media}/download/{{server}}/{{id}}/{{name}}"),
                get(download::legacy_named_file_route),
            )
            .route(
                &format!("{media}/thumbnail/{{server}}/{{id}}"),
                get(download::legacy_thumbnail_route),
            );
    }
    router
}

#[derive(Deserialize)]
struct UploadQuery {
    filename: Option<String>,
}

async fn config_route(services: Services, _: Authed<config::Request>) -> Result<config::Response> {
    Ok(config::Response::new(max_upload_uint(&services)))
}

#[expect(deprecated, reason = "clients of before 2024 ask there")]
async fn legacy_config_route(
    services: Services,
    _: Authed<legacy_config::Request>,
) -> Result<legacy_config::Response> {
    Ok(legacy_config::Response::new(max_upload_uint(&services)))
}

async fn create_route(
    services: Services,
    request: Authed<create::Request>,
) -> Result<create::Response> {
    let (user_id, media_id) = (request.session.user_id, media::new_id());
    let uri = mxc(&services, &media_id);
    let expires_at = services
        .store
        .write(move |tx| media::reserve(tx, &media_id, &user_id, now_ms()))
        .await?;
    let mut response = create::Response::new(uri);
    response.unused_expires_at = UInt::try_from(expires_at)
        .ok()
        .map(MilliSecondsSinceUnixEpoch);
    Ok(response)
}

async fn upload_route(
    State(services): State<Services>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let session = logged_in(&services, &parts).await?;
    let upload = receive(&services, &parts, body, query).await?;
    let media_id = media::new_id();
    let uri = mxc(&services, &media_id);
    services
        .store
        .write(move |tx| media::insert(tx, &media_id, &session.user_id, &upload, now_ms()))
        .await?;
    Ok(json_response(
        http::StatusCode::OK,
        &serde_json::json!({ "content_uri": uri }),
    ))
}

async fn upload_reserved_route(
    State(services): State<Services>,
    Path((server_name, media_id)): Path<(String, String)>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let session = logged_in(&services, &parts).await?;
    if server_name != services.config.server.name.as_str() {
        return Err(media::not_found());
    }
    let (id, user_id) = (media_id.clone(), session.user_id.clone());
    services
        .store
        .read(move |c| media::check_reserved(c, &id, &user_id, now_ms()))
        .await?;
    let upload = receive(&services, &parts, body, query).await?;
    services
        .store
        .write(move |tx| media::fill(tx, &media_id, &session.user_id, &upload, now_ms()))
        .await?;
    services.media.announce_upload();
    Ok(json_response(http::StatusCode::OK, &serde_json::json!({})))
}

async fn logged_in(services: &Services, parts: &Parts) -> Result<Session> {
    let session = extract::authenticate(services, parts).await?;
    if !session.unlimited {
        services
            .limiter
            .check(Class::Other, session.user_id.as_str())?;
    }
    Ok(session)
}

async fn receive(
    services: &Services,
    parts: &Parts,
    body: Body,
    query: UploadQuery,
) -> Result<Upload> {
    let max = max_upload(services);
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(media::too_large(max));
    }
    let received = services
        .media
        .files()
        .receive(body.into_data_stream(), max)
        .await?;
    Ok(Upload {
        hash: received.hash,
        size: received.size,
        content_type: text(header::CONTENT_TYPE).map(str::to_owned),
        filename: query.filename.as_deref().and_then(media::clean_filename),
    })
}

fn max_upload(services: &Services) -> u64 {
    u64::from(services.config.media.max_upload_mib) * 1024 * 1024
}

fn max_upload_uint(services: &Services) -> UInt {
    UInt::try_from(max_upload(services)).unwrap_or(UInt::MAX)
}

fn mxc(services: &Services, media_id: &str) -> OwnedMxcUri {
    format!("mxc://{}/{media_id}", services.config.server.name).into()
}

/// A query that cannot be read, in Matrix's words.
fn bad_query(error: &axum::extract::rejection::QueryRejection) -> Error {
    Error::invalid_param(error.body_text())
}
