//! Small pictures that move.

use std::{
    io::Cursor,
    time::{Duration, Instant},
};

use image::{
    AnimationDecoder, Delay, DynamicImage, Frame, ImageFormat, Rgba, RgbaImage,
    codecs::gif::{GifDecoder, GifEncoder},
};
use serde_json::Value;

use crate::support::{Server, User};

async fn upload(user: &User, bytes: Vec<u8>, kind: &str) -> String {
    let url = format!("{}/_matrix/media/v3/upload", user.base);
    let request = user
        .http
        .post(url)
        .bearer_auth(&user.token)
        .header("content-type", kind);
    let body: Value = request
        .body(bytes)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    body["content_uri"]
        .as_str()
        .unwrap()
        .trim_start_matches("mxc://")
        .to_owned()
}

struct Thumbnail {
    kind: String,
    disposition: String,
    bytes: Vec<u8>,
}

impl Thumbnail {
    async fn get(user: &User, path: &str, query: &str) -> Self {
        let url = format!(
            "{}/_matrix/client/v1/media/thumbnail/{path}?width=64&height=64&{query}",
            user.base
        );
        let response = user
            .http
            .get(url)
            .bearer_auth(&user.token)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        Self {
            kind: header("content-type"),
            disposition: header("content-disposition"),
            bytes: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// Width, height and delay of each frame.
    fn frames(&self) -> Vec<(u32, u32, Duration)> {
        assert_eq!(self.kind, "image/gif");
        assert_eq!(self.disposition, "inline; filename=thumbnail.gif");
        let decoder = GifDecoder::new(Cursor::new(&self.bytes)).unwrap();
        let frames = decoder.into_frames().collect_frames().unwrap();
        let frames = frames.iter();
        frames
            .map(|frame| {
                (
                    frame.buffer().width(),
                    frame.buffer().height(),
                    frame.delay().into(),
                )
            })
            .collect()
    }

    fn is_still(&self) {
        assert!(
            matches!(&*self.kind, "image/png" | "image/jpeg"),
            "{}",
            self.kind
        );
        let text = String::from_utf8_lossy(&self.bytes);
        assert!(!text.contains("acTL"), "a PNG file that moves");
    }
}

fn gif(n_frames: usize, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for n in 0..n_frames {
        let color = Rgba([(n * 40 % 256) as u8, 0, 90, 255]);
        let picture = RgbaImage::from_pixel(width, height, color);
        let delay = Delay::from_numer_denom_ms(120, 1);
        encoder
            .encode_frame(Frame::from_parts(picture, 0, 0, delay))
            .unwrap();
    }
    drop(encoder);
    bytes
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
        .unwrap();
    bytes
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut checked = kind.to_vec();
    checked.extend(data);
    let crc = !checked.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    });
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &checked, &crc.to_be_bytes()].concat()
}

/// An APNG file of two frames, put together from two PNG files.
fn apng(width: u32, height: u32) -> Vec<u8> {
    let still = |color| DynamicImage::from(RgbaImage::from_pixel(width, height, Rgba(color)));
    let (first, second) = (png(&still([255, 0, 0, 255])), png(&still([0, 0, 255, 128])));
    let data = |file: &[u8]| {
        let (mut at, mut data) = (8, Vec::new());
        while at < file.len() {
            let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
            if &file[at + 4..at + 8] == b"IDAT" {
                data.extend(&file[at + 8..at + 8 + length]);
            }
            at += length + 12;
        }
        data
    };
    let control = |sequence: u32| {
        let mut control = Vec::new();
        for number in [sequence, width, height, 0, 0] {
            control.extend(number.to_be_bytes());
        }
        control.extend([0, 2, 0, 10, 0, 0]);
        chunk(b"fcTL", &control)
    };
    let second = [&2_u32.to_be_bytes()[..], &data(&second)].concat();
    let mut file = first[..33].to_vec();
    file.extend(chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]));
    file.extend(control(0));
    file.extend(chunk(b"IDAT", &data(&first)));
    file.extend(control(1));
    file.extend(chunk(b"fdAT", &second));
    file.extend(chunk(b"IEND", &[]));
    file
}

/// A WebP file of two frames, put together from two WebP files.
fn webp(width: u32, height: u32) -> Vec<u8> {
    let riff = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap();
        let padding = vec![0; data.len() % 2];
        [&kind[..], &length.to_le_bytes(), data, &padding].concat()
    };
    let small = |number: u32| number.to_le_bytes()[..3].to_vec();
    let mut chunks = b"WEBP".to_vec();
    let size = [small(width - 1), small(height - 1)].concat();
    chunks.extend(riff(
        b"VP8X",
        &[&[0b0001_0010, 0, 0, 0][..], &size].concat(),
    ));
    chunks.extend(riff(b"ANIM", &[0, 0, 0, 0, 0, 0]));
    for color in [[255, 0, 0, 255], [0, 255, 0, 255]] {
        let mut still = Vec::new();
        DynamicImage::from(RgbaImage::from_pixel(width, height, Rgba(color)))
            .write_to(&mut Cursor::new(&mut still), ImageFormat::WebP)
            .unwrap();
        let frame = [&[0; 6][..], &size, &small(200), &[0], &still[12..]].concat();
        chunks.extend(riff(b"ANMF", &frame));
    }
    riff(b"RIFF", &chunks)
}

#[tokio::test]
async fn what_moves_moves_in_its_thumbnail_where_that_is_wanted() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let ms = Duration::from_millis;
    for (bytes, kind, wanted) in [
        (gif(3, 200, 100), "image/gif", vec![ms(120); 3]),
        (apng(200, 100), "image/png", vec![ms(200); 2]),
        (webp(200, 100), "image/webp", vec![ms(200); 2]),
    ] {
        let path = upload(&ada, bytes, kind).await;
        // Twice: the second time it comes from the disk.
        for _ in 0..2 {
            let moving = Thumbnail::get(&ada, &path, "method=scale&animated=true").await;
            let wanted: Vec<_> = wanted.iter().map(|delay| (64, 32, *delay)).collect();
            assert_eq!(moving.frames(), wanted, "{kind}");
            for query in ["", "animated=false"] {
                Thumbnail::get(&ada, &path, query).await.is_still();
            }
        }
        let cropped = Thumbnail::get(&ada, &path, "method=crop&animated=true").await;
        assert!(
            cropped
                .frames()
                .iter()
                .all(|frame| (frame.0, frame.1) == (64, 64)),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn what_does_not_move_stands_still_whatever_is_wanted() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let photo = DynamicImage::new_rgb8(200, 100);
    let mut jpeg = Vec::new();
    photo
        .write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg)
        .unwrap();
    for (bytes, kind) in [
        (jpeg, "image/jpeg"),
        (png(&photo), "image/png"),
        (gif(1, 200, 100), "image/gif"),
    ] {
        let path = upload(&ada, bytes, kind).await;
        Thumbnail::get(&ada, &path, "animated=true")
            .await
            .is_still();
    }
}

fn peak_memory_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn animations_without_end_are_bounded_in_time_and_memory() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let before = peak_memory_kib(&server);
    // Very many frames; and frames of very many pixels, which take next to no room in the file.
    for bytes in [gif(2_000, 16, 16), gif(2, 3_000, 3_000)] {
        let path = upload(&ada, bytes, "image/gif").await;
        let started = Instant::now();
        Thumbnail::get(&ada, &path, "animated=true")
            .await
            .is_still();
        assert!(
            started.elapsed() < Duration::from_secs(40),
            "{:?}",
            started.elapsed()
        );
        let started = Instant::now();
        Thumbnail::get(&ada, &path, "animated=true")
            .await
            .is_still();
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "it is not tried again"
        );
    }
    let used = peak_memory_kib(&server) - before;
    assert!(used < 250_000, "{used} KiB");
    // A frame that claims to be larger than the picture, and a file that ends in the middle.
    let mut odd = gif(3, 64, 64);
    odd.truncate(odd.len() - 40);
    let path = upload(&ada, odd, "image/gif").await;
    let url = format!(
        "{}/_matrix/client/v1/media/thumbnail/{path}?width=32&height=32&animated=true",
        ada.base
    );
    let status = ada
        .http
        .get(url)
        .bearer_auth(&ada.token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16();
    assert!(matches!(status, 200 | 400), "{status}");
    ada.get("/account/whoami").await.ok();
}
