//! Files a person chooses: to send, as an avatar, or where to save one.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    rc::Rc,
};

use hardline_app::view::{
    room::{RoomAction, RowKind},
    room_details::RoomDetailsAction,
    settings::SettingsAction,
};
use hardline_platform::file_chooser::{ChooserError, OpenQuestion};
use hardline_views::{PathAdapter, PathPurpose, RoomAdapter, RoomMembership};
use slint::ComponentHandle;

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
    choose(window, PathPurpose::Send, question, move |paths| {
        port.send(RoomAction::Attach { paths })
    });
}

/// Files are dragged over the window, or no longer.
pub fn over(window: &Window, over: bool) {
    window
        .ui
        .global::<RoomAdapter<'_>>()
        .set_files_over(over && may_send(window));
}

/// A file was dropped: it goes to the composer of the room that is open.
pub fn dropped(window: &Window, path: PathBuf) {
    over(window, false);
    if may_send(window) {
        window
            .ports
            .room
            .send(RoomAction::Attach { paths: vec![path] });
    }
}

fn may_send(window: &Window) -> bool {
    let room = window.ui.global::<RoomAdapter<'_>>();
    window.with_room(|_| ()).is_some()
        && room.get_can_send()
        && room.get_membership() == RoomMembership::Joined
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
    choose(window, PathPurpose::Picture, question, move |paths| {
        if let Some(path) = paths.into_iter().next() {
            port.send(make(path));
        }
    });
}

fn choose(
    window: &Window,
    purpose: PathPurpose,
    question: OpenQuestion,
    chosen: impl Fn(Vec<PathBuf>) + 'static,
) {
    let chooser = window.program.services().file_chooser.clone();
    let asked = elsewhere(
        &*window.program,
        async move { chooser.open(question).await },
    );
    let chosen = Rc::new(chosen);
    let typed = chosen.clone();
    let by_hand = PathQuestion {
        purpose,
        path: String::new(),
        chosen: Box::new(move |path| typed(vec![path])),
    };
    finish(window, asked, by_hand, move |paths| chosen(paths));
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
    let suggested = name.clone();
    let asked = elsewhere(&*window.program, async move {
        chooser.save("Save file", &suggested).await
    });
    let port = window.ports.room.clone();
    let save = Rc::new(move |path| {
        port.send(RoomAction::SaveAs {
            row: row.clone(),
            path,
        })
    });
    let typed = save.clone();
    let by_hand = PathQuestion {
        purpose: PathPurpose::Save,
        path: format!("~/{}", name.replace('/', "_")),
        chosen: Box::new(move |path| typed(path)),
    };
    finish(window, asked, by_hand, move |path| save(path));
}

/// Hands on what was chosen; where the desktop has no chooser, the path is typed by hand.
fn finish<T: 'static>(
    window: &Window,
    asked: impl Future<Output = Option<Result<T, ChooserError>>> + 'static,
    by_hand: PathQuestion,
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
            Some(Err(ChooserError::Absent)) => ask_by_hand(&window, by_hand),
            Some(Err(error)) => window.toasts().text(&error.to_string()),
        }
    });
}

/// A path the person is asked to type.
pub struct PathQuestion {
    purpose: PathPurpose,
    path: String,
    chosen: Box<dyn Fn(PathBuf)>,
}

fn ask_by_hand(window: &Window, question: PathQuestion) {
    let global = window.ui.global::<PathAdapter<'_>>();
    global.set_purpose(question.purpose);
    global.set_path(question.path.as_str().into());
    global.set_refused(false);
    global.set_open(true);
    window.path_question.replace(Some(question));
}

/// The person typed a path: it is taken if there is such a file, or a folder to save in.
pub fn path_typed(window: &Window, text: &str) {
    let path = expand_home(text.trim(), std::env::var_os("HOME"));
    let purpose = window
        .path_question
        .borrow()
        .as_ref()
        .map(|question| question.purpose);
    let Some(purpose) = purpose else { return };
    let looked_at = path.clone();
    let fits = elsewhere(&*window.program, async move {
        if purpose == PathPurpose::Save {
            let folder = looked_at
                .parent()
                .map(Path::to_path_buf)
                .unwrap_or_default();
            tokio::fs::metadata(folder)
                .await
                .is_ok_and(|folder| folder.is_dir())
        } else {
            tokio::fs::metadata(looked_at)
                .await
                .is_ok_and(|file| file.is_file())
        }
    });
    let window_after = window.weak();
    window.spawn(async move {
        let fits = fits.await.unwrap_or_default();
        let Some(window) = window_after.upgrade() else {
            return;
        };
        if !fits {
            window.ui.global::<PathAdapter<'_>>().set_refused(true);
        } else if let Some(question) = path_dropped(&window) {
            (question.chosen)(path);
        }
    });
}

/// The person typed none, or the one that was taken.
pub fn path_dropped(window: &Window) -> Option<PathQuestion> {
    window.ui.global::<PathAdapter<'_>>().set_open(false);
    window.path_question.take()
}

fn expand_home(text: &str, home: Option<OsString>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(text),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = || Some(OsString::from("/home/ada"));
        assert_eq!(
            expand_home("~/a b.png", home()),
            Path::new("/home/ada/a b.png")
        );
        assert_eq!(expand_home("/tmp/x", home()), Path::new("/tmp/x"));
        assert_eq!(expand_home("~/x", None), Path::new("~/x"));
    }
}
