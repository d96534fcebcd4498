//! Sending files back: streamed, in parts if asked, and so that no browser runs them.

use std::{io::SeekFrom, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ruma::{
    UInt,
    api::{client::media::is_safe_inline_content_type, error::ErrorKind},
    http_headers::{ContentDisposition, ContentDispositionType},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    time::{Instant, timeout_at},
};
use tokio_util::io::ReaderStream;

use super::{
    bad_query, logged_in,
    range::{Wanted, wanted},
};
use crate::{
    error::{Error, Result},
    service::{
        Services,
        media::{self, Entry, FileHash, Method, ThumbnailSize, Upload},
        now_ms,
        rate_limit::Class,
    },
};

/// How long a download waits for an upload that was announced, unless the client says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(20);
/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Scripts and plug-ins stay off, whatever the file is; the specification's recommendation.
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
                      style-src 'unsafe-inline'; object-src 'self';";
/// What is at an address never changes.
const CACHE: &str = "private, max-age=31536000, immutable";

#[derive(Deserialize)]
pub(super) struct FileQuery {
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct ThumbnailQuery {
    width: UInt,
    height: UInt,
    method: Option<String>,
    animated: Option<bool>,
    timeout_ms: Option<u64>,
}

type QueryOf<T> = std::result::Result<Query<T>, QueryRejection>;

/// `GET …/download/{server}/{id}`
pub(super) async fn file_route(
    State(services): State<Services>,
    Path((server, id)): Path<(String, String)>,
    query: QueryOf<FileQuery>,
    request: Request,
) -> Result<Response> {
    admit(&services, request, |services, headers| async move {
        send_file(&services, &server, &id, None, query, &headers).await
    })
    .await
}

/// `GET …/download/{server}/{id}/{name}`
pub(super) async fn named_file_route(
    State(services): State<Services>,
    Path((server, id, name)): Path<(String, String, String)>,
    query: QueryOf<FileQuery>,
    request: Request,
) -> Result<Response> {
    admit(&services, request, |services, headers| async move {
        send_file(&services, &server, &id, Some(name), query, &headers).await
    })
    .await
}

/// `GET …/thumbnail/{server}/{id}`
pub(super) async fn thumbnail_route(
    State(services): State<Services>,
    Path((server, id)): Path<(String, String)>,
    query: QueryOf<ThumbnailQuery>,
    request: Request,
) -> Result<Response> {
    admit(&services, request, |services, headers| async move {
        send_thumbnail(&services, &server, &id, query, &headers).await
    })
    .await
}

/// `GET /_matrix/media/…/download/{server}/{id}`: without a token, where the configuration allows it.
pub(super) async fn legacy_file_route(
    State(services): State<Services>,
    Path((server, id)): Path<(String, String)>,
    query: QueryOf<FileQuery>,
    request: Request,
) -> Result<Response> {
    admit_legacy(&services)?;
    send_file(&services, &server, &id, None, query, request.headers()).await
}

/// `GET /_matrix/media/…/download/{server}/{id}/{name}`
pub(super) async fn legacy_named_file_route(
    State(services): State<Services>,
    Path((server, id, name)): Path<(String, String, String)>,
    query: QueryOf<FileQuery>,
    request: Request,
) -> Result<Response> {
    admit_legacy(&services)?;
    send_file(
        &services,
        &server,
        &id,
        Some(name),
        query,
        request.headers(),
    )
    .await
}

/// `GET /_matrix/media/…/thumbnail/{server}/{id}`
pub(super) async fn legacy_thumbnail_route(
    State(services): State<Services>,
    Path((server, id)): Path<(String, String)>,
    query: QueryOf<ThumbnailQuery>,
    request: Request,
) -> Result<Response> {
    admit_legacy(&services)?;
    send_thumbnail(&services, &server, &id, query, request.headers()).await
}

async fn admit<F: Future<Output = Result<Response>>>(
    services: &Services,
    request: Request,
    serve: impl FnOnce(Services, HeaderMap) -> F,
) -> Result<Response> {
    let (parts, _) = request.into_parts();
    logged_in(services, &parts).await?;
    serve(services.clone(), parts.headers).await
}

/// Old endpoints take no token. Unless the operator lets everybody read, there is nothing at them.
fn admit_legacy(services: &Services) -> Result<()> {
    if services.config.media.unauthenticated_downloads {
        services
            .limiter
            .check(Class::Other, "unauthenticated media")
    } else {
        Err(Error::not_found(
            "Files are at /_matrix/client/v1/media, with an access token.",
        ))
    }
}

async fn send_file(
    services: &Services,
    server: &str,
    id: &str,
    name: Option<String>,
    query: QueryOf<FileQuery>,
    headers: &HeaderMap,
) -> Result<Response> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let upload = find(services, server, id, query.timeout_ms).await?;
    let content_type = upload
        .content_type
        .as_deref()
        .and_then(|kind| kind.parse().ok());
    let content_type: HeaderValue =
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let name = name
        .as_deref()
        .and_then(media::clean_filename)
        .or(upload.filename);
    let disposition = disposition(&content_type, name);
    let path = services.media.files().path(upload.hash);
    let file = tokio::fs::File::open(&path).await.map_err(|error| {
        tracing::error!(%error, media_id = id, "a file is missing from the media folder");
        media::not_found()
    })?;
    stream(
        file,
        upload.size,
        upload.hash,
        content_type,
        disposition,
        headers,
    )
    .await
}

async fn send_thumbnail(
    services: &Services,
    server: &str,
    id: &str,
    query: QueryOf<ThumbnailQuery>,
    headers: &HeaderMap,
) -> Result<Response> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let method = match query.method.as_deref() {
        Some("crop") => Method::Crop,
        Some("scale") | None => Method::Scale,
        Some(_) => return Err(Error::invalid_param("The method is crop or scale.")),
    };
    let size = ThumbnailSize::at_least(query.width, query.height, method)?;
    let size = size.moving(query.animated == Some(true));
    let upload = find(services, server, id, query.timeout_ms).await?;
    let thumbnail = services.media.thumbnail(upload.hash, size).await?;
    let file = tokio::fs::File::open(&thumbnail.path)
        .await
        .map_err(Error::internal)?;
    let length = file.metadata().await.map_err(Error::internal)?.len();
    let content_type = HeaderValue::from_static(thumbnail.content_type);
    let extension = thumbnail.content_type.trim_start_matches("image/");
    let disposition = disposition(&content_type, Some(format!("thumbnail.{extension}")));
    stream(
        file,
        length,
        upload.hash,
        content_type,
        disposition,
        headers,
    )
    .await
}

/// The file at an address of this server; waits for one that was announced.
async fn find(
    services: &Services,
    server: &str,
    id: &str,
    timeout_ms: Option<u64>,
) -> Result<Upload> {
    if server != services.config.server.name.as_str() {
        return Err(media::not_found());
    }
    let wait = timeout_ms
        .map_or(DEFAULT_WAIT, Duration::from_millis)
        .min(MAX_WAIT);
    let deadline = Instant::now() + wait;
    loop {
        let mut uploaded = std::pin::pin!(services.media.next_upload());
        uploaded.as_mut().enable();
        let id = id.to_owned();
        match services
            .store
            .read(move |c| media::get(c, &id, now_ms()))
            .await?
        {
            Entry::Uploaded(upload) => {
                note_read(services, &upload);
                return Ok(upload);
            }
            Entry::Reserved => {
                let _parked = services.telemetry.park();
                tokio::select! {
                    waited = timeout_at(deadline, uploaded) => {
                        waited.map_err(|_| not_yet_uploaded())?;
                    }
                    () = services.shutdown.cancelled() => return Err(not_yet_uploaded()),
                }
            }
        }
    }
}

/// Notes that somebody reads a file, without making them wait.
fn note_read(services: &Services, upload: &Upload) {
    if !upload.is_note_due(now_ms()) {
        return;
    }
    let (store, hash) = (services.store.clone(), upload.hash);
    tokio::spawn(async move {
        let noted = store.write(move |tx| media::note_read(tx, hash, now_ms()));
        if let Err(error) = noted.await {
            tracing::warn!(%error, "cannot note that a file was read");
        }
    });
}

fn not_yet_uploaded() -> Error {
    let text = "Nothing was uploaded to this address yet.";
    Error::new(StatusCode::GATEWAY_TIMEOUT, ErrorKind::NotYetUploaded, text)
}

/// Shown in a browser only if it is of a kind that cannot do harm there.
fn disposition(content_type: &HeaderValue, name: Option<String>) -> ContentDisposition {
    let kind = content_type
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let safe = is_safe_inline_content_type(&kind.trim().to_ascii_lowercase());
    let kind = if safe {
        ContentDispositionType::Inline
    } else {
        ContentDispositionType::Attachment
    };
    ContentDisposition::new(kind).with_filename(name)
}

async fn stream(
    mut file: tokio::fs::File,
    size: u64,
    hash: FileHash,
    content_type: HeaderValue,
    disposition: ContentDisposition,
    request: &HeaderMap,
) -> Result<Response> {
    let etag = format!("\"{}-{size}\"", hash.hex());
    let text = |name| {
        request
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let mut response = Response::new(Body::empty());
    fill_headers(response.headers_mut(), &etag, content_type, &disposition)?;
    if text(header::IF_NONE_MATCH).is_some_and(|seen| seen == "*" || seen.contains(&etag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    // A part of another version of the file would be of no use.
    let same = text(header::IF_RANGE).is_none_or(|version| version == etag);
    let (first, length) = match wanted(text(header::RANGE).filter(|_| same), size) {
        Wanted::All => (0, size),
        Wanted::Part(first, last) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(
                response.headers_mut(),
                header::CONTENT_RANGE,
                &format!("bytes {first}-{last}/{size}"),
            )?;
            (first, last - first + 1)
        }
        Wanted::Outside => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(
                response.headers_mut(),
                header::CONTENT_RANGE,
                &format!("bytes */{size}"),
            )?;
            (0, 0)
        }
    };
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if length > 0 {
        file.seek(SeekFrom::Start(first))
            .await
            .map_err(Error::internal)?;
        let stream = ReaderStream::with_capacity(file.take(length), 64 * 1024);
        *response.body_mut() = Body::from_stream(stream);
    }
    Ok(response)
}

fn fill_headers(
    headers: &mut HeaderMap,
    etag: &str,
    content_type: HeaderValue,
    disposition: &ContentDisposition,
) -> Result<()> {
    headers.insert(header::CONTENT_TYPE, content_type);
    set(
        headers,
        header::CONTENT_DISPOSITION,
        &disposition.to_string(),
    )?;
    set(headers, header::ETAG, etag)?;
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, CACHE),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(())
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) -> Result<()> {
    headers.insert(name, HeaderValue::from_str(value).map_err(Error::internal)?);
    Ok(())
}
