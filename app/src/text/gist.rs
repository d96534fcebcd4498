//! What a message says, in one line: formatted text without its marks, spoilers hidden.

use ruma::events::room::message::{FormattedBody, MessageFormat, MessageType};

use super::{blocks_from_html, one_line, plain_text};
use crate::view::room::{Block, Inline};

/// Stands for what a spoiler hides.
const HIDDEN: &str = "▒▒▒";

/// The formatted text of a message that is text.
pub(crate) fn formatted(message: &MessageType) -> Option<&FormattedBody> {
    match message {
        MessageType::Text(text) => text.formatted.as_ref(),
        MessageType::Notice(notice) => notice.formatted.as_ref(),
        MessageType::Emote(emote) => emote.formatted.as_ref(),
        _ => None,
    }
    .filter(|formatted| formatted.format == MessageFormat::Html)
}

/// At most `max` characters of what the message says.
pub(crate) fn gist(message: &MessageType, max: usize) -> String {
    let said = formatted(message)
        .map(|html| without_spoilers(blocks_from_html(&html.body, None)))
        .filter(|text| !text.is_empty());
    one_line(said.as_deref().unwrap_or(message.body()), max)
}

fn without_spoilers(mut blocks: Vec<Block>) -> String {
    hide(&mut blocks);
    plain_text(&blocks)
}

fn hide(blocks: &mut [Block]) {
    for block in blocks {
        match block {
            Block::Paragraph(text) | Block::Heading { text, .. } | Block::Item { text, .. } => {
                hide_spans(text);
            }
            Block::Table { rows, .. } => rows.iter_mut().flatten().for_each(hide_spans),
            Block::Spoiler { blocks, .. } => {
                *blocks = vec![Block::Paragraph(Inline::plain(HIDDEN))]
            }
            Block::Quote(inner) => hide(inner),
            Block::Code { .. } | Block::Rule | Block::Image { .. } => {}
        }
    }
}

fn hide_spans(text: &mut Inline) {
    for span in text.spans.iter_mut().filter(|span| span.spoiler) {
        HIDDEN.clone_into(&mut span.text);
    }
}

#[cfg(test)]
mod tests {
    use ruma::events::room::message::RoomMessageEventContent;

    use super::*;

    fn gist_of(body: &str, html: &str) -> String {
        gist(&RoomMessageEventContent::text_html(body, html).msgtype, 60)
    }

    #[test]
    fn marks_are_not_part_of_what_is_said() {
        assert_eq!(
            gist_of(
                "## What to bring\n- **Water**",
                "<h2>What to bring</h2><ul><li><strong>Water</strong></li></ul>"
            ),
            "What to bring • Water"
        );
    }

    #[test]
    fn spoilers_stay_hidden_wherever_they_stand() {
        let spoiler = "<span data-mx-spoiler>the butler</span>";
        for html in [
            format!("It was {spoiler}"),
            format!("<blockquote><p>It was {spoiler}</p></blockquote>"),
            format!("<table><tr><td>It was {spoiler}</td></tr></table>"),
        ] {
            let said = gist_of("It was the butler", &html);
            assert_eq!(said.trim(), format!("It was {HIDDEN}"), "{html}");
        }
    }

    #[test]
    fn html_that_says_nothing_leaves_the_body() {
        assert_eq!(gist_of("hello", "<script>x</script>"), "hello");
    }
}
