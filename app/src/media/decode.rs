//! Pictures from bytes: RGBA at the size asked for, upright, with bounds on what a sender can make us do.

use std::{io::Cursor, sync::Arc};

use image::{
    DynamicImage, ImageDecoder as _, ImageReader, Limits, imageops::FilterType,
    metadata::Orientation,
};

use super::MediaError;

/// Pixels a side of a picture may have.
const MAX_SIDE: u32 = 16_384;
/// Bytes decoding may take.
const MAX_ALLOC: u64 = 192 * 1024 * 1024;

/// A decoded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Four bytes a pixel: red, green, blue, alpha (not premultiplied).
    pub rgba: Arc<[u8]>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

/// Decodes `bytes` no larger than the box asked for; smaller pictures keep their size. Blocks: call it on a blocking
/// thread.
pub fn decode(bytes: &[u8], max_width: u32, max_height: u32) -> Result<Picture, MediaError> {
    let image = shrink(open(bytes)?, max_width, max_height);
    let rgba = image.into_rgba8();
    let (width, height) = rgba.dimensions();
    Ok(Picture {
        rgba: rgba.into_raw().into(),
        width,
        height,
    })
}

/// The whole picture, upright.
pub(super) fn open(bytes: &[u8]) -> Result<DynamicImage, MediaError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Width and height of a picture as it is shown, without decoding it.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        decoder.orientation(),
        Ok(Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH)
    );
    Some(if turned {
        (height, width)
    } else {
        (width, height)
    })
}

/// The picture fit into a box, never larger than it was.
pub(super) fn shrink(image: DynamicImage, max_width: u32, max_height: u32) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let (max_width, max_height) = (max_width.max(1), max_height.max(1));
    if width <= max_width && height <= max_height {
        return image;
    }
    // Averaging first makes a large picture cheap, and the better filter then has little to do.
    if width / 3 > max_width || height / 3 > max_height {
        let image = image.thumbnail(max_width.saturating_mul(2), max_height.saturating_mul(2));
        return image.resize(max_width, max_height, FilterType::Triangle);
    }
    image.resize(max_width, max_height, FilterType::Triangle)
}

/// The blurhash of a picture, from a small copy.
pub(super) fn blurhash(image: &DynamicImage) -> Option<String> {
    let small = image.thumbnail(64, 64).into_rgba8();
    let (width, height) = small.dimensions();
    let (across, down) = if width >= height { (4, 3) } else { (3, 4) };
    blurhash::encode(across, down, width, height, small.as_raw()).ok()
}

/// The picture a blurhash stands for.
pub fn decode_blurhash(hash: &str, width: u32, height: u32) -> Option<Picture> {
    let (width, height) = (width.clamp(1, 128), height.clamp(1, 128));
    let rgba = blurhash::decode(hash, width, height, 1.0).ok()?;
    (rgba.len() == (width * height * 4) as usize).then(|| Picture {
        rgba: rgba.into(),
        width,
        height,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    /// A picture red on its left half and blue on its right.
    pub(crate) fn sample(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let image = RgbaImage::from_fn(width, height, |x, _| {
            if x < width / 2 {
                Rgba([255, 0, 0, 255])
            } else {
                Rgba([0, 0, 255, 255])
            }
        });
        let mut bytes = Vec::new();
        let image = match format {
            ImageFormat::Jpeg => DynamicImage::from(DynamicImage::from(image).into_rgb8()),
            _ => image.into(),
        };
        image
            .write_to(&mut Cursor::new(&mut bytes), format)
            .expect("encodes");
        bytes
    }

    /// A JPEG with an EXIF block that says "turn by 90°".
    pub(crate) fn turned_jpeg(width: u32, height: u32) -> Vec<u8> {
        let jpeg = sample(width, height, ImageFormat::Jpeg);
        let exif: &[u8] = &[
            0xff, 0xe1, 0x00, 0x22, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0,
            1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ];
        [&jpeg[..2], exif, &jpeg[2..]].concat()
    }

    #[test]
    fn pictures_are_fit_and_never_enlarged() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::WebP,
        ] {
            let bytes = sample(64, 32, format);
            let picture = decode(&bytes, 16, 16).expect("decodes");
            assert_eq!((picture.width, picture.height), (16, 8), "{format:?}");
            assert_eq!(picture.rgba.len(), 16 * 8 * 4);
            let picture = decode(&bytes, 500, 500).expect("decodes");
            assert_eq!((picture.width, picture.height), (64, 32), "{format:?}");
        }
        let large = decode(&sample(2000, 1000, ImageFormat::Png), 100, 100).expect("decodes");
        assert_eq!((large.width, large.height), (100, 50));
    }

    #[test]
    fn a_turned_photograph_is_set_upright() {
        let bytes = turned_jpeg(64, 32);
        assert_eq!(dimensions(&bytes), Some((32, 64)));
        let picture = decode(&bytes, 500, 500).expect("decodes");
        assert_eq!((picture.width, picture.height), (32, 64));
        // Left becomes top.
        assert!(picture.rgba[0] > 200, "top is red");
        let last = picture.rgba.len() - 4;
        assert!(picture.rgba[last + 2] > 200, "bottom is blue");
    }

    #[test]
    fn broken_and_hostile_bytes_are_refused() {
        assert!(decode(b"", 10, 10).is_err());
        assert!(decode(b"not a picture", 10, 10).is_err());
        let png = sample(64, 64, ImageFormat::Png);
        for end in [8, 20, 40, png.len() / 2] {
            assert!(decode(&png[..end], 10, 10).is_err());
        }
        // A header that claims 4 billion pixels.
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(decode(&bomb, 10, 10).is_err());
        // Any single changed byte is an error or a picture, never a panic.
        for at in 0..png.len() {
            let mut broken = png.clone();
            broken[at] ^= 0x5a;
            let _ = decode(&broken, 10, 10);
        }
    }

    #[test]
    fn blurhashes_go_both_ways_and_nonsense_is_refused() {
        let image = open(&sample(64, 32, ImageFormat::Png)).expect("decodes");
        let hash = blurhash(&image).expect("hashed");
        let picture = decode_blurhash(&hash, 32, 16).expect("decoded");
        assert!(picture.rgba[0] > picture.rgba[2], "left is red");
        for hash in [
            "",
            "x",
            "LEHV6nWB2yk8pyo0adR*.7kCMdn",
            "éééééééé",
            "~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
        ] {
            let _ = decode_blurhash(hash, 32, 16);
        }
        assert!(decode_blurhash("", 32, 16).is_none());
    }
}
