//! Running text: marks, white space, and the blocks it becomes.

use super::{Builder, MAX_BLOCKS};
use crate::{
    text::links::push_span,
    view::room::{Block, Inline, Span},
};

impl Builder<'_> {
    pub(super) fn line_break(&mut self) {
        if self.hidden > 0 {
            return;
        }
        if let Some((_, code)) = &mut self.pre {
            return code.push('\n');
        }
        let style = self.style();
        push_span(&mut self.inline.spans, "\n", &style);
    }

    pub(super) fn style(&self) -> Span {
        Span {
            text: String::new(),
            bold: self.bold > 0,
            italic: self.italic > 0,
            strike: self.strike > 0,
            underline: self.underline > 0,
            code: self.code > 0,
            spoiler: self.spoiler > 0,
            color: self.colors.last().cloned(),
            link: None,
            mention: None,
        }
    }

    /// White space as HTML collapses it: one space, none at the beginning of a line.
    pub(super) fn collapse(&self, text: &str) -> String {
        let mut at_start = match self.inline.spans.last() {
            None => true,
            Some(span) => span.text.ends_with([' ', '\n']),
        };
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            if matches!(character, ' ' | '\n' | '\t' | '\r' | '\x0c') {
                if !at_start {
                    out.push(' ');
                }
                at_start = true;
            } else if !character.is_control() {
                out.push(character);
                at_start = false;
            }
        }
        out
    }

    pub(super) fn take_inline(&mut self) -> Inline {
        let mut inline = std::mem::take(&mut self.inline);
        while let Some(last) = inline.spans.last_mut() {
            let len = last.text.trim_end_matches([' ', '\n']).len();
            last.text.truncate(len);
            if len > 0 {
                break;
            }
            inline.spans.pop();
        }
        inline
    }

    /// Ends the running text and makes a block of it.
    pub(super) fn flush(&mut self) {
        if self.table.is_some() {
            // Inside a cell blocks are told apart by a line break only.
            if !self.inline.spans.is_empty() {
                self.line_break_once();
            }
            return;
        }
        let text = self.take_inline();
        if text.spans.is_empty() {
            return;
        }
        if let Some((depth, number)) = self.item.take() {
            return self.push_block(Block::Item {
                depth,
                number,
                text,
            });
        }
        if let Some(level) = self.heading {
            return self.push_block(Block::Heading { level, text });
        }
        if self.in_item
            && let Some((_, blocks)) = self.frames.last_mut()
            && let Some(Block::Item { text: before, .. }) = blocks.last_mut()
        {
            push_span(&mut before.spans, "\n", &Span::default());
            before.spans.extend(text.spans);
            return;
        }
        self.push_block(Block::Paragraph(text));
    }

    pub(super) fn line_break_once(&mut self) {
        if !self
            .inline
            .spans
            .last()
            .is_some_and(|span| span.text.ends_with('\n'))
        {
            self.line_break();
        }
    }

    pub(super) fn push_block(&mut self, block: Block) {
        if self.n_blocks >= MAX_BLOCKS {
            return;
        }
        self.n_blocks += 1;
        if let Some((_, blocks)) = self.frames.last_mut() {
            blocks.push(block);
        }
    }
}
