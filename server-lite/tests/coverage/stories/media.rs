//! Files.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use axum::{Router, response::Html, routing::get};
use serde_json::json;

use crate::world::{NOTHING, Telling};

const SERVER: &str = "server.hardline.test";

fn picture() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_pixel(64, 48, image::Rgb([10, 200, 30]));
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    Ok(bytes)
}

fn media_id(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or_default()
}

pub async fn uploading_and_downloading(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let upload = t.row("POST /_matrix/media/v3/upload")?;
    upload
        .refused(&nobody, &[], json!({}), 401, "M_MISSING_TOKEN")
        .await?;
    let bytes = picture()?;
    let query = ["?filename=green.png"];
    let sent = upload
        .sends(&ada, &query, "image/png", Some(bytes.clone()))
        .await?
        .json();
    let id = media_id(sent["content_uri"].as_str().context("no content_uri")?);

    let place = "{serverName}/{mediaId}";
    let download = t.row(&format!("GET v1/media/download/{place}"))?;
    let named = t.row(&format!("GET v1/media/download/{place}/{{fileName}}"))?;
    let thumbnail = t.row(&format!("GET v1/media/thumbnail/{place}"))?;
    let args = [SERVER, id];
    let small = [
        SERVER,
        id,
        "?width=32",
        "&height=32",
        "&method=crop",
        "&animated=false",
    ];
    download
        .refused(&nobody, &args, NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = download.sends(&bo, &args, "", None).await?;
    upload.effect(seen.bytes == bytes, true)?;
    download.effect(
        seen.headers["content-disposition"].contains("green.png"),
        true,
    )?;
    let args = [SERVER, id, "other.png"];
    named
        .refused(&nobody, &args, NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = named.sends(&bo, &args, "", None).await?;
    named.effect(
        seen.headers["content-disposition"].contains("other.png"),
        true,
    )?;
    thumbnail
        .refused(&nobody, &small, NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = thumbnail.sends(&bo, &small, "", None).await?;
    let decoded = image::load_from_memory(&seen.bytes)?;
    thumbnail.effect((decoded.width(), decoded.height()), (32, 32))?;

    // As clients of before 2024 ask; the configuration lets everybody.
    let base = "GET /_matrix/media/v3";
    let download = t.row(&format!("{base}/download/{place}"))?;
    let seen = download.sends(&nobody, &[SERVER, id], "", None).await?;
    download.effect(seen.bytes == bytes, true)?;
    let named = t.row(&format!("{base}/download/{place}/{{fileName}}"))?;
    let seen = named.sends(&nobody, &args, "", None).await?;
    named.effect(seen.bytes == bytes, true)?;
    let thumbnail = t.row(&format!("{base}/thumbnail/{place}"))?;
    let seen = thumbnail.sends(&nobody, &small, "", None).await?;
    thumbnail.effect(image::load_from_memory(&seen.bytes)?.width(), 32)
}

pub async fn uploading_later(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let create = t.row("POST /_matrix/media/v1/create")?;
    create
        .refused(&nobody, &[], json!({}), 401, "M_MISSING_TOKEN")
        .await?;
    let made = create.works(&ada, &[], NOTHING).await?;
    let id = media_id(made["content_uri"].as_str().context("no content_uri")?);
    let fill = t.row("PUT /_matrix/media/v3/upload/{serverName}/{mediaId}")?;
    let args = [SERVER, id];
    fill.refused(&bo, &args, json!({}), 403, "M_FORBIDDEN")
        .await?;
    let bytes = b"late".to_vec();
    fill.sends(&ada, &args, "text/plain", Some(bytes)).await?;
    let path = format!("v1/media/download/{SERVER}/{id}");
    let url = format!("{}/_matrix/client/{path}", t.world.server_url());
    let seen = t.world.http.get(url).bearer_auth(&bo.token).send().await?;
    let seen = seen.bytes().await?;
    create.effect(&seen[..], &b"late"[..])?;
    fill.effect(&seen[..], &b"late"[..])
}

pub async fn what_can_be_uploaded(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    for name in ["GET v1/media/config", "GET /_matrix/media/v3/config"] {
        let config = t.row(name)?;
        config
            .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
            .await?;
        let told = config.works(&ada, &[], NOTHING).await?;
        let most = told["m.upload.size"].as_u64().context("no size")?;
        let url = format!("{}/_matrix/media/v3/upload", t.world.server_url());
        let more = t
            .world
            .http
            .post(url)
            .bearer_auth(&ada.token)
            .header("content-length", most + 1)
            .body(reqwest::Body::from(Vec::new()));
        // The length alone decides: the bytes need not be sent.
        let answer = more.send().await;
        ensure!(answer.is_err() || answer?.status() == 413);
        config.effect(most, 100 << 20)?;
    }
    Ok(())
}

pub async fn previewing_a_page(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let query = format!("?url=http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { Html("<title>Tea</title>") }));
    let site = tokio::spawn(async move { axum::serve(listener, app).await });
    let preview = t.row("GET v1/media/preview_url")?;
    preview
        .refused(
            &t.world.nobody(&ada),
            &[&query],
            NOTHING,
            401,
            "M_MISSING_TOKEN",
        )
        .await?;
    let seen = preview.works(&ada, &[&query], NOTHING).await?;
    site.abort();
    preview.effect(&seen["og:title"], "Tea")
}
