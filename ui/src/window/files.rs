//! Files a person chooses: to send, as an avatar, or where to save one.

use std::path::PathBuf;

use hardline_app::view::{
    room::{RoomAction, RowKind},
    room_details::RoomDetailsAction,
    settings::SettingsAction,
};
use hardline_platform::file_chooser::{ChooserError, OpenQuestion};

use super::{links::told, main_window::Window, program::elsewhere};
use crate::adapters::Port;

/// Lets the person choose files for the composer.
pub fn attach(window: &Window) {
    let question = OpenQuestion {
        title: "Send files".to_owned(),
        multiple: true,
        filters: Vec::new(),
    };
    let port = window.ports.room.clone();
    choose(window, question, move |paths| {
        port.send(RoomAction::Attach { paths })
    });
}

/// Lets the person choose our own picture.
pub fn choose_own_avatar(window: &Window) {
    choose_picture(window, window.ports.settings.clone(), |path| {
        SettingsAction::SetAvatar { path }
    });
}

/// Lets the person choose the picture of the room.
pub fn choose_room_avatar(window: &Window) {
    choose_picture(window, window.ports.room_details.clone(), |path| {
        RoomDetailsAction::SetAvatar { path }
    });
}

fn choose_picture<A: 'static>(window: &Window, port: Port<A>, make: fn(PathBuf) -> A) {
    let pictures = ("Pictures".to_owned(), vec!["image/*".to_owned()]);
    let question = OpenQuestion {
        title: "Choose a picture".to_owned(),
        multiple: false,
        filters: vec![pictures],
    };
    choose(window, question, move |paths| {
        if let Some(path) = paths.into_iter().next() {
            port.send(make(path));
        }
    });
}

fn choose(window: &Window, question: OpenQuestion, chosen: impl Fn(Vec<PathBuf>) + 'static) {
    let chooser = window.program.services().file_chooser.clone();
    let asked = elsewhere(
        &*window.program,
        async move { chooser.open(question).await },
    );
    finish(window, asked, chosen);
}

/// Asks where to save the file of a row.
pub fn save_as(window: &Window, row: String) {
    let name = window
        .with_room(|room| room.row(&row))
        .flatten()
        .and_then(|row| match &row.kind {
            RowKind::Message(message) => message.attachment.as_ref().map(|file| file.name.clone()),
            _ => None,
        });
    let Some(name) = name else { return };
    let chooser = window.program.services().file_chooser.clone();
    let asked = elsewhere(&*window.program, async move {
        chooser.save("Save file", &name).await
    });
    let port = window.ports.room.clone();
    finish(window, asked, move |path| {
        port.send(RoomAction::SaveAs {
            row: row.clone(),
            path,
        })
    });
}

fn finish<T: 'static>(
    window: &Window,
    asked: impl Future<Output = Option<Result<T, ChooserError>>> + 'static,
    chosen: impl Fn(T) + 'static,
) {
    let window_after = window.weak();
    window.spawn(async move {
        let answer = asked.await;
        let Some(window) = window_after.upgrade() else {
            return;
        };
        match answer {
            Some(Ok(answer)) => chosen(answer),
            Some(Err(ChooserError::Cancelled)) | None => {}
            Some(Err(error)) => window.toasts().text(&error.to_string()),
        }
    });
}

/// Opens a file in the program that is for it.
pub fn open(window: &Window, path: PathBuf) {
    let opener = window.program.services().opener.clone();
    let opened = elsewhere(
        &*window.program,
        async move { opener.open_file(&path).await },
    );
    told(window, opened);
}
