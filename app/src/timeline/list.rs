//! From the SDK's items to rows, incrementally: a change touches its own row and its neighbours, for grouping
//! and for the folding of membership changes, and nothing else.

mod rebuild;

use std::{collections::HashMap, ops::Range, sync::Arc};

use eyeball_im::VectorDiff;

use super::rows::Rows;
use crate::view::room::{MembershipChange, MessageRow, RowKind, UndecryptableReason};

/// Messages of one sender stand in a group while no more than this lies between two of them, milliseconds.
const GROUP_GAP: u64 = 5 * 60 * 1000;

/// Names of rows that went which are kept.
const LASTING: usize = 20_000;

/// What an item becomes on its own.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time, never stored")]
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
        /// Cannot be read, and its row in case it is folded with its neighbours.
        locked: Option<(UndecryptableReason, Arc<MessageRow>)>,
    },
    Member(MembershipChange),
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

/// What neighbours are folded into one row as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    /// Membership changes.
    Members,
    /// Messages that cannot be read.
    Locked(UndecryptableReason),
}

impl Class {
    fn fold(&self) -> Option<Fold> {
        match self {
            Self::Member(_) => Some(Fold::Members),
            Self::Message { locked, .. } => locked.as_ref().map(|(reason, _)| Fold::Locked(*reason)),
            Self::Other | Self::Hidden => None,
        }
    }
}

struct Entry<I> {
    item: I,
    row_id: String,
    class: Class,
    /// The row it is folded into with its neighbours.
    fold_row: Option<String>,
    /// The first entry of a row.
    starts_row: bool,
    /// Changed since its row was made.
    dirty: bool,
}

impl<I> Entry<I> {
    /// The row that shows the item.
    fn shown_in(&self) -> Option<&str> {
        match (&self.class, &self.fold_row) {
            (Class::Hidden, _) => None,
            (_, Some(row)) => Some(row),
            (Class::Member(_), None) => None,
            (_, None) => Some(&self.row_id),
        }
    }
}

/// What a batch of changes did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Items came, went or changed.
    Changed,
    /// The list was begun anew, with other items.
    BegunAnew,
    /// The list had items and has none.
    Emptied,
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
        let of_row = |entry: &&Entry<I>| entry.shown_in() == Some(row_id);
        self.entries
            .iter()
            .rev()
            .find(of_row)
            .map(|entry| &entry.item)
    }

    /// The row that shows an item.
    pub(crate) fn row_of_item(&self, is_it: impl Fn(&I) -> bool) -> Option<String> {
        let entry = self.entries.iter().rev().find(|entry| is_it(&entry.item))?;
        entry.shown_in().map(ToOwned::to_owned)
    }

    /// Whether the rows shown are kept from before the list was emptied.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Applies a batch. If it empties a list that had items, the rows stay as they are until [`RowList::release`].
    pub(crate) fn apply(&mut self, diffs: Vec<VectorDiff<I>>, context: &I::Context) -> Applied {
        let begun_anew = diffs
            .iter()
            .any(|diff| matches!(diff, VectorDiff::Clear | VectorDiff::Reset { .. }));
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
            return Applied::Emptied;
        }
        if !self.held {
            let end = self.entries.len() - edges.suffix.min(self.entries.len() - edges.prefix);
            let rebuilt = self.rebuild(edges.prefix..end, context);
            self.refresh_seen(&rebuilt);
        }
        match begun_anew {
            true => Applied::BegunAnew,
            false => Applied::Changed,
        }
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
            let mut spans = spans.into_iter().peekable();
            while let Some(mut span) = spans.next() {
                // Those that share a folded row are made anew together.
                let whole = self.widen(span.clone());
                while let Some(next) = spans.next_if(|next| next.start < whole.end) {
                    span.end = next.end;
                }
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
            fold_row: None,
            starts_row: false,
            dirty: true,
        }
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
