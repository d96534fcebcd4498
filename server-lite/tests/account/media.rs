//! Uploads, downloads, thumbnails, and files made to do harm.

use std::io::Cursor;

use anyhow::{Context, Result};
use hardline_testkit::{Client, HardlineServer, Homeserver, ServerOptions, client::http};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, RgbaImage};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{refused, server_with, text};

fn id_of(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or_default()
}

/// A GET below `/_matrix/`, with a token and headers.
async fn fetch(
    server: &HardlineServer,
    token: Option<&str>,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Response> {
    let mut request = http()?.get(format!("{}/_matrix/{path}", server.base_url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.send().await?)
}

async fn download(
    server: &HardlineServer,
    client: &Client,
    uri: &str,
    headers: &[(&str, &str)],
) -> Result<Response> {
    let path = format!(
        "client/v1/media/download/{}/{}",
        server.server_name(),
        id_of(uri)
    );
    fetch(server, Some(&client.token), &path, headers).await
}

async fn thumbnail(
    server: &HardlineServer,
    client: &Client,
    uri: &str,
    query: &str,
) -> Result<Response> {
    let path = format!(
        "client/v1/media/thumbnail/{}/{}?{query}",
        server.server_name(),
        id_of(uri)
    );
    fetch(server, Some(&client.token), &path, &[]).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

async fn refused_as(response: Response, status: u16, errcode: &str) -> Result<()> {
    let status_seen = response.status().as_u16();
    let body: Value = response.json().await?;
    assert_eq!(
        (status_seen, body["errcode"].as_str()),
        (status, Some(errcode)),
        "{body}"
    );
    Ok(())
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format)?;
    Ok(bytes)
}

async fn size_of(response: Response) -> Result<(String, u32, u32)> {
    assert_eq!(response.status(), 200);
    let kind = header(&response, "content-type").to_owned();
    let picture = image::load_from_memory(&response.bytes().await?)?;
    Ok((kind, picture.width(), picture.height()))
}

#[tokio::test]
async fn what_one_uploads_another_downloads() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let url = format!(
        "{}/_matrix/media/v3/upload?filename=caf%C3%A9%0A.txt",
        server.base_url()
    );
    let sent = http()?
        .post(url)
        .bearer_auth(&ada.token)
        .header("content-type", "text/plain")
        .body(bytes.clone())
        .send()
        .await?;
    let uri = text(&sent.json().await?, "content_uri")?;
    let got = download(&server, &bo, &uri, &[]).await?;
    assert_eq!(got.status(), 200);
    assert_eq!(header(&got, "content-type"), "text/plain");
    assert_eq!(header(&got, "content-length"), "300000");
    assert_eq!(
        header(&got, "content-disposition"),
        "inline; filename*=utf-8''caf%C3%A9.txt"
    );
    assert!(header(&got, "content-security-policy").contains("sandbox"));
    assert_eq!(header(&got, "x-content-type-options"), "nosniff");
    assert_eq!(header(&got, "cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header(&got, "access-control-allow-origin"), "*");
    assert_eq!(got.bytes().await?.as_ref(), bytes);
    let named = format!(
        "client/v1/media/download/{}/{}/other.txt",
        server.server_name(),
        id_of(&uri)
    );
    let got = fetch(&server, Some(&bo.token), &named, &[]).await?;
    assert_eq!(
        header(&got, "content-disposition"),
        "inline; filename=other.txt"
    );
    Ok(())
}

#[tokio::test]
async fn only_users_download_and_unknown_files_are_not_found() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let uri = ada.upload(b"secret".to_vec(), "text/plain").await?;
    let path = format!("media/download/{}/{}", server.server_name(), id_of(&uri));
    refused_as(
        fetch(&server, None, &format!("client/v1/{path}"), &[]).await?,
        401,
        "M_MISSING_TOKEN",
    )
    .await?;
    refused_as(
        fetch(&server, Some("made-up"), &format!("client/v1/{path}"), &[]).await?,
        401,
        "M_UNKNOWN_TOKEN",
    )
    .await?;
    let old = format!("media/v3/download/{}/{}", server.server_name(), id_of(&uri));
    refused_as(fetch(&server, None, &old, &[]).await?, 404, "M_NOT_FOUND").await?;
    for path in [
        "client/v1/media/download/server.hardline.test/unknown",
        "client/v1/media/download/elsewhere.test/abc",
        "client/v1/media/download/server.hardline.test/..%2F..%2Fhardline-server.db",
    ] {
        refused_as(
            fetch(&server, Some(&ada.token), path, &[]).await?,
            404,
            "M_NOT_FOUND",
        )
        .await?;
    }
    let upload = http()?
        .post(format!("{}/_matrix/media/v3/upload", server.base_url()))
        .body("x")
        .send()
        .await?;
    refused_as(upload, 401, "M_MISSING_TOKEN").await?;
    Ok(())
}

#[tokio::test]
async fn old_clients_read_without_a_token_where_the_operator_allows_it() -> Result<()> {
    let extra = "[media]\nunauthenticated_downloads = true\nmax_upload_mib = 1".to_owned();
    let server = HardlineServer::start_with(ServerOptions {
        extra,
        ..ServerOptions::default()
    })
    .await?;
    let ada = server.register("ada").await?;
    let uri = ada.upload(b"hello".to_vec(), "text/plain").await?;
    let path = format!("{}/{}", server.server_name(), id_of(&uri));
    for version in ["r0", "v1", "v3"] {
        let got = fetch(
            &server,
            None,
            &format!("media/{version}/download/{path}"),
            &[],
        )
        .await?;
        assert_eq!(got.text().await?, "hello");
    }
    let picture = ada
        .upload(
            encode(&DynamicImage::new_rgb8(100, 100), ImageFormat::Png)?,
            "image/png",
        )
        .await?;
    let path = format!(
        "media/v3/thumbnail/{}/{}?width=32&height=32&method=crop",
        server.server_name(),
        id_of(&picture)
    );
    assert_eq!(
        size_of(fetch(&server, None, &path, &[]).await?).await?.1,
        32
    );
    // The limit holds for what says how long it is, and for what does not.
    let config = ada.get("v1/media/config").await?;
    assert_eq!(config, json!({ "m.upload.size": 1024 * 1024 }));
    let upload = || async {
        Ok::<_, anyhow::Error>(
            http()?
                .post(format!("{}/_matrix/media/v3/upload", server.base_url()))
                .bearer_auth(&ada.token),
        )
    };
    let large = vec![0_u8; 1024 * 1024 + 1];
    refused_as(
        upload().await?.body(large.clone()).send().await?,
        413,
        "M_TOO_LARGE",
    )
    .await?;
    assert_eq!(chunked_status(&server, &ada, &large).await?, 413);
    assert_eq!(
        std::fs::read_dir(server.dir().join("data/media/incoming"))?.count(),
        0,
        "nothing is left behind"
    );
    Ok(())
}

/// The status of an upload that does not say how long it is.
async fn chunked_status(server: &HardlineServer, client: &Client, bytes: &[u8]) -> Result<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = server.base_url().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let head = format!(
        "POST /_matrix/media/v3/upload HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).await?;
    for chunk in bytes.chunks(65536) {
        let written = stream
            .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
            .await;
        if written.is_err()
            || stream.write_all(chunk).await.is_err()
            || stream.write_all(b"\r\n").await.is_err()
        {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let mut line = [0_u8; 12];
    stream.read_exact(&mut line).await?;
    Ok(std::str::from_utf8(&line)?
        .trim_start_matches("HTTP/1.1 ")
        .parse()?)
}

#[tokio::test]
async fn parts_and_known_versions_are_answered_as_http_has_it() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let uri = ada.upload(b"0123456789".to_vec(), "text/plain").await?;
    let part = download(&server, &ada, &uri, &[("range", "bytes=2-4")]).await?;
    assert_eq!(
        (part.status().as_u16(), header(&part, "content-range")),
        (206, "bytes 2-4/10")
    );
    let etag = header(&part, "etag").to_owned();
    assert_eq!(part.text().await?, "234");
    let end = download(
        &server,
        &ada,
        &uri,
        &[("range", "bytes=-3"), ("if-range", &etag)],
    )
    .await?;
    assert_eq!(end.text().await?, "789");
    let all = download(
        &server,
        &ada,
        &uri,
        &[("range", "bytes=2-4"), ("if-range", "\"other\"")],
    )
    .await?;
    assert_eq!(all.text().await?, "0123456789");
    let outside = download(&server, &ada, &uri, &[("range", "bytes=10-")]).await?;
    assert_eq!(
        (outside.status().as_u16(), header(&outside, "content-range")),
        (416, "bytes */10")
    );
    let known = download(&server, &ada, &uri, &[("if-none-match", &etag)]).await?;
    assert_eq!(
        (known.status().as_u16(), known.bytes().await?.len()),
        (304, 0)
    );
    let empty = ada.upload(Vec::new(), "text/plain").await?;
    let empty = download(&server, &ada, &empty, &[]).await?;
    assert_eq!(
        (empty.status().as_u16(), empty.bytes().await?.len()),
        (200, 0)
    );
    let head = http()?
        .head(format!(
            "{}/_matrix/client/v1/media/download/{}/{}",
            server.base_url(),
            server.server_name(),
            id_of(&uri)
        ))
        .bearer_auth(&ada.token)
        .send()
        .await?;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, "10")
    );
    Ok(())
}

#[tokio::test]
async fn pages_and_drawings_that_could_run_scripts_are_never_shown_inline() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    for kind in [
        "text/html",
        "image/svg+xml",
        "application/javascript",
        "nonsense",
        "TEXT/HTML; charset=utf-8",
    ] {
        let uri = ada
            .upload(b"<script>alert(1)</script>".to_vec(), kind)
            .await?;
        let got = download(&server, &ada, &uri, &[]).await?;
        assert_eq!(header(&got, "content-disposition"), "attachment", "{kind}");
        assert_eq!(header(&got, "content-type"), kind);
    }
    Ok(())
}

#[tokio::test]
async fn the_same_file_is_stored_once() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let first = ada.upload(b"the same".to_vec(), "text/plain").await?;
    let second = bo
        .upload(b"the same".to_vec(), "application/octet-stream")
        .await?;
    assert_ne!(first, second);
    let mut n_files = 0;
    for folder in std::fs::read_dir(server.dir().join("data/media/content"))? {
        n_files += std::fs::read_dir(folder?.path())?.count();
    }
    assert_eq!(n_files, 1);
    assert_eq!(
        header(
            &download(&server, &ada, &second, &[]).await?,
            "content-type"
        ),
        "application/octet-stream"
    );
    Ok(())
}

#[tokio::test]
async fn an_address_can_be_reserved_and_filled_once_by_its_owner() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let create = format!("{}/_matrix/media/v1/create", server.base_url());
    let made: Value = http()?
        .post(create)
        .bearer_auth(&ada.token)
        .json(&json!({}))
        .send()
        .await?
        .json()
        .await?;
    let uri = text(&made, "content_uri")?;
    assert!(
        made["unused_expires_at"]
            .as_u64()
            .is_some_and(|at| at > 1_700_000_000_000),
        "{made}"
    );
    let waiting = format!(
        "client/v1/media/download/{}/{}?timeout_ms=50",
        server.server_name(),
        id_of(&uri)
    );
    refused_as(
        fetch(&server, Some(&bo.token), &waiting, &[]).await?,
        504,
        "M_NOT_YET_UPLOADED",
    )
    .await?;
    let put = |client: &Client| {
        let url = format!(
            "{}/_matrix/media/v3/upload/{}/{}",
            server.base_url(),
            server.server_name(),
            id_of(&uri)
        );
        let request = http().map(|http| {
            http.put(url)
                .bearer_auth(&client.token)
                .header("content-type", "text/plain")
                .body("late")
        });
        async move { Ok::<_, anyhow::Error>(request?.send().await?) }
    };
    refused_as(put(&bo).await?, 403, "M_FORBIDDEN").await?;
    // Who waits gets the file as soon as it is there.
    let path = format!(
        "client/v1/media/download/{}/{}?timeout_ms=20000",
        server.server_name(),
        id_of(&uri)
    );
    let (early, uploaded) = tokio::join!(fetch(&server, Some(&bo.token), &path, &[]), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        put(&ada).await
    });
    assert_eq!(uploaded?.status(), 200);
    assert_eq!(early?.text().await?, "late");
    refused_as(put(&ada).await?, 409, "M_CANNOT_OVERWRITE_MEDIA").await?;
    let unknown = format!(
        "{}/_matrix/media/v3/upload/{}/unknown",
        server.base_url(),
        server.server_name()
    );
    refused_as(
        http()?
            .put(unknown)
            .bearer_auth(&ada.token)
            .body("x")
            .send()
            .await?,
        404,
        "M_NOT_FOUND",
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn thumbnails_fit_or_fill_and_keep_transparency() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let photo = DynamicImage::from(RgbImage::from_fn(1000, 500, |x, y| {
        Rgb([(x % 256) as u8, (y % 256) as u8, 0])
    }));
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ] {
        let bytes = match format {
            ImageFormat::Gif => encode(&photo.to_rgba8().into(), format)?,
            _ => encode(&photo, format)?,
        };
        let uri = ada.upload(bytes, format.to_mime_type()).await?;
        let (_, width, height) =
            size_of(thumbnail(&server, &bo, &uri, "width=320&height=240&method=scale").await?)
                .await?;
        assert_eq!((width, height), (320, 160), "{format:?}");
        let crop = thumbnail(&server, &bo, &uri, "width=90&height=90&method=crop").await?;
        assert_eq!(
            header(&crop, "content-disposition").split(';').next(),
            Some("inline")
        );
        let (_, width, height) = size_of(crop).await?;
        assert_eq!((width, height), (96, 96), "{format:?}");
    }
    let clear = DynamicImage::from(RgbaImage::new(200, 200));
    let uri = ada
        .upload(encode(&clear, ImageFormat::Png)?, "image/png")
        .await?;
    let (kind, ..) = size_of(thumbnail(&server, &bo, &uri, "width=64&height=64").await?).await?;
    assert_eq!(kind, "image/png");
    let uri = ada
        .upload(encode(&photo, ImageFormat::Jpeg)?, "image/jpeg")
        .await?;
    let (kind, ..) = size_of(thumbnail(&server, &bo, &uri, "width=64&height=64").await?).await?;
    assert_eq!(kind, "image/jpeg");
    // Never larger than the picture; the second time it comes from the disk.
    let small = ada
        .upload(
            encode(&DynamicImage::new_rgb8(20, 10), ImageFormat::Png)?,
            "image/png",
        )
        .await?;
    for _ in 0..2 {
        let (_, width, height) =
            size_of(thumbnail(&server, &bo, &small, "width=800&height=600").await?).await?;
        assert_eq!((width, height), (20, 10));
    }
    Ok(())
}

/// A JPEG file with an Exif segment that says: turn by 90 degrees.
fn turned_jpeg() -> Result<Vec<u8>> {
    let bytes = encode(&DynamicImage::new_rgb8(200, 100), ImageFormat::Jpeg)?;
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let length = u16::try_from(exif.len() + 2)?;
    let mut file = bytes[..2].to_vec();
    file.extend([0xff, 0xe1]);
    file.extend(length.to_be_bytes());
    file.extend(exif);
    file.extend(&bytes[2..]);
    Ok(file)
}

#[tokio::test]
async fn photographs_are_turned_as_they_were_taken() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let uri = ada.upload(turned_jpeg()?, "image/jpeg").await?;
    let (_, width, height) =
        size_of(thumbnail(&server, &ada, &uri, "width=96&height=96").await?).await?;
    assert_eq!((width, height), (48, 96));
    Ok(())
}

/// A PNG file that claims a size, over data that is not there.
fn png_of(width: u32, height: u32) -> Result<Vec<u8>> {
    let mut bytes = encode(&DynamicImage::new_luma8(1, 1), ImageFormat::Png)?;
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    Ok(bytes)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    })
}

/// The most memory the server has used so far, in KiB.
fn peak_memory(server: &HardlineServer) -> Result<u64> {
    let pid = server.pid().context("the server does not run")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .context("no VmHWM")?;
    Ok(line
        .split_whitespace()
        .nth(1)
        .context("no number")?
        .parse()?)
}

#[tokio::test]
async fn bombs_and_rubbish_get_no_thumbnail_and_cost_no_memory() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let before = peak_memory(&server)?;
    for (width, height) in [(60_000, 60_000), (8_000, 8_000), (u32::MAX >> 1, 1)] {
        let uri = ada.upload(png_of(width, height)?, "image/png").await?;
        refused_as(
            thumbnail(&server, &ada, &uri, "width=32&height=32").await?,
            413,
            "M_TOO_LARGE",
        )
        .await?;
    }
    assert!(
        peak_memory(&server)? < before + 50_000,
        "{before} KiB before, {} KiB after",
        peak_memory(&server)?
    );
    for bytes in [
        b"not a picture".to_vec(),
        png_of(100, 100)?,
        b"\x89PNG\r\n\x1a\n".to_vec(),
        b"GIF89a".to_vec(),
        Vec::new(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
    ] {
        let uri = ada.upload(bytes.clone(), "image/png").await?;
        refused_as(
            thumbnail(&server, &ada, &uri, "width=32&height=32").await?,
            400,
            "M_UNKNOWN",
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn thumbnail_requests_that_make_no_sense_are_refused() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let uri = ada
        .upload(
            encode(&DynamicImage::new_rgb8(10, 10), ImageFormat::Png)?,
            "image/png",
        )
        .await?;
    for query in [
        "",
        "width=32",
        "width=0&height=32",
        "width=-1&height=32",
        "width=x&height=32",
        "width=1.5&height=2",
        "width=32&height=32&method=stretch",
    ] {
        refused_as(
            thumbnail(&server, &ada, &uri, query).await?,
            400,
            "M_INVALID_PARAM",
        )
        .await?;
    }
    let answer = ada
        .request(
            Method::GET,
            "v1/media/thumbnail/server.hardline.test/unknown?width=32&height=32",
            None,
        )
        .await?;
    refused(&answer, 404, "M_NOT_FOUND");
    Ok(())
}
