//! The rows of an open room, shared between the task that makes them and the screens that show them. It holds
//! plain rows only, so that a screen may drop it on any thread.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eyeball_im::{ObservableVector, Vector, VectorDiff, VectorSubscriberBatchedStream};

use crate::view::room::Row;

/// Batches kept for a screen that is slow to take them; one that is slower gets the whole list anew.
const BATCHES: usize = 64;

/// See the module's description.
#[derive(Clone, Debug)]
pub(crate) struct Rows(Arc<Mutex<ObservableVector<Row>>>);

impl Rows {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(ObservableVector::with_capacity(
            BATCHES,
        ))))
    }

    /// The rows now, and every change from now on.
    pub(crate) fn subscribe(&self) -> (Vector<Row>, VectorSubscriberBatchedStream<Row>) {
        self.lock().subscribe().into_values_and_batched_stream()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Row> {
        self.lock().get(index).cloned()
    }

    pub(super) fn stretch(&self, range: &Range<usize>) -> Vec<Row> {
        self.lock()
            .iter()
            .skip(range.start)
            .take(range.len())
            .cloned()
            .collect()
    }

    /// All rows; cheap, they are shared and not copied.
    pub(crate) fn snapshot(&self) -> Vector<Row> {
        self.lock().clone()
    }

    /// Applies changes and tells them in one batch.
    pub(super) fn commit(&self, diffs: Vec<VectorDiff<Row>>) {
        if diffs.is_empty() {
            return;
        }
        let mut rows = self.lock();
        let mut transaction = rows.transaction();
        for diff in diffs {
            match diff {
                VectorDiff::Append { values } => transaction.append(values),
                VectorDiff::Clear => transaction.clear(),
                VectorDiff::Insert { index, value } => transaction.insert(index, value),
                VectorDiff::Set { index, value } => drop(transaction.set(index, value)),
                VectorDiff::Remove { index } => drop(transaction.remove(index)),
                VectorDiff::Reset { values } => {
                    transaction.clear();
                    transaction.append(values);
                }
                VectorDiff::PushFront { value } => transaction.push_front(value),
                VectorDiff::PushBack { value } => transaction.push_back(value),
                VectorDiff::PopFront => drop(transaction.pop_front()),
                VectorDiff::PopBack => drop(transaction.pop_back()),
                VectorDiff::Truncate { length } => transaction.truncate(length),
            }
        }
        transaction.commit();
    }

    fn lock(&self) -> MutexGuard<'_, ObservableVector<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
