//! What the composer shows.

use super::super::Avatar;
use crate::notice::Notice;

/// The composer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComposerState {
    /// A new message, a reply or an edit.
    pub mode: ComposerMode,
    /// Attachments chosen and on their way.
    pub uploads: Vec<UploadRow>,
    /// Completions for the word under the cursor.
    pub completions: Vec<Completion>,
    /// Something can be sent.
    pub can_send: bool,
    /// Said under the composer.
    pub note: Option<Notice>,
}

/// What sending will do.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ComposerMode {
    /// A new message.
    #[default]
    Message,
    /// A reply.
    Reply {
        /// Whom.
        sender: String,
        /// What they said, one line.
        preview: String,
    },
    /// A changed message.
    Edit {
        /// What it was, one line.
        preview: String,
    },
}

/// An attachment that waits to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadRow {
    /// Names it in actions.
    pub id: u64,
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// MIME type.
    pub mime: String,
    /// A small picture as RGBA, if it is one: width, height, pixels.
    pub thumbnail: Option<(u32, u32, std::sync::Arc<[u8]>)>,
}

/// A completion for `@person`, `#room` or `:emoji:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Drawn before the text.
    pub avatar: Option<Avatar>,
    /// Drawn in place of an avatar (an emoji).
    pub symbol: String,
    /// First line.
    pub title: String,
    /// Second line.
    pub detail: String,
}
