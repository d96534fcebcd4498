//! A picture on the clipboard becomes an attachment.

use hardline_app::view::room::RoomAction;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::main_window::Window;

/// Attaches the picture the clipboard holds. Where there is text as well, the text field has taken that.
pub fn paste_picture(window: &Window) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // a thread of its own: the program that owns the clipboard may take its time
    let thread = std::thread::Builder::new()
        .name("hardline-paste".to_owned())
        .spawn(move || {
            let _ = sender.send(picture_on_clipboard());
        });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread for pasting");
        return;
    }
    let port = window.ports.room.clone();
    window.spawn(async move {
        if let Ok(Some(bytes)) = receiver.await {
            let (name, mime) = ("Pasted picture.png".to_owned(), "image/png".to_owned());
            port.send(RoomAction::AttachBytes { name, mime, bytes });
        }
    });
}

fn picture_on_clipboard() -> Option<Vec<u8>> {
    let mut clipboard = arboard::Clipboard::new().ok()?;
    if clipboard.get_text().is_ok_and(|text| !text.is_empty()) {
        return None;
    }
    let picture = clipboard.get_image().ok()?;
    let (width, height) = (
        u32::try_from(picture.width).ok()?,
        u32::try_from(picture.height).ok()?,
    );
    png(&picture.bytes, width, height)
}

fn png(rgba: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(rgba, width, height, ExtendedColorType::Rgba8)
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::png;

    #[test]
    fn a_pasted_picture_is_a_png_of_the_same_size() {
        let bytes = png(&[200; 6 * 4], 3, 2).unwrap();
        let read = image::load_from_memory(&bytes).unwrap();
        assert_eq!((read.width(), read.height()), (3, 2));
    }
}
