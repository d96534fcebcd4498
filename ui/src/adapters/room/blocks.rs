//! The blocks of a message as Slint draws them: quotes and spoilers become marks on flat blocks.

use hardline_app::view::room::{Block, Inline, Span};
use hardline_views as views;
use slint::{ModelRc, VecModel};

use crate::format::{Spoilers, styled_text};

/// Blocks of one message drawn at most: what is beyond is cut, so that a hostile message costs no more than a long one.
const BLOCKS: usize = 400;
/// Quotes in quotes told apart.
const QUOTES: i32 = 6;

/// The blocks of the row `id`, flat. Spoilers are covered unless `revealed`.
pub fn blocks(blocks: &[Block], id: &str, revealed: bool) -> ModelRc<views::BlockData> {
    let spoilers = if revealed {
        Spoilers::Shown
    } else {
        Spoilers::Covered { row: id }
    };
    let mut flat = Flat {
        out: Vec::new(),
        spoilers,
    };
    flat.add(blocks, 0, None);
    ModelRc::new(VecModel::from(flat.out))
}

struct Flat<'a> {
    out: Vec<views::BlockData>,
    spoilers: Spoilers<'a>,
}

impl Flat<'_> {
    /// Adds blocks that stand in `quote` quotes and, if `spoiler` says so, in a spoiler with this reason.
    fn add(&mut self, blocks: &[Block], quote: i32, spoiler: Option<&str>) {
        for block in blocks {
            match block {
                Block::Quote(inner) => self.add(inner, (quote + 1).min(QUOTES), spoiler),
                Block::Spoiler { reason, blocks } => {
                    let from = self.out.len();
                    self.add(blocks, quote, Some(reason));
                    if let Some(first) = self.out.get_mut(from) {
                        first.spoiler_start = true;
                    }
                }
                _ if self.out.len() >= BLOCKS => return,
                _ => {
                    let data = self.leaf(block);
                    self.out.push(views::BlockData {
                        quote,
                        spoiler: spoiler.is_some(),
                        spoiler_reason: spoiler.unwrap_or_default().into(),
                        ..data
                    });
                }
            }
        }
    }

    fn leaf(&self, block: &Block) -> views::BlockData {
        match block {
            Block::Paragraph(text) => self.text(views::BlockKind::Paragraph, text),
            Block::Heading { level, text } => views::BlockData {
                level: i32::from(*level),
                ..self.text(views::BlockKind::Heading, &bold(text))
            },
            Block::Item {
                depth,
                number,
                text,
            } => views::BlockData {
                depth: i32::from(*depth),
                number: number
                    .map(|number| format!("{number}."))
                    .unwrap_or_default()
                    .into(),
                ..self.text(views::BlockKind::Item, text)
            },
            Block::Code { language, text } => views::BlockData {
                kind: views::BlockKind::Code,
                language: language.as_str().into(),
                text: text.as_str().into(),
                ..Default::default()
            },
            Block::Table { header, rows } => self.table(*header, rows),
            Block::Image { source, alt } => views::BlockData {
                kind: views::BlockKind::Image,
                source: source.as_str().into(),
                text: alt.as_str().into(),
                ..Default::default()
            },
            // `add` takes quotes and spoilers apart before they come here
            Block::Rule | Block::Quote(_) | Block::Spoiler { .. } => views::BlockData {
                kind: views::BlockKind::Rule,
                ..Default::default()
            },
        }
    }

    fn text(&self, kind: views::BlockKind, text: &Inline) -> views::BlockData {
        let plain = text.text();
        views::BlockData {
            kind,
            styled: styled_text(text, self.spoilers),
            plain: text.spans.iter().all(|span| {
                *span
                    == Span {
                        text: span.text.clone(),
                        ..Span::default()
                    }
            }),
            rtl: is_right_to_left(&plain),
            text: plain.into(),
            ..Default::default()
        }
    }

    fn table(&self, header: bool, rows: &[Vec<Inline>]) -> views::BlockData {
        let shares = shares(rows);
        let rows: VecModel<_> = rows
            .iter()
            .enumerate()
            .map(|(n, cells)| {
                let is_header = header && n == 0;
                let cells: VecModel<_> = cells
                    .iter()
                    .zip(&shares)
                    .map(|(cell, &share)| views::CellData {
                        share,
                        styled: styled_text(
                            &if is_header { bold(cell) } else { cell.clone() },
                            self.spoilers,
                        ),
                        text: cell.text().into(),
                    })
                    .collect();
                views::TableRowData {
                    header: is_header,
                    cells: ModelRc::new(cells),
                }
            })
            .collect();
        views::BlockData {
            kind: views::BlockKind::Table,
            table: ModelRc::new(rows),
            ..Default::default()
        }
    }
}

/// What each column takes of a table's width: by its longest cell, within bounds, so that none is squeezed.
fn shares(rows: &[Vec<Inline>]) -> Vec<f32> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let weights: Vec<f32> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.text().chars().count()).max();
            longest.unwrap_or_default().clamp(6, 24) as f32
        })
        .collect();
    let all: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / all).collect()
}

fn bold(text: &Inline) -> Inline {
    let spans = text
        .spans
        .iter()
        .map(|span| Span {
            bold: true,
            ..span.clone()
        })
        .collect();
    Inline { spans }
}

/// Whether the first letter with a direction is Hebrew, Arabic or another that runs to the left.
pub fn is_right_to_left(text: &str) -> bool {
    text.chars()
        .find(|c| c.is_alphabetic())
        .is_some_and(|c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'))
}

#[cfg(test)]
mod tests {
    use slint::Model;

    use super::*;

    #[test]
    fn columns_share_the_width_by_their_longest_cell() {
        let line = |cells: [&str; 3]| cells.map(Inline::plain).to_vec();
        let long = "x".repeat(200);
        let shares = shares(&[line(["Room", "Members", ""]), line([&long, "12345678", ""])]);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(shares, [24.0 / 38.0, 8.0 / 38.0, 6.0 / 38.0]);
    }

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(Inline::plain(text))
    }

    #[test]
    fn quotes_and_spoilers_become_marks() {
        let message = [
            Block::Quote(vec![paragraph("a"), Block::Quote(vec![paragraph("b")])]),
            Block::Spoiler {
                reason: "end".into(),
                blocks: vec![paragraph("c"), paragraph("d")],
            },
            paragraph("e"),
        ];
        let flat: Vec<_> = blocks(&message, "row", false)
            .iter()
            .map(|block| {
                (
                    block.text.to_string(),
                    block.quote,
                    block.spoiler,
                    block.spoiler_start,
                )
            })
            .collect();
        let expected = [
            ("a", 1, false, false),
            ("b", 2, false, false),
            ("c", 0, true, true),
            ("d", 0, true, false),
            ("e", 0, false, false),
        ];
        assert_eq!(
            flat,
            expected.map(|(text, quote, spoiler, start)| (text.to_owned(), quote, spoiler, start))
        );
    }

    #[test]
    fn a_message_of_very_many_blocks_is_cut() {
        let many: Vec<Block> = (0..10_000).map(|n| paragraph(&n.to_string())).collect();
        assert_eq!(blocks(&many, "row", false).row_count(), BLOCKS);
    }

    #[test]
    fn the_first_letter_tells_the_direction() {
        assert!(is_right_to_left("12: שלום"));
        assert!(is_right_to_left("مرحبا hello"));
        assert!(!is_right_to_left("hello مرحبا"));
        assert!(!is_right_to_left("😀 12"));
    }
}
