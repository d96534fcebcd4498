//! Making the rows of a stretch: grouping, folding, and what was seen.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use eyeball_im::VectorDiff;

use super::{Class, Entry, Fold, GROUP_GAP, Item, Mapped, Marks, RowList};
use crate::{
    timeline::{membership::fold_in, minimize::minimize},
    view::room::{DeliveryState, LOCKED_RUN, MessageRow, Row, RowKind, UndecryptableReason},
};

impl<I: Item> RowList<I> {
    /// Makes the rows of a changed stretch and of what depends on it, and tells the difference. Returns the stretch
    /// that was made anew.
    pub(super) fn rebuild(&mut self, changed: Range<usize>, context: &I::Context) -> Range<usize> {
        let mut fresh = self.map_dirty(&changed, context);
        let span = self.widen(changed);
        let old = self.old_rows(&span);
        let before = self.rows.stretch(&old);
        let new = self.make_rows(&span, &before, &mut fresh, context);
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
            let was = entry.class.fold();
            entry.class = match entry.item.map(context) {
                Mapped::Message(message) => {
                    let class = Class::Message {
                        sender: message.sender.clone(),
                        timestamp: message.timestamp,
                        own: message.own,
                        sent: message.delivery == DeliveryState::Sent,
                        read: !message.read_by.is_empty(),
                        marks: Marks::default(),
                        locked: message
                            .undecryptable
                            .map(|reason| (reason, Arc::new((*message).clone()))),
                    };
                    fresh.insert(index, RowKind::Message(*message));
                    class
                }
                Mapped::Member(change) => Class::Member(change),
                Mapped::Other(kind) => {
                    fresh.insert(index, kind);
                    Class::Other
                }
                Mapped::Hidden => Class::Hidden,
            };
            // What a folded row was called stays with what is folded into it.
            if entry.class.fold() != was {
                entry.fold_row = None;
            }
        }
        fresh
    }

    /// The stretch and the rows next to it, whole.
    pub(super) fn widen(&self, changed: Range<usize>) -> Range<usize> {
        let visible = |entry: &Entry<I>| !matches!(entry.class, Class::Hidden);
        let mut start = changed.start.min(self.entries.len());
        let mut end = changed.end.min(self.entries.len());
        // To the neighbour that is seen, and through a fold to its end.
        while start > 0 {
            start -= 1;
            let entry = &self.entries[start];
            if visible(entry) && !self.folds_on(start, false) {
                break;
            }
        }
        while end < self.entries.len() {
            end += 1;
            let entry = &self.entries[end - 1];
            if visible(entry) && !self.folds_on(end - 1, true) {
                break;
            }
        }
        start..end
    }

    /// Whether an entry and the next one that is seen, up or down, may stand in one row.
    fn folds_on(&self, index: usize, down: bool) -> bool {
        let fold = self.entries[index].class.fold();
        let next = self.next_visible(index, down);
        fold.is_some() && next.is_some_and(|next| self.entries[next].class.fold() == fold)
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
        context: &I::Context,
    ) -> Vec<Row> {
        let known: HashMap<&str, &Row> = before.iter().map(|row| (row.id.as_str(), row)).collect();
        let last_read = self.last_read();
        let mut rows: Vec<Row> = Vec::new();
        let mut used: HashSet<String> = HashSet::new();
        let mut index = span.start;
        while index < span.end {
            let run = self.run(index, span.end);
            let next = run.last().map_or(index, |last| *last) + 1;
            for entry in &mut self.entries[index..next] {
                entry.starts_row = false;
            }
            match self.entries[index].class.fold() {
                Some(fold) if run.len() >= fold.fewest() => {
                    let id = self.name_fold(fold, &run, &mut used);
                    let kind = self.folded(fold, &run);
                    rows.push(Row { id, kind });
                }
                _ => {
                    rows.extend(run.into_iter().filter_map(|index| {
                        self.single_row(index, last_read, &known, fresh, context)
                    }))
                }
            }
            index = next;
        }
        rows
    }

    /// The entry and those after it, up to `end`, that may stand in one row with it; none if it is not seen.
    fn run(&self, first: usize, end: usize) -> Vec<usize> {
        let visible = |index: &usize| !matches!(self.entries[*index].class, Class::Hidden);
        let Some(fold) = self.entries[first].class.fold() else {
            return Vec::from_iter(Some(first).filter(visible));
        };
        (first..end)
            .filter(visible)
            .take_while(|index| self.entries[*index].class.fold() == Some(fold))
            .collect()
    }

    fn single_row(
        &mut self,
        index: usize,
        last_read: Option<usize>,
        known: &HashMap<&str, &Row>,
        fresh: &mut HashMap<usize, RowKind>,
        context: &I::Context,
    ) -> Option<Row> {
        let marks = self.marks(index, last_read);
        let entry = &mut self.entries[index];
        entry.starts_row = true;
        entry.fold_row = None;
        let id = entry.row_id.clone();
        let mut kind = match (fresh.remove(&index), known.get(id.as_str())) {
            (Some(kind), _) => kind,
            (None, Some(row)) => row.kind.clone(),
            // It was folded with others before.
            (None, None) => match entry.item.map(context) {
                Mapped::Message(message) => RowKind::Message(*message),
                Mapped::Other(kind) => kind,
                Mapped::Member(_) | Mapped::Hidden => return None,
            },
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

    /// What a folded row shows.
    fn folded(&self, fold: Fold, run: &[usize]) -> RowKind {
        let entries = run.iter().map(|index| &self.entries[*index]);
        match fold {
            Fold::Members => {
                let mut changes = Vec::new();
                for entry in entries {
                    if let Class::Member(change) = &entry.class {
                        fold_in(&mut changes, change.clone());
                    }
                }
                RowKind::Members(changes)
            }
            Fold::Locked(reason) => RowKind::Locked {
                reason,
                messages: Arc::new(
                    entries
                        .filter_map(|entry| match &entry.class {
                            Class::Message { locked, .. } => locked.as_ref(),
                            _ => None,
                        })
                        .map(|(_, message)| message.clone())
                        .collect(),
                ),
            },
        }
    }

    /// Names a folded row: it keeps the name it had, whichever end it grew at.
    fn name_fold(&mut self, fold: Fold, run: &[usize], used: &mut HashSet<String>) -> String {
        let letter = match fold {
            Fold::Members => 'm',
            Fold::Locked(_) => 'u',
        };
        let known = run.iter().find_map(|index| {
            self.entries[*index]
                .fold_row
                .clone()
                .filter(|row| !used.contains(row))
        });
        let id = known.unwrap_or_else(|| self.new_fold_name(letter, run, used));
        used.insert(id.clone());
        for index in run {
            self.entries[*index].fold_row = Some(id.clone());
        }
        if let Some(first) = run.first() {
            self.entries[*first].starts_row = true;
        }
        id
    }

    /// A name that no other folded row has: one may be called after an item that left it.
    fn new_fold_name(&self, letter: char, run: &[usize], used: &HashSet<String>) -> String {
        let taken: HashSet<&str> = self
            .entries
            .iter()
            .filter_map(|entry| entry.fold_row.as_deref())
            .collect();
        let is_free = |id: &String| !used.contains(id) && !taken.contains(id.as_str());
        let first = run.first().map_or("", |index| &self.entries[*index].row_id);
        run.iter()
            .map(|index| format!("{letter}{}", self.entries[*index].row_id))
            .chain((1..).map(|n: u64| format!("{letter}{first}+{n}")))
            .find(is_free)
            .unwrap_or_default()
    }

    fn marks(&self, index: usize, last_read: Option<usize>) -> Option<Marks> {
        let Class::Message {
            sender,
            timestamp,
            own,
            locked,
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
                    locked: other,
                    ..
                } => {
                    // Those that cannot be read may be folded away.
                    let reason = |locked: &Option<(UndecryptableReason, _)>| {
                        locked.as_ref().map(|(reason, _)| *reason)
                    };
                    theirs == sender
                        && reason(locked) == reason(other)
                        && then.abs_diff(*timestamp) <= GROUP_GAP
                }
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
            let entry = &self.entries[index];
            if let Class::Message {
                own: true, marks, ..
            } = &entry.class
                && entry.fold_row.is_none()
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

impl Fold {
    /// Fewer than this stand in rows of their own.
    fn fewest(self) -> usize {
        match self {
            Self::Members => 1,
            Self::Locked(_) => LOCKED_RUN,
        }
    }
}
