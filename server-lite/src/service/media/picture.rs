//! Decoding pictures of strangers, within bounds, and making them small.

use std::{
    fs::File,
    io::{BufReader, Cursor},
    path::Path,
};

use http::StatusCode;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, codecs::jpeg::JpegEncoder,
};
use ruma::api::error::ErrorKind;

use super::{
    animation,
    size::{Method, ThumbnailSize},
};
use crate::error::{Error, Result};

/// Larger pictures are not decoded: a photo of a phone has 12 to 50 million pixels.
const MAX_PIXELS: u64 = 50_000_000;
/// What a decoder may allocate, in bytes.
const MAX_ALLOCATION: u64 = 256 * 1024 * 1024;
/// The quality of thumbnails without transparency.
const JPEG_QUALITY: u8 = 82;

/// In which format a thumbnail is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For pictures with transparency.
    Png,
    /// For all others.
    Jpeg,
    /// For pictures that move.
    Gif,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Gif];

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
        }
    }
}

/// A thumbnail in memory.
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is.
    pub format: Format,
}

/// Makes a thumbnail of the picture at `path`. Takes long: not for the runtime's threads.
pub fn thumbnail(path: &Path, size: ThumbnailSize) -> Result<Encoded> {
    if size.animated
        && let Some(moving) = animation::thumbnail(path, size)
    {
        return Ok(moving);
    }
    let picture = shrink(decode(path)?, size);
    let mut bytes = Vec::new();
    let (format, written) = if picture.color().has_alpha() {
        let written = picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png);
        (Format::Png, written)
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        (Format::Jpeg, picture.to_rgb8().write_with_encoder(encoder))
    };
    written.map_err(Error::internal)?;
    Ok(Encoded { bytes, format })
}

/// The answer to a request for a thumbnail of something else than a picture.
pub fn cannot_read() -> Error {
    let text = "There are no thumbnails of this file: it is no picture this server can read.";
    Error::bad_request(ErrorKind::Unknown, text)
}

fn decode(path: &Path) -> Result<DynamicImage> {
    let file = File::open(path).map_err(Error::internal)?;
    let mut reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(Error::internal)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(decode_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large());
    }
    limits
        .reserve(decoder.total_bytes())
        .map_err(|_| too_large())?;
    let orientation = decoder.orientation().map_err(decode_error)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(decode_error)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Never makes a picture larger.
pub(super) fn shrink(picture: DynamicImage, size: ThumbnailSize) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    match size.method {
        Method::Scale if width <= size.width && height <= size.height => picture,
        Method::Scale => picture.thumbnail(size.width, size.height),
        Method::Crop => {
            let (crop_width, crop_height) = cut(width, height, size);
            let (x, y) = ((width - crop_width) / 2, (height - crop_height) / 2);
            let picture = picture.crop_imm(x, y, crop_width, crop_height);
            if crop_width <= size.width && crop_height <= size.height {
                picture
            } else {
                picture.thumbnail_exact(size.width, size.height)
            }
        }
    }
}

/// The largest part of a picture in the proportions of the box.
fn cut(width: u32, height: u32, size: ThumbnailSize) -> (u32, u32) {
    let (w, h) = (u64::from(width), u64::from(height));
    let (box_w, box_h) = (u64::from(size.width), u64::from(size.height));
    let (cut_w, cut_h) = if w * box_h > h * box_w {
        (h * box_w / box_h, h)
    } else {
        (w, w * box_h / box_w)
    };
    (cut_w.clamp(1, w) as u32, cut_h.clamp(1, h) as u32)
}

fn decode_error(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => too_large(),
        _ => cannot_read(),
    }
}

fn too_large() -> Error {
    let text = "This picture is too large to make a thumbnail of.";
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, text)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GenericImageView};

    use super::{Method, ThumbnailSize, shrink};

    fn size(width: u32, height: u32, method: Method) -> ThumbnailSize {
        ThumbnailSize {
            width,
            height,
            method,
            animated: false,
        }
    }

    #[test]
    fn scaled_pictures_fit_into_the_box_and_keep_their_proportions() {
        let picture = DynamicImage::new_rgb8(1000, 500);
        assert_eq!(
            shrink(picture, size(320, 256, Method::Scale)).dimensions(),
            (320, 160)
        );
    }

    #[test]
    fn cropped_pictures_fill_the_box() {
        let picture = DynamicImage::new_rgb8(1000, 500);
        assert_eq!(
            shrink(picture, size(96, 96, Method::Crop)).dimensions(),
            (96, 96)
        );
        let picture = DynamicImage::new_rgb8(500, 1000);
        assert_eq!(
            shrink(picture, size(96, 64, Method::Crop)).dimensions(),
            (96, 64)
        );
    }

    #[test]
    fn small_pictures_stay_small() {
        let picture = DynamicImage::new_rgb8(20, 10);
        assert_eq!(
            shrink(picture.clone(), size(96, 96, Method::Scale)).dimensions(),
            (20, 10)
        );
        assert_eq!(
            shrink(picture, size(96, 96, Method::Crop)).dimensions(),
            (10, 10)
        );
    }
}
