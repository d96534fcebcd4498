//! Text in and out: Matrix HTML and plain text become [`Block`]s, the composer's Markdown becomes message content.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes>

mod builder;
mod clusters;
pub mod emoji;
mod gist;
mod html;
mod links;
pub mod outgoing;

pub use clusters::tame;
pub(crate) use gist::{formatted, gist};
pub use html::blocks_from_html;
pub use links::{MatrixLink, matrix_link, safe_link};

use ruma::UserId;

use crate::view::room::{Block, Inline, Span};

/// Bytes of a body that are looked at; events are at most 64 KiB on the wire, so more is an attack.
pub(crate) const MAX_INPUT: usize = 128 * 1024;

/// Plain text as blocks: blank lines part paragraphs, addresses become links.
pub fn blocks_from_plain(text: &str, own: Option<&UserId>) -> Vec<Block> {
    let text = &*tame(cut(text, MAX_INPUT));
    let mut blocks = Vec::new();
    let mut paragraph = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            flush_plain(&mut paragraph, &mut blocks, own);
            continue;
        }
        if !paragraph.is_empty() {
            paragraph.push('\n');
        }
        paragraph.push_str(line.trim_end());
        // One huge paragraph would be laid out as one; parts of it are laid out as they come into view.
        if paragraph.len() > 4096 {
            flush_plain(&mut paragraph, &mut blocks, own);
        }
    }
    flush_plain(&mut paragraph, &mut blocks, own);
    blocks
}

fn flush_plain(paragraph: &mut String, blocks: &mut Vec<Block>, own: Option<&UserId>) {
    if paragraph.is_empty() {
        return;
    }
    let mut inline = Inline::default();
    links::push_linkified(&mut inline.spans, paragraph, &Span::default(), own);
    blocks.push(Block::Paragraph(inline));
    paragraph.clear();
}

/// The text of blocks alone, one line a block, for copying and screen readers.
pub fn plain_text(blocks: &[Block]) -> String {
    let mut out = String::new();
    write_plain(blocks, &mut out);
    out.truncate(out.trim_end().len());
    out
}

fn write_plain(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(text) | Block::Heading { text, .. } => write_line(&text.text(), out),
            Block::Code { text, .. } => write_line(text, out),
            Block::Quote(inner) => write_plain(inner, out),
            Block::Item {
                depth,
                number,
                text,
            } => {
                out.extend(std::iter::repeat_n(' ', usize::from(*depth) * 2));
                match number {
                    Some(number) => out.push_str(&format!("{number}. ")),
                    None => out.push_str("• "),
                }
                write_line(&text.text(), out);
            }
            Block::Table { rows, .. } => {
                for row in rows {
                    let cells: Vec<String> = row.iter().map(Inline::text).collect();
                    write_line(&cells.join("\t"), out);
                }
            }
            Block::Spoiler { reason, blocks } => {
                if !reason.is_empty() {
                    write_line(reason, out);
                }
                write_plain(blocks, out);
            }
            Block::Rule => write_line("———", out),
            Block::Image { alt, .. } => write_line(alt, out),
        }
    }
}

fn write_line(line: &str, out: &mut String) {
    out.push_str(line);
    out.push('\n');
}

/// Characters that turn the direction of what follows: names with them read other than they are ("exe.jpg" for
/// "gpj.exe"). Letters of any direction do without.
pub(crate) fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The first `max` characters as one line without control characters, those of direction among them, with an ellipsis
/// if there was more.
pub fn one_line(text: &str, max: usize) -> String {
    let text = &*tame(text);
    let mut out = String::new();
    let mut n_chars = 0;
    for word in text.split_whitespace() {
        if n_chars > 0 {
            out.push(' ');
            n_chars += 1;
        }
        let shown = |c: &char| !c.is_control() && !turns_direction(*c);
        for character in word.chars().filter(shown) {
            if n_chars >= max {
                out.push('…');
                return out;
            }
            out.push(character);
            n_chars += 1;
        }
    }
    out
}

/// The longest start of `text` of at most `max` bytes that ends between characters.
pub fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_paragraphs() {
        let blocks = blocks_from_plain("one\ntwo\n\n\nthree", None);
        assert_eq!(
            blocks,
            [
                Block::Paragraph(Inline::plain("one\ntwo")),
                Block::Paragraph(Inline::plain("three"))
            ]
        );
    }

    #[test]
    fn a_body_of_60_kb_becomes_many_small_paragraphs() {
        let text = "a line of some words\n".repeat(3000);
        let blocks = blocks_from_plain(&text, None);
        assert!(blocks.len() > 10);
        assert_eq!(plain_text(&blocks).lines().count(), 3000);
    }

    #[test]
    fn one_line_joins_and_cuts() {
        assert_eq!(one_line("a\n b\tc", 10), "a b c");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("ééé", 3), "ééé");
        assert_eq!(one_line("", 3), "");
        assert_eq!(
            one_line("gpj.\u{202e}exe \u{2066}שלום\u{2069}", 20),
            "gpj.exe שלום"
        );
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
