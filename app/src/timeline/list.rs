//! From the SDK's items to rows, incrementally: a change touches its own row and its neighbours, for grouping
//! and for the folding of membership changes, and nothing else.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use eyeball_im::VectorDiff;

use super::{minimize::minimize, rows::Rows};
use crate::view::room::{DeliveryState, MembershipChange, MessageRow, Row, RowKind};

/// Messages of one sender stand in a group while no more than this lies between two of them, milliseconds.
const GROUP_GAP: u64 = 5 * 60 * 1000;

/// Names of rows that went which are kept.
const LASTING: usize = 20_000;

/// What an item becomes on its own.
#[derive(Clone, Debug)]
pub(crate) enum Mapped {
    /// A message; groups with its neighbours.
    Message(Box<MessageRow>),
    /// A membership change; neighbouring ones are folded into one row.
    Member(MembershipChange),
    /// A row of its own.
    Other(RowKind),
    /// Nothing to see.
    Hidden,
}

/// An item of the list underneath.
pub(crate) trait Item: Clone {
    /// What mapping needs beside the item.
    type Context;
    /// Unique and stable while the item lives.
    fn id(&self) -> String;
    /// The same thing's name after the list was emptied and filled again (its event id).
    fn lasting_id(&self) -> Option<String>;
    /// What it becomes.
    fn map(&self, context: &Self::Context) -> Mapped;
}

/// How an item takes part in its row, cheap to look at.
#[derive(Clone, Debug)]
enum Class {
    Message {
        sender: ruma::OwnedUserId,
        timestamp: u64,
        own: bool,
        sent: bool,
        read: bool,
        marks: Marks,
    },
    /// With the id of the row it is folded into.
    Member {
        change: MembershipChange,
        row: Option<String>,
    },
    Other,
    Hidden,
}

/// What a message's row takes from its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Marks {
    group_start: bool,
    group_end: bool,
    seen: bool,
}

struct Entry<I> {
    item: I,
    row_id: String,
    class: Class,
    /// The first entry of a row.
    starts_row: bool,
    /// Changed since its row was made.
    dirty: bool,
}

/// Where rows are shown from; outlives the list when the SDK empties it for a moment.
pub(crate) struct RowList<I: Item> {
    entries: Vec<Entry<I>>,
    rows: Rows,
    /// Row ids by lasting id, from before the list was emptied.
    lasting: HashMap<String, String>,
    /// The SDK emptied the list; what was shown stays until it is filled again.
    held: bool,
}

impl<I: Item> RowList<I> {
    /// A list whose rows are shown at `rows`.
    pub(crate) fn new(rows: Rows) -> Self {
        Self {
            entries: Vec::new(),
            rows,
            lasting: HashMap::new(),
            held: false,
        }
    }

    /// The rows shown.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Items underneath, whether shown or not.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn items(&self) -> impl DoubleEndedIterator<Item = &I> {
        self.entries.iter().map(|entry| &entry.item)
    }

    /// The last item of a row (all items of a folded row share its id).
    pub(crate) fn item_of_row(&self, row_id: &str) -> Option<&I> {
        let of_row = |entry: &&Entry<I>| match &entry.class {
            Class::Member { row: Some(row), .. } => row == row_id,
            Class::Hidden => false,
            _ => entry.row_id == row_id,
        };
        self.entries
            .iter()
            .rev()
            .find(of_row)
            .map(|entry| &entry.item)
    }

    /// The row that shows an item.
    pub(crate) fn row_of_item(&self, is_it: impl Fn(&I) -> bool) -> Option<String> {
        let entry = self.entries.iter().rev().find(|entry| is_it(&entry.item))?;
        match &entry.class {
            Class::Member { row, .. } => row.clone(),
            Class::Hidden => None,
            _ => Some(entry.row_id.clone()),
        }
    }

    /// Whether the rows shown are kept from before the list was emptied.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Applies a batch. Returns whether it emptied a list that had items: then the rows stay as they are until
    /// [`RowList::release`].
    pub(crate) fn apply(&mut self, diffs: Vec<VectorDiff<I>>, context: &I::Context) -> bool {
        let before = self.entries.len();
        let mut edges = Edges {
            prefix: before,
            suffix: before,
        };
        for diff in diffs {
            self.apply_one(diff, &mut edges);
        }
        if self.entries.is_empty() && before > 0 {
            self.held = true;
            return true;
        }
        if !self.held {
            let end = self.entries.len() - edges.suffix.min(self.entries.len() - edges.prefix);
            let rebuilt = self.rebuild(edges.prefix..end, context);
            self.refresh_seen(&rebuilt);
        }
        false
    }

    /// Shows what the list holds now, after it was emptied and filled again.
    pub(crate) fn release(&mut self, context: &I::Context) {
        self.held = false;
        self.rebuild(0..self.entries.len(), context);
    }

    /// Maps again the items for which `which` holds (their sender's name arrived, say).
    pub(crate) fn refresh(&mut self, which: impl Fn(&I) -> bool, context: &I::Context) {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if which(&entry.item) {
                entry.dirty = true;
                match spans.last_mut() {
                    Some(span) if span.end == index => span.end += 1,
                    _ => spans.push(index..index + 1),
                }
            }
        }
        if !self.held {
            for span in spans {
                self.rebuild(span, context);
            }
        }
    }

    fn apply_one(&mut self, diff: VectorDiff<I>, edges: &mut Edges) {
        let len = self.entries.len();
        match diff {
            VectorDiff::Append { values } => {
                edges.touch(len, len);
                for item in values {
                    let entry = self.entry(item);
                    self.entries.push(entry);
                }
            }
            VectorDiff::PushBack { value } => self.insert(len, value, edges),
            VectorDiff::PushFront { value } => self.insert(0, value, edges),
            VectorDiff::Insert { index, value } => self.insert(index.min(len), value, edges),
            VectorDiff::Set { index, value } if index < len => {
                edges.touch(index, len);
                edges.suffix = edges.suffix.min(len - index - 1);
                let row_id = value.id();
                let entry = &mut self.entries[index];
                if entry.item.id() != row_id {
                    entry.row_id = row_id;
                }
                entry.item = value;
                entry.dirty = true;
            }
            VectorDiff::Set { .. } => {}
            VectorDiff::Remove { index } => self.remove(index, edges),
            VectorDiff::PopFront => self.remove(0, edges),
            VectorDiff::PopBack => self.remove(len.wrapping_sub(1), edges),
            VectorDiff::Truncate { length } => {
                self.remember(length);
                self.entries.truncate(length);
                edges.touch(length, len);
                edges.suffix = 0;
            }
            VectorDiff::Clear => self.clear(edges),
            VectorDiff::Reset { values } => {
                self.clear(edges);
                for item in values {
                    let entry = self.entry(item);
                    self.entries.push(entry);
                }
            }
        }
    }

    fn clear(&mut self, edges: &mut Edges) {
        self.remember(0);
        self.entries.clear();
        *edges = Edges {
            prefix: 0,
            suffix: 0,
        };
    }

    /// Keeps the row ids of items that go, in case they come back.
    fn remember(&mut self, from: usize) {
        if self.lasting.len() > LASTING {
            self.lasting.clear();
        }
        for entry in self.entries.iter().skip(from) {
            if let Some(lasting) = entry.item.lasting_id() {
                self.lasting.insert(lasting, entry.row_id.clone());
            }
        }
    }

    fn insert(&mut self, index: usize, item: I, edges: &mut Edges) {
        edges.touch(index, self.entries.len());
        let entry = self.entry(item);
        self.entries.insert(index, entry);
    }

    fn remove(&mut self, index: usize, edges: &mut Edges) {
        let len = self.entries.len();
        if index < len {
            edges.touch(index, len);
            edges.suffix = edges.suffix.min(len - index - 1);
            self.entries.remove(index);
        }
    }

    fn entry(&mut self, item: I) -> Entry<I> {
        let lasting = item
            .lasting_id()
            .and_then(|lasting| self.lasting.remove(&lasting));
        let row_id = lasting.unwrap_or_else(|| item.id());
        Entry {
            item,
            row_id,
            class: Class::Hidden,
            starts_row: false,
            dirty: true,
        }
    }

    /// Makes the rows of a changed stretch and of what depends on it, and tells the difference. Returns the stretch
    /// that was made anew.
    fn rebuild(&mut self, changed: Range<usize>, context: &I::Context) -> Range<usize> {
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
                    super::membership::fold_in(&mut changes, change.clone());
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
    fn refresh_seen(&mut self, rebuilt: &Range<usize>) {
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

/// Entries at both ends that a batch did not touch.
struct Edges {
    prefix: usize,
    suffix: usize,
}

impl Edges {
    fn touch(&mut self, index: usize, len: usize) {
        self.prefix = self.prefix.min(index);
        self.suffix = self.suffix.min(len - index.min(len));
    }
}

impl Item for Arc<matrix_sdk_ui::timeline::TimelineItem> {
    type Context = super::MapContext;

    fn id(&self) -> String {
        self.unique_id().0.clone()
    }

    fn lasting_id(&self) -> Option<String> {
        super::row::lasting_id(self)
    }

    fn map(&self, context: &Self::Context) -> Mapped {
        super::row::map(self, context)
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
