//! Tables: cells are running text, whatever stands in them.

use super::{Builder, Effect, MAX_COLUMNS, MAX_ROWS, Table};
use crate::view::room::Block;

impl Builder<'_> {
    pub(super) fn begin_table(&mut self) -> Effect {
        self.flush();
        if self.table.is_some() {
            return Effect::Block;
        }
        self.table = Some(Table {
            only_header_cells: true,
            ..Table::default()
        });
        Effect::Table
    }

    /// Ends a cell that was not closed by its own tag.
    pub(super) fn end_open_cell(&mut self) {
        let Some(at) = self
            .open
            .iter()
            .rposition(|open| open.effect == Effect::Cell)
        else {
            return;
        };
        self.open[at].effect = Effect::None;
        self.end_cell();
    }

    pub(super) fn end_cell(&mut self) {
        let text = self.take_inline();
        if let Some(table) = &mut self.table
            && table.row.len() < MAX_COLUMNS
        {
            table.row.push(text);
        }
    }

    pub(super) fn end_row(&mut self) {
        self.end_open_cell();
        // Text between cells has no place in a table; what there is becomes a cell.
        if !self.inline.spans.is_empty() {
            self.end_cell();
        }
        let Some(table) = &mut self.table else { return };
        let row = std::mem::take(&mut table.row);
        if !row.is_empty() && table.rows.len() < MAX_ROWS {
            if table.rows.is_empty() {
                table.header = table.only_header_cells;
            }
            table.rows.push(row);
        }
        table.only_header_cells = true;
    }

    pub(super) fn end_table(&mut self) {
        self.end_row();
        let Some(table) = self.table.take() else {
            return;
        };
        if !table.rows.is_empty() {
            self.push_block(Block::Table {
                header: table.header,
                rows: table.rows,
            });
        }
    }
}
