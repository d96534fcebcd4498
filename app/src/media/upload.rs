//! Attachments made ready to be sent: type, dimensions, blurhash, thumbnail; checked against the server's limit.

use std::{io::Cursor, path::Path, sync::Arc};

use image::DynamicImage;
use matrix_sdk::{
    Client,
    attachment::{
        AttachmentInfo, BaseAudioInfo, BaseFileInfo, BaseImageInfo, BaseVideoInfo, Thumbnail,
    },
};
use mime::Mime;
use ruma::UInt;
use tokio::task::spawn_blocking;

use super::{
    MediaError, Picture,
    decode::{blurhash, dimensions, open, shrink},
    save::file_name,
};

/// Pictures with a longer side get a thumbnail.
const THUMBNAIL_SIDE: u32 = 800;
/// Pictures of fewer bytes need none.
const THUMBNAIL_FROM: usize = 128 * 1024;
/// JPEG quality of a thumbnail.
const QUALITY: u8 = 80;
/// Side of the small picture shown above the composer.
const CHIP_SIDE: u32 = 96;

/// A file chosen to be sent.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Type, from the content first and the name second.
    pub mime: Mime,
    /// The file.
    pub bytes: Arc<[u8]>,
    /// A small picture for the composer, if it is one.
    pub chip: Option<Picture>,
}

/// What is sent beside the bytes.
pub(crate) struct Prepared {
    pub info: AttachmentInfo,
    pub thumbnail: Option<Thumbnail>,
}

/// Bytes the server takes in one file.
pub async fn max_upload_size(client: &Client) -> Option<u64> {
    client
        .load_or_fetch_max_upload_size()
        .await
        .ok()
        .map(u64::from)
}

impl Attachment {
    /// Reads a file; one larger than `limit` is refused before it is read.
    pub async fn read(path: &Path, limit: Option<u64>) -> Result<Self, MediaError> {
        let found = tokio::fs::metadata(path).await?;
        if !found.is_file() {
            return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput).into());
        }
        check(found.len(), limit)?;
        let bytes = tokio::fs::read(path).await?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Self::from_bytes(name.unwrap_or_default(), None, bytes, limit).await
    }

    /// Bytes from elsewhere (the clipboard, a long text).
    pub async fn from_bytes(
        name: String,
        mime: Option<Mime>,
        bytes: Vec<u8>,
        limit: Option<u64>,
    ) -> Result<Self, MediaError> {
        check(bytes.len() as u64, limit)?;
        let name = file_name(&name);
        let mime = mime.unwrap_or_else(|| guess(&name, &bytes));
        let bytes: Arc<[u8]> = bytes.into();
        let chip = if is_drawable(&mime) {
            let bytes = bytes.clone();
            spawn_blocking(move || super::decode(&bytes, CHIP_SIDE, CHIP_SIDE).ok())
                .await
                .ok()
                .flatten()
        } else {
            None
        };
        Ok(Self {
            name,
            mime,
            bytes,
            chip,
        })
    }

    /// Works out dimensions, blurhash and thumbnail, on a blocking thread.
    pub(crate) async fn prepare(&self) -> Result<Prepared, MediaError> {
        let (mime, bytes) = (self.mime.clone(), self.bytes.clone());
        spawn_blocking(move || prepare(&mime, &bytes))
            .await
            .map_err(|_| MediaError::Gone)
    }
}

fn check(bytes: u64, limit: Option<u64>) -> Result<(), MediaError> {
    match limit {
        Some(limit) if bytes > limit => Err(MediaError::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

/// The content says more than the name; text has no mark in it, so there the name decides.
fn guess(name: &str, bytes: &[u8]) -> Mime {
    let by_content = infer::get(bytes).and_then(|kind| kind.mime_type().parse::<Mime>().ok());
    by_content.unwrap_or_else(|| mime_guess::from_path(name).first_or_octet_stream())
}

fn is_drawable(mime: &Mime) -> bool {
    mime.type_() == mime::IMAGE
        && matches!(mime.subtype().as_str(), "png" | "jpeg" | "gif" | "webp")
}

fn prepare(mime: &Mime, bytes: &[u8]) -> Prepared {
    let size = UInt::try_from(bytes.len()).ok();
    let plain = |info| Prepared {
        info,
        thumbnail: None,
    };
    match mime.type_().as_str() {
        "image" if is_drawable(mime) => prepare_image(mime, bytes, size),
        "video" => plain(AttachmentInfo::Video(BaseVideoInfo {
            size,
            ..Default::default()
        })),
        "audio" => plain(AttachmentInfo::Audio(BaseAudioInfo {
            size,
            ..Default::default()
        })),
        "image" => plain(AttachmentInfo::Image(BaseImageInfo {
            size,
            ..Default::default()
        })),
        _ => plain(AttachmentInfo::File(BaseFileInfo { size })),
    }
}

fn prepare_image(mime: &Mime, bytes: &[u8], size: Option<UInt>) -> Prepared {
    let shown = dimensions(bytes);
    let mut info = BaseImageInfo {
        width: shown.map(|(width, _)| width.into()),
        height: shown.map(|(_, height)| height.into()),
        size,
        ..Default::default()
    };
    let mut thumb = None;
    if let Ok(image) = open(bytes) {
        info.blurhash = blurhash(&image);
        let large = image.width().max(image.height()) > THUMBNAIL_SIDE;
        if large && bytes.len() >= THUMBNAIL_FROM {
            thumb = thumbnail(image, mime);
        }
    }
    Prepared {
        info: AttachmentInfo::Image(info),
        thumbnail: thumb,
    }
}

fn thumbnail(image: DynamicImage, mime: &Mime) -> Option<Thumbnail> {
    let small = shrink(image, THUMBNAIL_SIDE, THUMBNAIL_SIDE);
    let (width, height) = (small.width(), small.height());
    let mut data = Vec::new();
    let see_through = mime.subtype() != mime::JPEG && small.color().has_alpha();
    let content_type = if see_through {
        small
            .write_to(&mut Cursor::new(&mut data), image::ImageFormat::Png)
            .ok()?;
        mime::IMAGE_PNG
    } else {
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, QUALITY);
        small.into_rgb8().write_with_encoder(encoder).ok()?;
        mime::IMAGE_JPEG
    };
    let size = UInt::try_from(data.len()).ok()?;
    Some(Thumbnail {
        data,
        content_type,
        width: width.into(),
        height: height.into(),
        size,
    })
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::{
        super::decode::tests::{sample, turned_jpeg},
        *,
    };

    #[tokio::test]
    async fn the_content_decides_what_a_file_is() {
        let png = sample(4, 4, ImageFormat::Png);
        for (name, bytes, expected) in [
            ("cat.txt", png.clone(), "image/png"),
            ("notes.txt", b"hello".to_vec(), "text/plain"),
            ("unknown", vec![0, 1, 2], "application/octet-stream"),
        ] {
            let attachment = Attachment::from_bytes(name.into(), None, bytes, None)
                .await
                .expect("read");
            assert_eq!(attachment.mime.essence_str(), expected, "{name}");
            assert_eq!(attachment.chip.is_some(), expected == "image/png");
        }
    }

    #[tokio::test]
    async fn a_file_over_the_limit_is_refused_unread() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("large");
        std::fs::File::create(&path)
            .expect("made")
            .set_len(10_000_000_000)
            .expect("sparse");
        match Attachment::read(&path, Some(1000)).await {
            Err(MediaError::TooLarge {
                bytes: 10_000_000_000,
                limit: 1000,
            }) => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            Attachment::read(folder.path(), None).await,
            Err(MediaError::Io(_))
        ));
        assert!(matches!(
            Attachment::read(&folder.path().join("none"), None).await,
            Err(MediaError::Io(_))
        ));
    }

    #[test]
    fn pictures_carry_dimensions_blurhash_and_a_thumbnail_if_large() {
        let prepared = prepare(&mime::IMAGE_JPEG, &turned_jpeg(64, 32));
        let AttachmentInfo::Image(info) = prepared.info else {
            panic!("a picture")
        };
        assert_eq!(
            (info.width, info.height),
            (Some(32_u32.into()), Some(64_u32.into()))
        );
        assert!(info.blurhash.is_some());
        assert!(prepared.thumbnail.is_none(), "small enough by itself");

        let noisy = image::RgbImage::from_fn(1600, 900, |x, y| {
            image::Rgb([(x * y) as u8, (x ^ y) as u8, (x + y) as u8])
        });
        let mut bytes = Vec::new();
        noisy
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .expect("encodes");
        let prepared = prepare(&mime::IMAGE_PNG, &bytes);
        let thumbnail = prepared.thumbnail.expect("large pictures have one");
        assert_eq!(
            (thumbnail.width, thumbnail.height),
            (800_u32.into(), 450_u32.into())
        );
        assert_eq!(
            thumbnail.content_type,
            mime::IMAGE_JPEG,
            "nothing shows through it"
        );
        assert!(thumbnail.data.len() < bytes.len());
    }

    #[test]
    fn broken_pictures_are_sent_as_they_are() {
        let prepared = prepare(&mime::IMAGE_PNG, b"not a picture");
        let AttachmentInfo::Image(info) = prepared.info else {
            panic!("a picture")
        };
        assert_eq!((info.width, info.blurhash), (None, None));
        assert!(matches!(
            prepare(&mime::TEXT_PLAIN, b"x").info,
            AttachmentInfo::File(_)
        ));
    }
}
