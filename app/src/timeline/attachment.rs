//! Pictures, files, sounds and videos.

use std::time::Duration;

use ruma::{
    UInt,
    events::{
        room::{
            MediaSource,
            message::{FormattedBody, MessageType},
        },
        sticker::{StickerEventContent, StickerMediaSource},
    },
};

use crate::{
    media::MediaKeys,
    text::one_line,
    view::{room::AttachmentRow, room_list::AttachmentKind},
};

/// A picture drawn from its own file rather than a thumbnail the server makes.
const SMALL_FILE: u64 = 256 * 1024;

/// An attachment and its caption.
pub(super) struct Attachment {
    pub row: AttachmentRow,
    pub caption: Option<String>,
    pub formatted: Option<FormattedBody>,
}

/// The attachment of a message, if it has one.
pub(super) fn of_message(message: &MessageType, keys: &MediaKeys) -> Option<Attachment> {
    let (mut row, caption, formatted) = match message {
        MessageType::Image(image) => {
            let mut row = row(AttachmentKind::Image, image.filename());
            if let Some(info) = image.info.as_deref() {
                row.size = size(info.size);
                row.mime = mime(info.mimetype.as_deref());
                row.dimensions = dimensions(info.width, info.height);
                row.blurhash = blurhash(info.blurhash.as_deref());
                row.image_key = info
                    .thumbnail_source
                    .as_ref()
                    .map(|source| keys.thumbnail(source));
            }
            if row.image_key.is_none() {
                row.image_key = Some(picture_key(keys, &image.source, row.size));
            }
            row.full_key = Some(keys.file(&image.source));
            (row, image.caption(), image.formatted_caption())
        }
        MessageType::Video(video) => {
            let mut row = row(AttachmentKind::Video, video.filename());
            if let Some(info) = video.info.as_deref() {
                row.size = size(info.size);
                row.mime = mime(info.mimetype.as_deref());
                row.dimensions = dimensions(info.width, info.height);
                row.duration = info.duration.and_then(millis);
                row.blurhash = blurhash(info.blurhash.as_deref());
                row.image_key = info
                    .thumbnail_source
                    .as_ref()
                    .map(|source| keys.thumbnail(source));
            }
            (row, video.caption(), video.formatted_caption())
        }
        MessageType::Audio(audio) => {
            let mut row = row(AttachmentKind::Audio, audio.filename());
            if let Some(info) = audio.info.as_deref() {
                row.size = size(info.size);
                row.mime = mime(info.mimetype.as_deref());
                row.duration = info.duration.and_then(millis);
            }
            (row, audio.caption(), audio.formatted_caption())
        }
        MessageType::File(file) => {
            let mut row = row(AttachmentKind::File, file.filename());
            if let Some(info) = file.info.as_deref() {
                row.size = size(info.size);
                row.mime = mime(info.mimetype.as_deref());
            }
            (row, file.caption(), file.formatted_caption())
        }
        _ => return None,
    };
    if row.name.is_empty() {
        row.name = "file".to_owned();
    }
    Some(Attachment {
        row,
        caption: caption.map(ToOwned::to_owned),
        formatted: formatted.cloned(),
    })
}

/// A sticker is drawn as a picture.
pub(super) fn of_sticker(sticker: &StickerEventContent, keys: &MediaKeys) -> AttachmentRow {
    let mut row = row(AttachmentKind::Image, &sticker.body);
    row.dimensions = dimensions(sticker.info.width, sticker.info.height);
    row.size = size(sticker.info.size);
    row.mime = mime(sticker.info.mimetype.as_deref());
    if let Some(source) = sticker_source(sticker) {
        row.image_key = Some(picture_key(keys, &source, row.size));
        row.full_key = Some(keys.file(&source));
    }
    row
}

/// Where a message's file is, with its name and type.
pub(crate) fn file_of(message: &MessageType) -> Option<(MediaSource, String, Option<String>)> {
    let (source, name, mime) = match message {
        MessageType::Image(image) => (
            &image.source,
            image.filename(),
            image.info.as_ref().and_then(|info| info.mimetype.clone()),
        ),
        MessageType::Video(video) => (
            &video.source,
            video.filename(),
            video.info.as_ref().and_then(|info| info.mimetype.clone()),
        ),
        MessageType::Audio(audio) => (
            &audio.source,
            audio.filename(),
            audio.info.as_ref().and_then(|info| info.mimetype.clone()),
        ),
        MessageType::File(file) => (
            &file.source,
            file.filename(),
            file.info.as_ref().and_then(|info| info.mimetype.clone()),
        ),
        _ => return None,
    };
    Some((source.clone(), name.to_owned(), mime))
}

/// Where a sticker's file is.
pub(crate) fn sticker_source(sticker: &StickerEventContent) -> Option<MediaSource> {
    match &sticker.source {
        StickerMediaSource::Plain(uri) => Some(MediaSource::Plain(uri.clone())),
        StickerMediaSource::Encrypted(file) => Some(MediaSource::Encrypted(file.clone())),
        _ => None,
    }
}

fn row(kind: AttachmentKind, name: &str) -> AttachmentRow {
    AttachmentRow {
        kind,
        name: one_line(name, 200),
        size: None,
        mime: None,
        dimensions: None,
        duration: None,
        blurhash: None,
        image_key: None,
        full_key: None,
        progress: None,
        failed: None,
    }
}

fn picture_key(keys: &MediaKeys, source: &MediaSource, size: Option<u64>) -> String {
    if size.is_some_and(|size| size <= SMALL_FILE) {
        keys.file(source)
    } else {
        keys.picture(source)
    }
}

fn size(size: Option<UInt>) -> Option<u64> {
    size.map(u64::from)
}

fn millis(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_millis()).ok()
}

/// Only what looks like a MIME type; the field is the sender's.
fn mime(mime: Option<&str>) -> Option<String> {
    let mime = mime?;
    let sound =
        mime.len() <= 127 && mime.contains('/') && mime.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then(|| mime.to_ascii_lowercase())
}

/// Pixels that can be believed; nonsense would make the row higher than the window.
fn dimensions(width: Option<UInt>, height: Option<UInt>) -> Option<(u32, u32)> {
    let side = |side: UInt| {
        u32::try_from(u64::from(side))
            .ok()
            .filter(|side| (1..=100_000).contains(side))
    };
    Some((side(width?)?, side(height?)?))
}

/// A blurhash short enough to be one; decoding checks the rest.
fn blurhash(hash: Option<&str>) -> Option<String> {
    hash.filter(|hash| (6..=128).contains(&hash.len()) && hash.is_ascii())
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sender_claims_is_checked() {
        let uint = |n: u32| Some(UInt::from(n));
        assert_eq!(dimensions(uint(800), uint(600)), Some((800, 600)));
        assert_eq!(dimensions(uint(0), uint(600)), None);
        assert_eq!(dimensions(uint(4_000_000_000), uint(1)), None);
        assert_eq!(dimensions(Some(UInt::MAX), uint(1)), None);
        assert_eq!(mime(Some("Image/PNG")).as_deref(), Some("image/png"));
        assert_eq!(mime(Some("image")), None);
        assert_eq!(mime(Some("image/png\n")), None);
        assert_eq!(
            blurhash(Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj")).as_deref(),
            Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj")
        );
        assert_eq!(blurhash(Some("x")), None);
        assert_eq!(blurhash(Some(&"é".repeat(20))), None);
    }
}
