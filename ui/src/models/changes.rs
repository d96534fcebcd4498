//! From batches of [`VectorDiff`] to the fewest row changes that lead from the old list to the new one.
//!
//! The SDK's streams often remove a row and insert it again, or reset a list of which nearly all stays. Told to
//! Slint as they come, such batches would destroy and rebuild rows that did not change (and lose focus, selection
//! and height with them), so a whole drain is applied to a copy first and compared with the old list by key.

use std::{collections::HashMap, rc::Rc};

use eyeball_im::VectorDiff;

/// Something with a name that stays for as long as the row lives.
pub trait Keyed {
    /// The name, unique in its list.
    fn key(&self) -> &str;
}

/// One step from the old list to the new one; positions are those at the moment the step is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `n` rows from `at` on went away.
    Removed {
        /// First of them.
        at: usize,
        /// How many.
        n: usize,
    },
    /// `n` rows of the new list, from `at` on, came in.
    Added {
        /// First of them.
        at: usize,
        /// How many.
        n: usize,
    },
    /// The row at `at` stayed and has other contents.
    Changed {
        /// Which.
        at: usize,
    },
}

/// Applies one batch to `rows`. A position outside the list (a bug of the sender) is skipped and logged.
pub fn apply_diffs<T: Clone>(
    rows: &mut Vec<Rc<T>>,
    diffs: impl IntoIterator<Item = VectorDiff<T>>,
) {
    for diff in diffs {
        let len = rows.len();
        match diff {
            VectorDiff::Append { values } => rows.extend(values.into_iter().map(Rc::new)),
            VectorDiff::Clear => rows.clear(),
            VectorDiff::PushFront { value } => rows.insert(0, Rc::new(value)),
            VectorDiff::PushBack { value } => rows.push(Rc::new(value)),
            VectorDiff::PopFront if len > 0 => drop(rows.remove(0)),
            VectorDiff::PopBack => drop(rows.pop()),
            VectorDiff::Insert { index, value } if index <= len => {
                rows.insert(index, Rc::new(value))
            }
            VectorDiff::Set { index, value } if index < len => rows[index] = Rc::new(value),
            VectorDiff::Remove { index } if index < len => drop(rows.remove(index)),
            VectorDiff::Truncate { length } => rows.truncate(length),
            VectorDiff::Reset { values } => *rows = values.into_iter().map(Rc::new).collect(),
            VectorDiff::PopFront
            | VectorDiff::Insert { .. }
            | VectorDiff::Set { .. }
            | VectorDiff::Remove { .. } => {
                tracing::error!(len, "a list diff points outside its list");
            }
        }
    }
}

/// The steps from `old` to `new`: removals from the end towards the start, then insertions from the start towards
/// the end, then changes. Rows of `new` that equal their old selves are replaced by the old pointer, so that what
/// was built from them stays valid.
pub fn plan<T: Keyed + PartialEq>(old: &[Rc<T>], new: &mut [Rc<T>]) -> Vec<Change> {
    let prefix = old
        .iter()
        .zip(new.iter())
        .take_while(|(a, b)| same_row(a, b))
        .count();
    let suffix = old[prefix..]
        .iter()
        .rev()
        .zip(new[prefix..].iter().rev())
        .take_while(|(a, b)| same_row(a, b))
        .count();
    let old_middle = &old[prefix..old.len() - suffix];
    let kept = kept_pairs(old_middle, &new[prefix..new.len() - suffix]);

    let mut steps = Vec::new();
    let removed = gaps(kept.iter().map(|pair| pair.0), old_middle.len());
    steps.extend(
        removed
            .into_iter()
            .rev()
            .map(|(at, n)| Change::Removed { at: prefix + at, n }),
    );
    let added = gaps(kept.iter().map(|pair| pair.1), new.len() - suffix - prefix);
    steps.extend(
        added
            .into_iter()
            .map(|(at, n)| Change::Added { at: prefix + at, n }),
    );

    let tail = (old.len() - suffix, new.len() - suffix);
    let pairs = (0..prefix)
        .map(|at| (at, at))
        .chain(kept.iter().map(|pair| (prefix + pair.0, prefix + pair.1)))
        .chain((0..suffix).map(|at| (tail.0 + at, tail.1 + at)));
    for (was, is) in pairs {
        if Rc::ptr_eq(&old[was], &new[is]) {
            continue;
        }
        if old[was] == new[is] {
            new[is] = Rc::clone(&old[was]);
        } else {
            steps.push(Change::Changed { at: is });
        }
    }
    steps
}

fn same_row<T: Keyed>(a: &Rc<T>, b: &Rc<T>) -> bool {
    Rc::ptr_eq(a, b) || a.key() == b.key()
}

/// The longest run of rows that are in both lists in the same order, as (old, new) positions.
fn kept_pairs<T: Keyed>(old: &[Rc<T>], new: &[Rc<T>]) -> Vec<(usize, usize)> {
    if old.is_empty() || new.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(new.len());
    for (at, row) in new.iter().enumerate() {
        places.entry(row.key()).or_insert(at);
    }
    let pairs: Vec<_> = old
        .iter()
        .enumerate()
        // taken out, so that a key that stands twice in the old list is matched once
        .filter_map(|(was, row)| places.remove(row.key()).map(|is| (was, is)))
        .collect();
    longest_increasing(&pairs)
}

/// Longest subsequence of `pairs` whose second members grow (patience sorting).
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, &(_, is)) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|&top| pairs[top].1 < is);
        before.push(pile.checked_sub(1).map(|below| tops[below]));
        if pile == tops.len() {
            tops.push(at);
        } else {
            tops[pile] = at;
        }
    }
    let mut run = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied();
    while let Some(at) = next {
        run.push(pairs[at]);
        next = before[at];
    }
    run.reverse();
    run
}

/// The stretches of `0..len` not named by `kept`, as (start, length).
fn gaps(kept: impl Iterator<Item = usize>, len: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    for at in kept.chain(std::iter::once(len)) {
        if at > from {
            found.push((from, at - from));
        }
        from = at + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item {
        id: String,
        text: u8,
    }

    impl Keyed for Item {
        fn key(&self) -> &str {
            &self.id
        }
    }

    fn item(id: u8, text: u8) -> Item {
        Item {
            id: id.to_string(),
            text,
        }
    }

    fn list(ids: &[u8]) -> Vec<Rc<Item>> {
        ids.iter().map(|&id| Rc::new(item(id, 0))).collect()
    }

    /// Carries the steps out on a list, as Slint's repeater would.
    fn replay(old: &[Rc<Item>], new: &[Rc<Item>], steps: &[Change]) -> Vec<Rc<Item>> {
        let mut rows = old.to_vec();
        for step in steps {
            match *step {
                Change::Removed { at, n } => drop(rows.drain(at..at + n)),
                Change::Added { at, n } => {
                    rows.splice(at..at, new[at..at + n].iter().cloned());
                }
                Change::Changed { at } => rows[at] = new[at].clone(),
            }
        }
        rows
    }

    fn diff() -> impl Strategy<Value = VectorDiff<Item>> {
        let one = || (0u8..30, 0u8..3).prop_map(|(id, text)| item(id, text));
        let many =
            || proptest::collection::vec(one(), 0..8).prop_map(|rows| rows.into_iter().collect());
        prop_oneof![
            many().prop_map(|values| VectorDiff::Append { values }),
            Just(VectorDiff::Clear),
            one().prop_map(|value| VectorDiff::PushFront { value }),
            one().prop_map(|value| VectorDiff::PushBack { value }),
            Just(VectorDiff::PopFront),
            Just(VectorDiff::PopBack),
            (0usize..20, one()).prop_map(|(index, value)| VectorDiff::Insert { index, value }),
            (0usize..20, one()).prop_map(|(index, value)| VectorDiff::Set { index, value }),
            (0usize..20).prop_map(|index| VectorDiff::Remove { index }),
            (0usize..20).prop_map(|length| VectorDiff::Truncate { length }),
            many().prop_map(|values| VectorDiff::Reset { values }),
        ]
    }

    /// The same diffs on a plain vector, by the letter of their documentation.
    fn naive(rows: &mut Vec<Item>, diffs: &[VectorDiff<Item>]) {
        for diff in diffs.iter().cloned() {
            let len = rows.len();
            match diff {
                VectorDiff::Insert { index, .. } if index > len => {}
                VectorDiff::Set { index, .. } | VectorDiff::Remove { index } if index >= len => {}
                VectorDiff::Truncate { length } if length >= len => {}
                VectorDiff::PopFront | VectorDiff::PopBack if len == 0 => {}
                diff => {
                    let mut as_vector: eyeball_im::Vector<Item> = rows.drain(..).collect();
                    diff.apply(&mut as_vector);
                    rows.extend(as_vector);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn steps_lead_from_any_list_to_what_the_diffs_say(
            start in proptest::collection::vec((0u8..30, 0u8..3), 0..20),
            diffs in proptest::collection::vec(diff(), 0..12),
        ) {
            let mut expected: Vec<Item> = start.iter().map(|&(id, text)| item(id, text)).collect();
            let old: Vec<Rc<Item>> = expected.iter().cloned().map(Rc::new).collect();
            naive(&mut expected, &diffs);

            let mut new = old.clone();
            apply_diffs(&mut new, diffs);
            let steps = plan(&old, &mut new);
            let replayed: Vec<Item> = replay(&old, &new, &steps).iter().map(|row| (**row).clone()).collect();
            prop_assert_eq!(&replayed, &expected);
            let planned: Vec<Item> = new.iter().map(|row| (**row).clone()).collect();
            prop_assert_eq!(planned, expected);
        }
    }

    #[test]
    fn a_row_removed_and_inserted_again_is_one_change() {
        let old = list(&[1, 2, 3]);
        let mut new = old.clone();
        apply_diffs(
            &mut new,
            [
                VectorDiff::Remove { index: 1 },
                VectorDiff::Insert {
                    index: 1,
                    value: item(2, 9),
                },
            ],
        );
        assert_eq!(plan(&old, &mut new), [Change::Changed { at: 1 }]);
    }

    #[test]
    fn a_reset_to_the_same_rows_changes_nothing_and_keeps_the_pointers() {
        let old = list(&[1, 2, 3]);
        let mut new = list(&[1, 2, 3]);
        assert_eq!(plan(&old, &mut new), []);
        assert!(Rc::ptr_eq(&old[1], &new[1]));
    }

    #[test]
    fn a_room_that_moves_to_the_top_moves_alone() {
        let old = list(&[1, 2, 3, 4, 5]);
        let mut new = list(&[4, 1, 2, 3, 5]);
        assert_eq!(
            plan(&old, &mut new),
            [
                Change::Removed { at: 3, n: 1 },
                Change::Added { at: 0, n: 1 }
            ]
        );
    }

    #[test]
    fn rows_added_in_front_come_as_one_step() {
        let old = list(&[4, 5]);
        let mut new = list(&[1, 2, 3, 4, 5]);
        assert_eq!(plan(&old, &mut new), [Change::Added { at: 0, n: 3 }]);
    }
}
