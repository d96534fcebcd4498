//! Uploads, downloads and thumbnails; files pass through without being held in memory.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#content-repository>

mod download;
mod preview;
mod range;

use axum::{
    body::{Body, BodyDataStream},
    extract::{Path, Query, Request, State},
    response::Response,
    routing::{get, post, put},
};
use futures_util::StreamExt;
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
    api::{Authed, MAX_BODY, Router, Routes, extract},
    error::{Error, Result, json_response},
    service::{
        Services,
        media::{self, FilesLock, Upload, quota},
        now_ms,
        rate_limit::Class,
        safety,
        sessions::Session,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    let mut router = Router::new()
        .merge(preview::routes())
        .ruma(config_route)
        .ruma(legacy_config_route)
        .ruma_also(MAX_BODY, &["/_matrix/media/v1/config"], legacy_config_route)
        .ruma(create_route);
    for version in ["r0", "v1", "v3"] {
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
    let (upload, lock) = receive(&services, &session, &parts, body, query).await?;
    let media_id = media::new_id();
    let uri = mxc(&services, &media_id);
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            media::insert(
                tx,
                &writer.config,
                &media_id,
                &session.user_id,
                &upload,
                now_ms(),
            )
        })
        .await?;
    drop(lock);
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
    let (upload, lock) = receive(&services, &session, &parts, body, query).await?;
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            media::fill(
                tx,
                &writer.config,
                &media_id,
                &session.user_id,
                &upload,
                now_ms(),
            )
        })
        .await?;
    drop(lock);
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

/// Takes in the file that a request brings. The lock is to be held until an address names it.
async fn receive(
    services: &Services,
    session: &Session,
    parts: &Parts,
    body: Body,
    query: UploadQuery,
) -> Result<(Upload, FilesLock)> {
    let mut chunks = body.into_data_stream();
    let announced = text(parts, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let taken = match admit(services, session, parts, announced.unwrap_or(0)).await {
        Ok(allowance) => {
            services
                .media
                .files()
                .receive(&mut chunks, &allowance)
                .await
        }
        Err(error) => Err(error),
    };
    if taken.is_err() && announced.is_none_or(|length| length <= DRAINED) {
        drain(&mut chunks).await;
    }
    let (received, lock) = taken?;
    let upload = Upload {
        hash: received.hash,
        size: received.size,
        content_type: text(parts, header::CONTENT_TYPE).map(str::to_owned),
        filename: query.filename.as_deref().and_then(media::clean_filename),
        last_read_at: now_ms(),
    };
    Ok((upload, lock))
}

/// How much of a file that is refused is read all the same, in bytes: a client that is cut while it sends never reads
/// why.
const DRAINED: u64 = 16 << 20;

async fn drain(chunks: &mut BodyDataStream) {
    let mut n_read = 0;
    while n_read <= DRAINED
        && let Some(Ok(chunk)) = chunks.next().await
    {
        n_read += chunk.len() as u64;
    }
}

/// How large a file may be that somebody uploads now; refuses one that says it is larger.
async fn admit(
    services: &Services,
    session: &Session,
    parts: &Parts,
    announced: u64,
) -> Result<quota::Allowance> {
    let content_type = text(parts, header::CONTENT_TYPE);
    safety::admit_upload(services, &session.user_id, content_type).await?;
    let (reader, user_id) = (services.clone(), session.user_id.clone());
    let allowance = services
        .store
        .read(move |c| quota::allowance(c, &reader.config, &user_id))
        .await?;
    allowance.check(announced)?;
    services.disk.admit_file(announced)?;
    Ok(allowance)
}

fn text(parts: &Parts, name: header::HeaderName) -> Option<&str> {
    parts.headers.get(name)?.to_str().ok()
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
