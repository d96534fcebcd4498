//! A picture over the whole window: first as the timeline has it, then as sharp as the screen can show it.

use std::rc::Rc;

use hardline_app::{
    media::file_key,
    view::{
        room::{RoomAction, RowKind},
        room_list::AttachmentKind,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Image};

use super::main_window::Window;

/// Shows the picture of a row; what is no picture is opened by another program.
pub fn view_row(window: &Window, row_id: &str) {
    let Some(row) = window.with_room(|room| room.row(row_id)).flatten() else {
        return;
    };
    let RowKind::Message(message) = &row.kind else {
        return;
    };
    let Some(file) = &message.attachment else {
        return;
    };
    let Some(key) = file
        .image_key
        .as_deref()
        .filter(|_| file.kind == AttachmentKind::Image)
    else {
        window.ports.room.send(RoomAction::Download {
            row: row_id.to_owned(),
            open: true,
        });
        return;
    };
    let (width, height) = file.dimensions.unwrap_or_default();
    let viewed = views::ViewedData {
        row: row_id.into(),
        name: file.name.as_str().into(),
        width: i32::try_from(width).unwrap_or_default(),
        height: i32::try_from(height).unwrap_or_default(),
        image: Image::default(),
    };
    show(window, key, file.full_key.as_deref().unwrap_or(key), viewed);
}

/// Shows a picture named inside a text.
pub fn view_address(window: &Window, mxc: &str) {
    let key = file_key(mxc);
    show(window, &key, &key, views::ViewedData::default());
}

/// Takes the picture off the screen and out of memory.
pub fn close(window: &Window) {
    window.viewing.borrow_mut().take();
    let global = window.ui.global::<views::RoomAdapter<'_>>();
    global.set_viewing(false);
    global.set_viewed(views::ViewedData::default());
    window.images.forget_large();
}

/// Shows what is there of `full`, or of its `preview` until it is.
fn show(window: &Window, preview: &str, full: &str, viewed: views::ViewedData) {
    let global = window.ui.global::<views::RoomAdapter<'_>>();
    let image = window
        .images
        .large(full)
        .or_else(|| window.images.picture(preview));
    global.set_viewed(views::ViewedData {
        image: image.unwrap_or_default(),
        ..viewed
    });
    global.set_viewing(true);
    let listening = window.images.listen({
        let (ui, images) = (window.ui.as_weak(), Rc::downgrade(&window.images));
        let full = full.to_owned();
        move |arrived| {
            let (Some(ui), Some(images)) = (ui.upgrade(), images.upgrade()) else {
                return;
            };
            if arrived != full {
                return;
            }
            if let Some(image) = images.large(&full) {
                let global = ui.global::<views::RoomAdapter<'_>>();
                let viewed = global.get_viewed();
                global.set_viewed(views::ViewedData { image, ..viewed });
            }
        }
    });
    *window.viewing.borrow_mut() = Some(listening);
}
