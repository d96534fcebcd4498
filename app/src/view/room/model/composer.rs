//! The composer: text, mode, draft, typing notices.

use std::time::Duration;

use matrix_sdk::{ComposerDraft, ComposerDraftType};
use matrix_sdk_ui::timeline::EventTimelineItem;
use tokio::time::Instant;

use super::{
    super::{ComposerMode, ComposerState, RoomEffect, UploadRow},
    completion::{Candidate, Offer},
    driver::{Model, soon},
};
use crate::{
    ids::OwnedEventId,
    media::Attachment,
    notice::Notice,
    text::outgoing::{self, Destination, Mention, mentions_of_html},
    timeline::{preview, text_of},
};

/// A draft is kept this long after the last key.
const SAVE_PAUSE: Duration = Duration::from_millis(800);
/// A typing notice holds this long on the server (the SDK asks for four seconds); it ends when no key was pressed.
const TYPING_PAUSE: Duration = Duration::from_secs(4);

/// What sending will do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Mode {
    #[default]
    Message,
    Reply(OwnedEventId),
    /// By row, since a message may be changed before it is on the server.
    Edit {
        row: String,
        event_id: Option<OwnedEventId>,
    },
}

/// A file that waits to be sent.
pub(super) struct Upload {
    pub id: u64,
    pub file: Attachment,
}

/// The composer of an open room.
#[derive(Default)]
pub(super) struct Composer {
    pub text: String,
    pub cursor: usize,
    pub mode: Mode,
    /// What the mode shows.
    pub shown: ComposerMode,
    pub mentions: Vec<Mention>,
    pub uploads: Vec<Upload>,
    pub next_upload: u64,
    pub offers: Vec<Offer>,
    pub note: Option<Notice>,
    pub destination: Destination,
    /// Members names are completed from, once they were asked for.
    pub members: Option<Vec<Candidate>>,
    pub save_due: Option<Instant>,
    pub typing_until: Option<Instant>,
    /// The draft as it was kept last.
    pub saved: Option<ComposerDraft>,
}

impl Composer {
    fn state(&self) -> ComposerState {
        ComposerState {
            mode: self.shown.clone(),
            uploads: self.uploads.iter().map(upload_row).collect(),
            completions: self
                .offers
                .iter()
                .map(|offer| offer.shown.clone())
                .collect(),
            can_send: !self.text.trim().is_empty() || !self.uploads.is_empty(),
            note: self.note.clone(),
        }
    }

    /// Forgets what was sent.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.mode = Mode::Message;
        self.shown = ComposerMode::Message;
        self.mentions.clear();
        self.offers.clear();
        self.note = None;
    }

    fn draft(&self) -> Option<ComposerDraft> {
        let draft_type = match &self.mode {
            Mode::Message => ComposerDraftType::NewMessage,
            Mode::Reply(event_id) => ComposerDraftType::Reply {
                event_id: event_id.clone(),
            },
            Mode::Edit {
                event_id: Some(event_id),
                ..
            } => ComposerDraftType::Edit {
                event_id: event_id.clone(),
            },
            Mode::Edit { event_id: None, .. } => return None,
        };
        if self.text.trim().is_empty() {
            return None;
        }
        Some(ComposerDraft {
            plain_text: self.text.clone(),
            html_text: mentions_html(&self.mentions),
            draft_type,
            attachments: Vec::new(),
        })
    }
}

fn upload_row(upload: &Upload) -> UploadRow {
    let chip = upload.file.chip.as_ref();
    UploadRow {
        id: upload.id,
        name: upload.file.name.clone(),
        size: upload.file.bytes.len() as u64,
        mime: upload.file.mime.to_string(),
        thumbnail: chip.map(|chip| (chip.width, chip.height, chip.rgba.clone())),
    }
}

/// The mentions of a draft, in the form in which messages carry them, so that they outlive a restart.
fn mentions_html(mentions: &[Mention]) -> Option<String> {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let link = |mention: &Mention| {
        format!(
            "<a href=\"{}\">{}</a>",
            mention.user_id.matrix_to_uri(),
            escape(&mention.text)
        )
    };
    (!mentions.is_empty()).then(|| mentions.iter().map(link).collect())
}

impl Model {
    /// Shows the composer as it is.
    pub(super) fn show_composer(&self) {
        let shown = self.composer.state();
        self.screen.update(|state| state.composer = shown);
    }

    /// The person typed.
    pub(super) fn text_changed(&mut self, text: String, cursor: usize) {
        let typed = !text.trim().is_empty() && text != self.composer.text;
        self.composer.cursor = cursor.min(text.len());
        self.composer.text = text;
        self.composer.save_due = soon(SAVE_PAUSE);
        let (bytes, limit) = (
            self.composer.text.len(),
            outgoing::limit(self.composer.destination),
        );
        self.composer.note = (bytes > limit).then_some(Notice::TooLongForMessage { bytes, limit });
        if typed {
            self.notice_typing();
        } else if self.composer.text.is_empty() {
            self.stop_typing();
        }
        self.complete_word();
        self.show_composer();
    }

    /// Puts a text into the composer and the screen.
    pub(super) fn set_text(&mut self, text: String, cursor: usize) {
        self.composer.cursor = cursor.min(text.len());
        self.composer.text = text.clone();
        self.composer.save_due = soon(SAVE_PAUSE);
        self.effect(RoomEffect::SetText { text, cursor });
        self.show_composer();
    }

    pub(super) fn reply_to(&mut self, row: &str) {
        let Some(event) = self.event_of_row(row) else {
            return;
        };
        let Some(event_id) = event.event_id().map(ToOwned::to_owned) else {
            return;
        };
        if matches!(self.composer.mode, Mode::Edit { .. }) {
            self.set_text(String::new(), 0);
        }
        self.composer.mode = Mode::Reply(event_id);
        self.composer.shown = self.shown_reply(&event);
        self.composer.save_due = soon(SAVE_PAUSE);
        self.show_composer();
    }

    fn shown_reply(&self, event: &EventTimelineItem) -> ComposerMode {
        let person = self
            .context
            .names
            .of(event.sender(), Some(event.sender_profile()));
        ComposerMode::Reply {
            sender: person.name(event.sender()),
            preview: preview(event.content()),
        }
    }

    pub(super) fn edit(&mut self, row: &str) {
        let Some(event) = self
            .event_of_row(row)
            .filter(EventTimelineItem::is_editable)
        else {
            return;
        };
        let Some(message) = event.content().as_message() else {
            return;
        };
        let (text, html) = text_of(message);
        self.composer.mode = Mode::Edit {
            row: row.to_owned(),
            event_id: event.event_id().map(ToOwned::to_owned),
        };
        self.composer.shown = ComposerMode::Edit {
            preview: preview(event.content()),
        };
        self.composer.mentions = html.as_deref().map(mentions_of_html).unwrap_or_default();
        let cursor = text.len();
        self.set_text(text, cursor);
    }

    /// The last message of ours that can be changed.
    pub(super) fn edit_last(&mut self) {
        let last = self.list.items().rev().take(200).find_map(|item| {
            let event = item.as_event()?;
            (event.is_own() && event.is_editable() && event.content().is_message())
                .then(|| item.clone())
        });
        let row = last.and_then(|last| {
            self.list
                .row_of_item(|item| std::sync::Arc::ptr_eq(item, &last))
        });
        if let Some(row) = row {
            self.edit(&row);
        }
    }

    pub(super) fn cancel_mode(&mut self) {
        let was_edit = matches!(self.composer.mode, Mode::Edit { .. });
        self.composer.mode = Mode::Message;
        self.composer.shown = ComposerMode::Message;
        if was_edit {
            self.composer.mentions.clear();
            self.set_text(String::new(), 0);
        }
        self.composer.save_due = soon(SAVE_PAUSE);
        self.show_composer();
    }

    /// Shows the draft kept for this room.
    pub(super) async fn restore_draft(&mut self) {
        let draft = match self.room.load_composer_draft(None).await {
            Ok(Some(draft)) => draft,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(room_id = %self.room.room_id(), %error, "the draft could not be read");
                return;
            }
        };
        self.composer.saved = Some(draft.clone());
        self.composer.mentions = draft
            .html_text
            .as_deref()
            .map(mentions_of_html)
            .unwrap_or_default();
        match draft.draft_type {
            ComposerDraftType::NewMessage => {}
            ComposerDraftType::Reply { event_id } => {
                if let Some(row) = self.row_of_event(&event_id) {
                    self.reply_to(&row);
                }
            }
            ComposerDraftType::Edit { event_id } => match self.row_of_event(&event_id) {
                Some(row) => self.edit(&row),
                // What it was to change is not loaded: the text alone would be sent as a new message.
                None => return,
            },
        }
        let cursor = draft.plain_text.len();
        self.set_text(draft.plain_text, cursor);
        self.composer.save_due = None;
    }

    /// Keeps what is typed, or forgets the draft.
    pub(super) async fn save_draft(&mut self) {
        self.composer.save_due = None;
        let draft = self.composer.draft();
        if draft == self.composer.saved {
            return;
        }
        let result = match &draft {
            Some(draft) => self.room.save_composer_draft(draft.clone(), None).await,
            None => self.room.clear_composer_draft(None).await,
        };
        match result {
            Ok(()) => self.composer.saved = draft,
            Err(error) => {
                tracing::warn!(room_id = %self.room.room_id(), %error, "the draft could not be kept");
            }
        }
    }

    /// Tells the others that we type. The SDK sends this at most every three seconds.
    fn notice_typing(&mut self) {
        self.composer.typing_until = soon(TYPING_PAUSE);
        self.send_typing(true);
    }

    pub(super) fn stop_typing(&mut self) {
        if self.composer.typing_until.take().is_some() {
            self.send_typing(false);
        }
    }

    fn send_typing(&self, typing: bool) {
        if !self.context.can.send {
            return;
        }
        let room = self.room.clone();
        self.tasks.detach("typing", async move {
            if let Err(error) = room.typing_notice(typing).await {
                tracing::debug!(room_id = %room.room_id(), %error, "the typing notice was not sent");
            }
        });
    }
}
