//! Finding people in typed text, and in messages that are edited.

use ruma::{OwnedUserId, UserId, events::Mentions};

use super::Mention;
use crate::{
    text::{MatrixLink, blocks_from_html, matrix_link},
    view::room::{Block, Inline},
};

/// A place in the text that means a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub start: usize,
    pub end: usize,
    pub user_id: OwnedUserId,
}

/// Where `known` mentions and whole user ids stand in `text`, in order and without overlap.
pub(super) fn find(text: &str, known: &[Mention]) -> Vec<Found> {
    let mut known: Vec<&Mention> = known
        .iter()
        .filter(|known| !known.text.is_empty())
        .collect();
    // "@Ada Lovelace" before "@Ada".
    known.sort_by_key(|known| std::cmp::Reverse(known.text.len()));
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let hit = starts_word(text, at)
            .then(|| known_at(rest, &known).or_else(|| user_id_at(rest)))
            .flatten();
        match hit {
            Some((len, user_id)) => {
                found.push(Found {
                    start: at,
                    end: at + len,
                    user_id,
                });
                at += len;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at]
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | ':' | '#'))
}

fn known_at(rest: &str, known: &[&Mention]) -> Option<(usize, OwnedUserId)> {
    known
        .iter()
        .find(|known| {
            rest.starts_with(&known.text)
                && !rest[known.text.len()..]
                    .chars()
                    .next()
                    .is_some_and(char::is_alphanumeric)
        })
        .map(|known| (known.text.len(), known.user_id.clone()))
}

/// A whole user id as typed: `@ada:example.org`.
fn user_id_at(rest: &str) -> Option<(usize, OwnedUserId)> {
    if !rest.starts_with('@') {
        return None;
    }
    let end = rest
        .char_indices()
        .skip(1)
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || "._=-/+:[]".contains(*c)))
        .map_or(rest.len(), |(at, _)| at);
    let id = rest[..end].trim_end_matches(['.', ':', '-', '/']);
    let user_id = UserId::parse(id).ok()?;
    user_id
        .server_name()
        .as_str()
        .contains(['.', ':'])
        .then_some((id.len(), user_id))
}

/// `m.mentions` of a message.
pub(super) fn event_mentions(text: &str, found: &[Found], may_notify_room: bool) -> Mentions {
    let mut mentions = Mentions::with_user_ids(found.iter().map(|found| found.user_id.clone()));
    mentions.room = may_notify_room && mentions_room(text);
    mentions
}

fn mentions_room(text: &str) -> bool {
    text.match_indices("@room").any(|(at, word)| {
        starts_word(text, at)
            && !text[at + word.len()..]
                .chars()
                .next()
                .is_some_and(|c| c.is_alphanumeric() || c == ':')
    })
}

/// People mentioned in a formatted body, by the text that stands for them there; so that an edit keeps them.
pub fn mentions_of_html(html: &str) -> Vec<Mention> {
    let mut mentions = Vec::new();
    collect(&blocks_from_html(html, None), &mut mentions);
    mentions
}

fn collect(blocks: &[Block], mentions: &mut Vec<Mention>) {
    for block in blocks {
        match block {
            Block::Paragraph(text) | Block::Heading { text, .. } | Block::Item { text, .. } => {
                collect_inline(text, mentions);
            }
            Block::Quote(blocks) | Block::Spoiler { blocks, .. } => collect(blocks, mentions),
            Block::Table { rows, .. } => {
                rows.iter()
                    .flatten()
                    .for_each(|cell| collect_inline(cell, mentions));
            }
            Block::Code { .. } | Block::Rule | Block::Image { .. } => {}
        }
    }
}

fn collect_inline(inline: &Inline, mentions: &mut Vec<Mention>) {
    for span in inline.spans.iter().filter(|span| span.mention.is_some()) {
        if let Some((MatrixLink::User(user_id), _)) = span.link.as_deref().and_then(matrix_link) {
            mentions.push(Mention {
                text: span.text.clone(),
                user_id,
            });
        }
    }
}
