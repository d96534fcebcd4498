//! What was typed becomes message content: Markdown, mentions, spoilers, `/me` and `/plain`.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes>,
//! mentions: <https://spec.matrix.org/v1.16/client-server-api/#user-and-room-mentions>

mod markdown;
mod mentions;

use ruma::{
    OwnedUserId,
    events::room::message::{
        EmoteMessageEventContent, MessageType, RoomMessageEventContentWithoutRelation,
        TextMessageEventContent,
    },
};

pub use mentions::mentions_of_html;

/// Bytes of content an event can carry unencrypted, with room left for the envelope (events end at 65,536).
const CLEAR_LIMIT: usize = 60_000;
/// The same where the content is encrypted, which makes four bytes of three.
const ENCRYPTED_LIMIT: usize = 46_000;

/// A piece of the composer's text that means a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// As it stands in the text ("@Ada").
    pub text: String,
    /// Whom it means.
    pub user_id: OwnedUserId,
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// There is nothing to send.
    Empty,
    /// Send this.
    Message(RoomMessageEventContentWithoutRelation),
    /// Longer than an event may be.
    TooLong {
        /// Bytes typed.
        bytes: usize,
        /// Bytes that fit.
        limit: usize,
    },
}

/// What is known about where the message goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Destination {
    /// The room is encrypted.
    pub encrypted: bool,
    /// `@room` may be used there.
    pub may_notify_room: bool,
}

/// Makes a message of the composer's text.
pub fn compose(text: &str, known: &[Mention], to: Destination) -> Outgoing {
    let limit = if to.encrypted {
        ENCRYPTED_LIMIT
    } else {
        CLEAR_LIMIT
    };
    if text.trim().is_empty() {
        return Outgoing::Empty;
    }
    // Before any parsing: a novel in the composer must not be parsed at each key.
    if text.len() > limit {
        return Outgoing::TooLong {
            bytes: text.len(),
            limit,
        };
    }
    let (style, text) = Style::of(text);
    let text = text.trim();
    if text.is_empty() {
        return Outgoing::Empty;
    }
    let found = mentions::find(text, known);
    let html = (style != Style::Plain)
        .then(|| markdown::to_html(text, &found))
        .flatten();
    let mut content = content_of(style, text, html);
    content = content.add_mentions(mentions::event_mentions(text, &found, to.may_notify_room));
    if json_len(&content) > limit {
        return Outgoing::TooLong {
            bytes: text.len(),
            limit,
        };
    }
    Outgoing::Message(content)
}

/// Whether a text can be a message at all; cheap enough to be asked at each key.
pub fn limit(to: Destination) -> usize {
    if to.encrypted {
        ENCRYPTED_LIMIT
    } else {
        CLEAR_LIMIT
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Markdown,
    Emote,
    Plain,
}

impl Style {
    fn of(text: &str) -> (Self, &str) {
        let trimmed = text.trim_start();
        if let Some(rest) = command(trimmed, "/me") {
            (Self::Emote, rest)
        } else if let Some(rest) = command(trimmed, "/plain") {
            (Self::Plain, rest)
        } else if trimmed.starts_with("//") {
            // A doubled slash sends a text that begins with one.
            (Self::Markdown, &trimmed[1..])
        } else {
            (Self::Markdown, text)
        }
    }
}

fn command<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(name)?;
    rest.starts_with(char::is_whitespace)
        .then(|| rest.trim_start())
}

fn content_of(
    style: Style,
    body: &str,
    html: Option<String>,
) -> RoomMessageEventContentWithoutRelation {
    let message = match (style, html) {
        (Style::Emote, Some(html)) => {
            MessageType::Emote(EmoteMessageEventContent::html(body, html))
        }
        (Style::Emote, None) => MessageType::Emote(EmoteMessageEventContent::plain(body)),
        (_, Some(html)) => MessageType::Text(TextMessageEventContent::html(body, html)),
        (_, None) => MessageType::Text(TextMessageEventContent::plain(body)),
    };
    RoomMessageEventContentWithoutRelation::new(message)
}

fn json_len(content: &RoomMessageEventContentWithoutRelation) -> usize {
    serde_json::to_vec(content).map_or(0, |json| json.len())
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
