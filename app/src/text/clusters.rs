//! Characters that are drawn as one: whoever piles hundreds of marks on a letter, or joins hundreds of emoji, breaks what
//! shapes the text (and covers the lines above), so only so many are kept.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use crate::view::room::{Block, Inline};

/// Code points of one drawn character. Families of emoji have ten, vowels and tones on a letter four or five.
const LONGEST: usize = 24;

/// The text with what goes beyond in a drawn character left out.
pub fn tame(text: &str) -> Cow<'_, str> {
    let is_tame = |cluster: &str| cluster.len() <= LONGEST || cluster.chars().count() <= LONGEST;
    if text.is_ascii() || text.graphemes(true).all(is_tame) {
        return Cow::Borrowed(text);
    }
    let short = text
        .graphemes(true)
        .flat_map(|cluster| cluster.chars().take(LONGEST));
    Cow::Owned(short.collect())
}

/// The same for all that blocks say. References (`&#769;`) have become characters by then.
pub(super) fn tame_blocks(blocks: &mut [Block]) {
    for block in blocks {
        match block {
            Block::Paragraph(text) | Block::Heading { text, .. } | Block::Item { text, .. } => {
                tame_spans(text);
            }
            Block::Table { rows, .. } => rows.iter_mut().flatten().for_each(tame_spans),
            Block::Spoiler { blocks, .. } | Block::Quote(blocks) => tame_blocks(blocks),
            Block::Code { text, .. } => tame_string(text),
            Block::Rule | Block::Image { .. } => {}
        }
    }
}

fn tame_spans(text: &mut Inline) {
    for span in &mut text.spans {
        tame_string(&mut span.text);
    }
}

fn tame_string(text: &mut String) {
    if let Cow::Owned(short) = tame(text) {
        *text = short;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["", "plain", "Đặng ế Ệ", "👩‍👩‍👧‍👦 👍🏽", "किम्‌", "\r\n\r\n"]
        {
            assert!(matches!(tame(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn piles_are_cut() {
        let piled = format!("a{}b", "\u{301}".repeat(400));
        let tamed = tame(&piled);
        assert_eq!(tamed.chars().count(), LONGEST + 1);
        assert!(tamed.starts_with("a\u{301}") && tamed.ends_with('b'));
        let joined = "👩\u{200d}".repeat(300);
        assert!(
            tame(&joined)
                .graphemes(true)
                .all(|c| c.chars().count() <= LONGEST)
        );
    }
}
