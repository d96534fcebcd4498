//! A Slint model over a list of plain rows: the Slint struct of a row is built when the row is first looked at.

use std::{cell::RefCell, collections::VecDeque, pin::Pin, rc::Rc};

use eyeball_im::VectorDiff;
use futures_util::{FutureExt, Stream, StreamExt};
use slint::{Model, ModelNotify, ModelTracker};

use super::{Change, Keyed, apply_diffs, plan};

/// How many built rows are kept: some screens full, so that small scrolls back and forth build nothing.
const BUILT_ROWS: usize = 64;

/// A list of `T` shown as rows of `S`.
pub struct RowModel<T, S> {
    rows: RefCell<Vec<Rc<T>>>,
    built: RefCell<VecDeque<(Rc<T>, S)>>,
    build: Box<dyn Fn(&T) -> S>,
    notify: ModelNotify,
}

impl<T, S> RowModel<T, S>
where
    T: Keyed + Clone + PartialEq + 'static,
    S: Clone + 'static,
{
    /// An empty list; `build` makes the Slint struct of a row, each time the row is looked at anew.
    pub fn new(build: impl Fn(&T) -> S + 'static) -> Rc<Self> {
        Rc::new(Self {
            rows: RefCell::default(),
            built: RefCell::default(),
            build: Box::new(build),
            notify: ModelNotify::default(),
        })
    }

    /// Applies all diffs at once and tells Slint the fewest changes.
    pub fn apply(&self, diffs: impl IntoIterator<Item = VectorDiff<T>>) -> Vec<Change> {
        let mut new = self.rows.borrow().clone();
        apply_diffs(&mut new, diffs);
        self.replace_shared(new)
    }

    /// Shows `rows` instead; rows that stay are told as staying.
    pub fn replace(&self, rows: impl IntoIterator<Item = T>) -> Vec<Change> {
        self.replace_shared(rows.into_iter().map(Rc::new).collect())
    }

    fn replace_shared(&self, mut new: Vec<Rc<T>>) -> Vec<Change> {
        let steps = plan(&self.rows.borrow(), &mut new);
        for step in &steps {
            match *step {
                Change::Removed { at, n } => {
                    self.rows.borrow_mut().drain(at..at + n);
                    self.notify.row_removed(at, n);
                }
                Change::Added { at, n } => {
                    self.rows
                        .borrow_mut()
                        .splice(at..at, new[at..at + n].iter().cloned());
                    self.notify.row_added(at, n);
                }
                Change::Changed { at } => {
                    let old = std::mem::replace(&mut self.rows.borrow_mut()[at], new[at].clone());
                    self.built
                        .borrow_mut()
                        .retain(|(row, _)| !Rc::ptr_eq(row, &old));
                    self.notify.row_changed(at);
                }
            }
        }
        steps
    }

    /// Builds anew those of the rows looked at lately for which `needs` says so (a picture arrived).
    pub fn refresh(&self, needs: impl Fn(&T) -> bool) {
        let stale: Vec<Rc<T>> = {
            let mut built = self.built.borrow_mut();
            let stale = built
                .iter()
                .filter(|(row, _)| needs(row))
                .map(|(row, _)| row.clone())
                .collect();
            built.retain(|(row, _)| !needs(row));
            stale
        };
        for row in stale {
            let at = self
                .rows
                .borrow()
                .iter()
                .position(|other| Rc::ptr_eq(other, &row));
            if let Some(at) = at {
                self.notify.row_changed(at);
            }
        }
    }

    /// The row at `at`.
    pub fn row(&self, at: usize) -> Option<Rc<T>> {
        self.rows.borrow().get(at).cloned()
    }

    /// The row of this name.
    pub fn find(&self, key: &str) -> Option<Rc<T>> {
        self.rows
            .borrow()
            .iter()
            .find(|row| row.key() == key)
            .cloned()
    }

    /// Where the row of this name stands.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.rows.borrow().iter().position(|row| row.key() == key)
    }
}

impl<T: 'static, S: Clone + 'static> Model for RowModel<T, S> {
    type Data = S;

    fn row_count(&self) -> usize {
        self.rows.borrow().len()
    }

    fn row_data(&self, at: usize) -> Option<S> {
        let row = self.rows.borrow().get(at)?.clone();
        let known = self
            .built
            .borrow()
            .iter()
            .find(|(other, _)| Rc::ptr_eq(other, &row))
            .map(|(_, s)| s.clone());
        if known.is_some() {
            return known;
        }
        let fresh = (self.build)(&row);
        let mut built = self.built.borrow_mut();
        if built.len() >= BUILT_ROWS {
            built.pop_front();
        }
        built.push_back((row, fresh.clone()));
        Some(fresh)
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The rows of a list now, and how they change.
pub struct Listing<T> {
    /// The rows now.
    pub rows: Vec<T>,
    /// Batches of changes from there on.
    pub diffs: Pin<Box<dyn Stream<Item = Vec<VectorDiff<T>>>>>,
}

/// Keeps `model` in step with `stream` until it ends: everything that waits is applied at once, then
/// `applied` hears what changed.
pub async fn follow<T, S>(
    model: Rc<RowModel<T, S>>,
    stream: impl Stream<Item = Vec<VectorDiff<T>>>,
    mut applied: impl FnMut(&[Change]),
) where
    T: Keyed + Clone + PartialEq + 'static,
    S: Clone + 'static,
{
    let mut stream = std::pin::pin!(stream);
    while let Some(mut diffs) = stream.next().await {
        while let Some(Some(more)) = stream.next().now_or_never() {
            diffs.extend(more);
        }
        let steps = model.apply(diffs);
        applied(&steps);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(String, u8);

    impl Keyed for Item {
        fn key(&self) -> &str {
            &self.0
        }
    }

    fn item(n: usize) -> Item {
        Item(n.to_string(), 0)
    }

    #[test]
    fn rows_are_built_when_looked_at_and_only_then() {
        let n_built = Rc::new(Cell::new(0));
        let count = n_built.clone();
        let model = RowModel::new(move |row: &Item| {
            count.set(count.get() + 1);
            row.1
        });
        model.replace((0..5000).map(item));
        assert_eq!((model.row_count(), n_built.get()), (5000, 0));
        model.row_data(17);
        model.row_data(17);
        assert_eq!(n_built.get(), 1);
        model.apply([VectorDiff::Set {
            index: 17,
            value: Item("17".into(), 3),
        }]);
        assert_eq!(model.row_data(17), Some(3));
        assert_eq!(n_built.get(), 2);
        model.refresh(|row| row.0 == "17");
        model.row_data(17);
        assert_eq!(n_built.get(), 3);
    }

    #[test]
    fn no_more_built_rows_are_kept_than_some_screens_full() {
        let model = RowModel::new(|row: &Item| row.1);
        model.replace((0..1000).map(item));
        assert!((0..1000).all(|at| model.row_data(at).is_some()));
        assert_eq!(model.built.borrow().len(), BUILT_ROWS);
    }

    #[test]
    fn batches_that_wait_are_applied_at_once() {
        let model = RowModel::new(|row: &Item| row.1);
        let batches = futures_util::stream::iter(
            (0..10)
                .map(|n| vec![VectorDiff::PushBack { value: item(n) }])
                .collect::<Vec<_>>(),
        );
        let mut told = Vec::new();
        follow(model.clone(), batches, |steps| told.push(steps.to_vec()))
            .now_or_never()
            .unwrap();
        assert_eq!(told, [vec![Change::Added { at: 0, n: 10 }]]);
        assert_eq!(model.position("7"), Some(7));
        assert_eq!(model.find("8").map(|row| row.1), Some(0));
        assert!(model.row(10).is_none());
    }
}
