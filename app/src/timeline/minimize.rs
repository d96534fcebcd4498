//! The smallest changes between two stretches of a list whose rows have stable ids: a row that only moved or
//! changed is moved or set, never rebuilt, so that the interface keeps its place and its focus.

use std::collections::HashMap;

use eyeball_im::{Vector, VectorDiff};

use crate::view::{room::Row, room_details::MemberRow};

/// A row with a name that stays.
pub(crate) trait Keyed: Clone + PartialEq {
    /// Unique in its list.
    fn key(&self) -> &str;
}

impl Keyed for Row {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Keyed for MemberRow {
    fn key(&self) -> &str {
        self.user_id.as_str()
    }
}

/// Changes that turn `old` into `new`, where both begin at index `offset` of a list of `len` rows (before).
pub(crate) fn minimize<R: Keyed>(
    old: &[R],
    new: &[R],
    offset: usize,
    len: usize,
) -> Vec<VectorDiff<R>> {
    let mut diffs = Vec::new();
    if len == old.len() && no_common(old, new) {
        return replace_all(old, new);
    }
    let prefix = old
        .iter()
        .zip(new)
        .take_while(|(a, b)| a.key() == b.key())
        .count();
    let suffix = old[prefix..]
        .iter()
        .rev()
        .zip(new[prefix..].iter().rev())
        .take_while(|(a, b)| a.key() == b.key())
        .count();
    let set = |diffs: &mut Vec<VectorDiff<R>>, index: usize, before: &R, after: &R| {
        if before != after {
            diffs.push(VectorDiff::Set {
                index,
                value: after.clone(),
            });
        }
    };
    for index in 0..prefix {
        set(&mut diffs, offset + index, &old[index], &new[index]);
    }
    let middle_old = &old[prefix..old.len() - suffix];
    let middle_new = &new[prefix..new.len() - suffix];
    let mut len = len;
    rearrange(
        middle_old,
        middle_new,
        offset + prefix,
        &mut len,
        &mut diffs,
    );
    for index in 0..suffix {
        let (at_old, at_new) = (old.len() - suffix + index, new.len() - suffix + index);
        set(&mut diffs, offset + at_new, &old[at_old], &new[at_new]);
    }
    diffs
}

fn no_common<R: Keyed>(old: &[R], new: &[R]) -> bool {
    if old.is_empty() || new.is_empty() {
        return true;
    }
    let ids: std::collections::HashSet<&str> = old.iter().map(|row| row.key()).collect();
    !new.iter().any(|row| ids.contains(row.key()))
}

fn replace_all<R: Keyed>(old: &[R], new: &[R]) -> Vec<VectorDiff<R>> {
    let values = || new.iter().cloned().collect::<Vector<R>>();
    match (old.is_empty(), new.is_empty()) {
        (true, true) => Vec::new(),
        (true, false) => vec![VectorDiff::Append { values: values() }],
        (false, true) => vec![VectorDiff::Clear],
        (false, false) => vec![VectorDiff::Reset { values: values() }],
    }
}

/// Rows in between: those that keep their order stay; others are taken out and put in.
fn rearrange<R: Keyed>(
    old: &[R],
    new: &[R],
    offset: usize,
    len: &mut usize,
    diffs: &mut Vec<VectorDiff<R>>,
) {
    let kept = kept_in_order(old, new);
    for index in (0..old.len())
        .rev()
        .filter(|index| !kept.contains_key(index))
    {
        diffs.push(VectorDiff::Remove {
            index: offset + index,
        });
        *len -= 1;
    }
    let mut kept: Vec<(usize, usize)> = kept.into_iter().collect();
    kept.sort_unstable();
    let mut kept = kept.into_iter().peekable();
    let mut index = 0;
    while index < new.len() {
        if let Some((at_old, _)) = kept.next_if(|(_, at_new)| *at_new == index) {
            if old[at_old] != new[index] {
                diffs.push(VectorDiff::Set {
                    index: offset + index,
                    value: new[index].clone(),
                });
            }
            index += 1;
        } else if offset + index == *len {
            // Everything from here is at the end.
            let values: Vector<R> = new[index..].iter().cloned().collect();
            *len += values.len();
            diffs.push(VectorDiff::Append { values });
            break;
        } else {
            diffs.push(VectorDiff::Insert {
                index: offset + index,
                value: new[index].clone(),
            });
            *len += 1;
            index += 1;
        }
    }
}

/// Old index → new index of the longest run of rows that stand in the same order in both.
fn kept_in_order<R: Keyed>(old: &[R], new: &[R]) -> HashMap<usize, usize> {
    let places: HashMap<&str, usize> = new
        .iter()
        .enumerate()
        .map(|(at, row)| (row.key(), at))
        .collect();
    let common: Vec<(usize, usize)> = old
        .iter()
        .enumerate()
        .filter_map(|(at, row)| places.get(row.key()).map(|place| (at, *place)))
        .collect();
    longest_increasing(&common)
}

/// Patience sorting over the new places.
fn longest_increasing(common: &[(usize, usize)]) -> HashMap<usize, usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; common.len()];
    for (at, (_, place)) in common.iter().enumerate() {
        let pile = tails.partition_point(|tail| common[*tail].1 < *place);
        before[at] = pile.checked_sub(1).map(|below| tails[below]);
        if pile == tails.len() {
            tails.push(at);
        } else {
            tails[pile] = at;
        }
    }
    let mut kept = HashMap::with_capacity(tails.len());
    let mut next = tails.last().copied();
    while let Some(at) = next {
        kept.insert(common[at].0, common[at].1);
        next = before[at];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::room::RowKind;

    fn row(name: &str) -> Row {
        // "b2" is row b with other content.
        let (id, content) = name.split_at(1);
        Row {
            id: id.to_owned(),
            kind: RowKind::Unknown {
                event_type: content.to_owned(),
            },
        }
    }

    fn rows(names: &str) -> Vec<Row> {
        names.split_whitespace().map(row).collect()
    }

    fn kinds(diffs: &[VectorDiff<Row>]) -> String {
        let name = |diff: &VectorDiff<Row>| match diff {
            VectorDiff::Append { values } => format!("append {}", values.len()),
            VectorDiff::Clear => "clear".into(),
            VectorDiff::Insert { index, .. } => format!("insert {index}"),
            VectorDiff::Set { index, .. } => format!("set {index}"),
            VectorDiff::Remove { index } => format!("remove {index}"),
            VectorDiff::Reset { values } => format!("reset {}", values.len()),
            other => panic!("never made: {other:?}"),
        };
        diffs.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn check(old: &str, new: &str, expected: &str) {
        let (old, new) = (rows(old), rows(new));
        let diffs = minimize(&old, &new, 0, old.len());
        assert_eq!(kinds(&diffs), expected);
        let mut list: Vector<Row> = old.into_iter().collect();
        diffs.into_iter().for_each(|diff| diff.apply(&mut list));
        assert!(list.iter().eq(new.iter()));
    }

    #[test]
    fn changes_are_minimal() {
        check("", "a b", "append 2");
        check("a b", "", "clear");
        check("a b", "c d", "reset 2");
        check("a b", "a b", "");
        check("a b c", "a b2 c", "set 1");
        check("a b c", "b c", "remove 0");
        check("a b", "x y a b", "insert 0, insert 1");
        check("a b", "a b c d", "append 2");
        check("a b c", "a x c", "remove 1, insert 1");
        // A row taken out and put in elsewhere is moved, and its neighbours stay.
        check("a b c d", "b c d a", "remove 0, append 1");
        check("a b c d", "d a b c", "remove 3, insert 0");
        check("a b c d", "a c2 b d", "remove 1, set 1, insert 2");
    }

    #[test]
    fn a_stretch_in_the_middle_of_a_list() {
        let whole = rows("p q a b c r s");
        let new = rows("a x c2");
        let diffs = minimize(&whole[2..5], &new, 2, whole.len());
        let mut list: Vector<Row> = whole.into_iter().collect();
        diffs.into_iter().for_each(|diff| diff.apply(&mut list));
        assert!(list.iter().eq(rows("p q a x c2 r s").iter()));
    }

    #[test]
    fn any_two_lists_are_turned_into_one_another() {
        let mut seed = 7_u64;
        let mut next = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        for _ in 0..2000 {
            let mut list = || {
                let mut ids: Vec<char> = ('a'..='l').collect();
                let n = next(12);
                (0..n)
                    .map(|_| {
                        let id = ids.remove((next(ids.len() as u64)) as usize);
                        row(&format!("{id}{}", next(2)))
                    })
                    .collect::<Vec<_>>()
            };
            let (old, new) = (list(), list());
            let diffs = minimize(&old, &new, 0, old.len());
            let mut shown: Vector<Row> = old.iter().cloned().collect();
            diffs.into_iter().for_each(|diff| diff.apply(&mut shown));
            assert!(shown.iter().eq(new.iter()), "{old:?} to {new:?}");
        }
    }
}
