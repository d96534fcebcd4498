//! Links that were clicked.

use hardline_app::view::new_conversation::NewConversationAction;
use hardline_platform::open_uri::OpenError;

use super::{main_window::Window, program::elsewhere};
use crate::format::REVEAL_LINK;

/// Opens a link: rooms and people here, spoilers in their row, the rest in the program that is for it.
pub fn open(window: &Window, url: &str) {
    if let Some(row) = url.strip_prefix(REVEAL_LINK) {
        window.with_room(|room| room.reveal(row));
        return;
    }
    if is_matrix(url) {
        window
            .ports
            .new_conversation
            .send(NewConversationAction::Join {
                address: url.to_owned(),
            });
        return;
    }
    let opener = window.program.services().opener.clone();
    let url = url.to_owned();
    let opened = elsewhere(&*window.program, async move { opener.open_uri(&url).await });
    told(window, opened);
}

/// Whether a link leads to a room or a person.
fn is_matrix(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    url.starts_with("matrix:") || url.starts_with("https://matrix.to/#/")
}

/// Says so if opening failed.
pub(super) fn told(
    window: &Window,
    opened: impl Future<Output = Option<Result<(), OpenError>>> + 'static,
) {
    let window_after = window.weak();
    window.spawn(async move {
        let outcome = opened.await;
        let Some(window) = window_after.upgrade() else {
            return;
        };
        match outcome {
            Some(Ok(()) | Err(OpenError::Cancelled)) => {}
            Some(Err(error)) => window.toasts().text(&format!("{error}")),
            None => window.toasts().text("That could not be opened"),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::is_matrix;

    #[test]
    fn links_to_rooms_and_people_are_told_from_others() {
        assert!(is_matrix("matrix:r/room:example.org"));
        assert!(is_matrix("https://matrix.to/#/#room:example.org"));
        assert!(!is_matrix("https://example.org/matrix:r"));
        assert!(!is_matrix("mailto:a@example.org"));
    }
}
