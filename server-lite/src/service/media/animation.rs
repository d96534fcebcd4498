//! Small pictures that move, within bounds.

use std::{
    fs::File,
    io::BufReader,
    path::Path,
    time::{Duration, Instant},
};

use image::{
    AnimationDecoder, DynamicImage, Frame, Frames, ImageDecoder, ImageFormat, ImageReader, Limits,
    codecs::{
        gif::{GifDecoder, GifEncoder, Repeat},
        png::PngDecoder,
        webp::WebPDecoder,
    },
};

use super::{
    picture::{Encoded, Format, shrink},
    size::ThumbnailSize,
};

/// Larger pictures do not move: each frame is held whole.
const MAX_PIXELS: u64 = 4_000_000;
/// What a decoder may allocate, in bytes.
const MAX_ALLOCATION: u64 = 96 * 1024 * 1024;
/// Longer animations do not move.
const MAX_FRAMES: usize = 300;
/// Nor do those whose frames have more pixels together.
const MAX_ALL_PIXELS: u64 = 300_000_000;
/// Nor those that take longer.
const MAX_TIME: Duration = Duration::from_secs(10);
/// Nor those whose thumbnail would be larger, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// From 1 (looks best) to 30 (takes least time).
const SPEED: i32 = 20;

type Source = BufReader<File>;

/// A thumbnail that moves as the picture at `path` does; none if that does not move, or moving it would take too much.
pub(super) fn thumbnail(path: &Path, size: ThumbnailSize) -> Option<Encoded> {
    let (frames, pixels) = frames(path)?;
    let bytes = encode(frames, pixels, size)?;
    Some(Encoded {
        bytes,
        format: Format::Gif,
    })
}

/// The frames, and how many pixels each has.
fn frames(path: &Path) -> Option<(Frames<'static>, u64)> {
    let reader = ImageReader::new(BufReader::new(File::open(path).ok()?))
        .with_guessed_format()
        .ok()?;
    let format = reader.format()?;
    let source = reader.into_inner();
    match format {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(source).ok()?;
            let pixels = bounded(&mut decoder)?;
            Some((decoder.into_frames(), pixels))
        }
        ImageFormat::Png => {
            let mut decoder = PngDecoder::<Source>::with_limits(source, limits()).ok()?;
            let pixels = bounded(&mut decoder)?;
            let decoder = decoder
                .is_apng()
                .ok()?
                .then(|| decoder.apng().ok())
                .flatten()?;
            Some((decoder.into_frames(), pixels))
        }
        ImageFormat::WebP => {
            let mut decoder = WebPDecoder::new(source).ok()?;
            let pixels = bounded(&mut decoder)?;
            decoder
                .has_animation()
                .then(|| (decoder.into_frames(), pixels))
        }
        _ => None,
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    limits
}

/// The pixels of a frame, if it is not too large.
fn bounded(decoder: &mut impl ImageDecoder) -> Option<u64> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    (pixels > 0 && pixels <= MAX_PIXELS).then_some(())?;
    decoder.set_limits(limits()).ok()?;
    Some(pixels)
}

fn encode(frames: Frames<'_>, pixels: u64, size: ThumbnailSize) -> Option<Vec<u8>> {
    let (mut bytes, started) = (Vec::new(), Instant::now());
    let mut n_frames = 0;
    let mut encoder = GifEncoder::new_with_speed(Counting { bytes: &mut bytes }, SPEED);
    encoder.set_repeat(Repeat::Infinite).ok()?;
    for frame in frames {
        let frame = frame.ok()?;
        n_frames += 1;
        let within = n_frames <= MAX_FRAMES
            && n_frames as u64 * pixels <= MAX_ALL_PIXELS
            && started.elapsed() <= MAX_TIME;
        within.then_some(())?;
        let delay = frame.delay();
        let small = shrink(DynamicImage::from(frame.into_buffer()), size).into_rgba8();
        encoder
            .encode_frame(Frame::from_parts(small, 0, 0, delay))
            .ok()?;
    }
    drop(encoder);
    (n_frames > 1).then_some(bytes)
}

/// Takes no more than fits.
struct Counting<'a> {
    bytes: &'a mut Vec<u8>,
}

impl std::io::Write for Counting<'_> {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + more.len() > MAX_BYTES {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
