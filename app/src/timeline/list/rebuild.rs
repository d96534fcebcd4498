//! Making the rows of a stretch: grouping, folding, and what was seen.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use eyeball_im::VectorDiff;

use super::{Class, Entry, GROUP_GAP, Item, Mapped, Marks, RowList};
use crate::{
    timeline::{membership::fold_in, minimize::minimize},
    view::room::{DeliveryState, MessageRow, Row, RowKind},
};

impl<I: Item> RowList<I> {
    /// Makes the rows of a changed stretch and of what depends on it, and tells the difference. Returns the stretch
    /// that was made anew.
    pub(super) fn rebuild(&mut self, changed: Range<usize>, context: &I::Context) -> Range<usize> {
        let mut fresh = self.map_dirty(&changed, context);
        let span = self.widen(changed);
        let old = self.old_rows(&span);
        let before = self.rows.stretch(&old);
        let new = self.make_rows(&span, &before, &mut fresh);
        let diffs = minimize(&before, &new, old.start, self.rows.len());
        self.rows.commit(diffs);
        span
    }

    /// Maps what changed; the kinds of rows made that way, by index.
    fn map_dirty(
        &mut self,
        changed: &Range<usize>,
        context: &I::Context,
    ) -> HashMap<usize, RowKind> {
        let mut fresh = HashMap::new();
        for index in changed.clone() {
            let Some(entry) = self.entries.get_mut(index).filter(|entry| entry.dirty) else {
                continue;
            };
            entry.dirty = false;
            // What a folded row was called stays with its members.
            let folded = match &mut entry.class {
                Class::Member { row, .. } => row.take(),
                _ => None,
            };
            entry.class = match entry.item.map(context) {
                Mapped::Message(message) => {
                    let class = Class::Message {
                        sender: message.sender.clone(),
                        timestamp: message.timestamp,
                        own: message.own,
                        sent: message.delivery == DeliveryState::Sent,
                        read: !message.read_by.is_empty(),
                        marks: Marks::default(),
                    };
                    fresh.insert(index, RowKind::Message(*message));
                    class
                }
                Mapped::Member(change) => Class::Member {
                    change,
                    row: folded,
                },
                Mapped::Other(kind) => {
                    fresh.insert(index, kind);
                    Class::Other
                }
                Mapped::Hidden => Class::Hidden,
            };
        }
        fresh
    }

    /// The stretch and the rows next to it, whole.
    fn widen(&self, changed: Range<usize>) -> Range<usize> {
        let visible = |entry: &Entry<I>| !matches!(entry.class, Class::Hidden);
        let is_member = |entry: &Entry<I>| matches!(entry.class, Class::Member { .. });
        let mut start = changed.start.min(self.entries.len());
        let mut end = changed.end.min(self.entries.len());
        // To the neighbour that is seen, and through a fold to its end.
        while start > 0 {
            start -= 1;
            let entry = &self.entries[start];
            if visible(entry) && !(is_member(entry) && self.folds_on(start, false)) {
                break;
            }
        }
        while end < self.entries.len() {
            end += 1;
            let entry = &self.entries[end - 1];
            if visible(entry) && !(is_member(entry) && self.folds_on(end - 1, true)) {
                break;
            }
        }
        start..end
    }

    /// Whether the next entry that is seen, up or down, is a membership change too.
    fn folds_on(&self, index: usize, down: bool) -> bool {
        self.next_visible(index, down)
            .is_some_and(|next| matches!(self.entries[next].class, Class::Member { .. }))
    }

    fn next_visible(&self, index: usize, down: bool) -> Option<usize> {
        let visible = |index: &usize| !matches!(self.entries[*index].class, Class::Hidden);
        if down {
            (index + 1..self.entries.len()).find(visible)
        } else {
            (0..index).rev().find(visible)
        }
    }

    /// The rows that stand for a stretch now: all but those of what is before and after.
    fn old_rows(&self, span: &Range<usize>) -> Range<usize> {
        let n_rows = |entries: &[Entry<I>]| entries.iter().filter(|entry| entry.starts_row).count();
        let before = n_rows(&self.entries[..span.start]);
        let after = n_rows(&self.entries[span.end..]);
        before.min(self.rows.len())
            ..self
                .rows
                .len()
                .saturating_sub(after)
                .max(before.min(self.rows.len()))
    }

    fn make_rows(
        &mut self,
        span: &Range<usize>,
        before: &[Row],
        fresh: &mut HashMap<usize, RowKind>,
    ) -> Vec<Row> {
        let known: HashMap<&str, &Row> = before.iter().map(|row| (row.id.as_str(), row)).collect();
        let last_read = self.last_read();
        let mut rows: Vec<Row> = Vec::new();
        let mut used: HashSet<String> = HashSet::new();
        let mut index = span.start;
        while index < span.end {
            self.entries[index].starts_row = false;
            match &self.entries[index].class {
                Class::Hidden => {}
                Class::Member { .. } => {
                    let (row, next) = self.fold(index, span.end, &mut used);
                    rows.push(row);
                    index = next;
                    continue;
                }
                Class::Message { .. } | Class::Other => {
                    if let Some(row) = self.single_row(index, last_read, &known, fresh) {
                        rows.push(row);
                    }
                }
            }
            index += 1;
        }
        rows
    }

    fn single_row(
        &mut self,
        index: usize,
        last_read: Option<usize>,
        known: &HashMap<&str, &Row>,
        fresh: &mut HashMap<usize, RowKind>,
    ) -> Option<Row> {
        let marks = self.marks(index, last_read);
        let entry = &mut self.entries[index];
        entry.starts_row = true;
        let id = entry.row_id.clone();
        let mut kind = match fresh.remove(&index) {
            Some(kind) => kind,
            None => known.get(id.as_str())?.kind.clone(),
        };
        if let (
            Class::Message {
                marks: known, sent, ..
            },
            RowKind::Message(message),
            Some(marks),
        ) = (&mut self.entries[index].class, &mut kind, marks)
        {
            *known = marks;
            set_marks(message, marks, *sent);
        }
        Some(Row { id, kind })
    }

    /// One row of neighbouring membership changes, and where it ends.
    fn fold(&mut self, first: usize, end: usize, used: &mut HashSet<String>) -> (Row, usize) {
        let mut changes = Vec::new();
        let mut members = Vec::new();
        let mut next = first;
        while next < end {
            match &self.entries[next].class {
                Class::Member { change, .. } => {
                    fold_in(&mut changes, change.clone());
                    members.push(next);
                }
                Class::Hidden => {}
                _ => break,
            }
            self.entries[next].starts_row = false;
            next += 1;
        }
        // The row keeps the name it had, whichever end it grew at.
        let known = members
            .iter()
            .find_map(|member| match &self.entries[*member].class {
                Class::Member { row: Some(row), .. } if !used.contains(row) => Some(row.clone()),
                _ => None,
            });
        let id = known
            .or_else(|| {
                members
                    .iter()
                    .map(|member| format!("m{}", self.entries[*member].row_id))
                    .find(|id| !used.contains(id))
            })
            .unwrap_or_default();
        used.insert(id.clone());
        for member in &members {
            if let Class::Member { row, .. } = &mut self.entries[*member].class {
                *row = Some(id.clone());
            }
        }
        self.entries[first].starts_row = true;
        (
            Row {
                id,
                kind: RowKind::Members(changes),
            },
            next,
        )
    }

    fn marks(&self, index: usize, last_read: Option<usize>) -> Option<Marks> {
        let Class::Message {
            sender,
            timestamp,
            own,
            ..
        } = &self.entries[index].class
        else {
            return None;
        };
        let joins = |other: Option<usize>| {
            other.is_some_and(|other| match &self.entries[other].class {
                Class::Message {
                    sender: theirs,
                    timestamp: then,
                    ..
                } => theirs == sender && then.abs_diff(*timestamp) <= GROUP_GAP,
                _ => false,
            })
        };
        Some(Marks {
            group_start: !joins(self.next_visible(index, false)),
            group_end: !joins(self.next_visible(index, true)),
            seen: *own && last_read.is_some_and(|last| index <= last),
        })
    }

    /// The last message somebody else read.
    fn last_read(&self) -> Option<usize> {
        self.entries.iter().rposition(|entry| match &entry.class {
            Class::Message { read, own, .. } => *read || !*own,
            _ => false,
        })
    }

    /// A receipt further down means that our messages above it were seen as well.
    pub(super) fn refresh_seen(&mut self, rebuilt: &Range<usize>) {
        let last_read = self.last_read();
        let mut stale = Vec::new();
        for index in (0..self.entries.len()).rev() {
            if let Class::Message {
                own: true, marks, ..
            } = &self.entries[index].class
            {
                let seen = last_read.is_some_and(|last| index <= last);
                if marks.seen != seen {
                    stale.push(index);
                } else if seen && !rebuilt.contains(&index) {
                    // Marked before this batch, and so were all above it.
                    break;
                }
            }
        }
        for index in stale {
            let place = self.entries[..index]
                .iter()
                .filter(|entry| entry.starts_row)
                .count();
            let Some(mut row) = self.rows.get(place) else {
                continue;
            };
            if let (Class::Message { marks, sent, .. }, RowKind::Message(message)) =
                (&mut self.entries[index].class, &mut row.kind)
            {
                marks.seen = !marks.seen;
                set_marks(message, *marks, *sent);
                self.rows.commit(vec![VectorDiff::Set {
                    index: place,
                    value: row,
                }]);
            }
        }
    }
}

fn set_marks(message: &mut MessageRow, marks: Marks, sent: bool) {
    message.group_start = marks.group_start;
    message.group_end = marks.group_end;
    if sent {
        message.delivery = if marks.seen {
            DeliveryState::Seen
        } else {
            DeliveryState::Sent
        };
    }
}
