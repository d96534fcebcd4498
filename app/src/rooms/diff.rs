//! The smallest sensible change from one list of rows to the next, as diffs a list on screen can apply.

use eyeball_im::{ObservableVector, Vector};

use crate::{ids::RoomId, view::room_list::RoomRow};

/// Beyond this many changes the whole list is replaced at once.
const REPLACE_ABOVE: usize = 60;

/// One change.
#[derive(Debug, PartialEq)]
enum Change {
    Remove(usize),
    Insert(usize, RoomRow),
    Set(usize, RoomRow),
}

/// Brings the list on screen to `wanted`, in one batch.
pub fn apply(shown: &mut ObservableVector<RoomRow>, wanted: Vec<RoomRow>) {
    let changes = changes(shown, &wanted);
    if changes.is_empty() {
        return;
    }
    let mut batch = shown.transaction();
    if changes.len() > REPLACE_ABOVE || batch.is_empty() {
        batch.clear();
        batch.append(Vector::from(wanted));
    } else {
        for change in changes {
            match change {
                Change::Remove(index) => drop(batch.remove(index)),
                Change::Insert(index, row) => batch.insert(index, row),
                Change::Set(index, row) => drop(batch.set(index, row)),
            }
        }
    }
    batch.commit();
}

fn changes(shown: &Vector<RoomRow>, wanted: &[RoomRow]) -> Vec<Change> {
    let mut changes = Vec::new();
    let stays: std::collections::HashSet<&RoomId> =
        wanted.iter().map(|row| row.room_id.as_ref()).collect();
    let mut now: Vec<&RoomRow> = shown.iter().collect();
    for index in (0..now.len()).rev() {
        if !stays.contains(now[index].room_id.as_ref() as &RoomId) {
            now.remove(index);
            changes.push(Change::Remove(index));
        }
    }
    for (index, row) in wanted.iter().enumerate() {
        // A row that sank: the next one is already the wanted one.
        if is_at(&now, index + 1, row) && !is_at(&now, index, row) {
            now.remove(index);
            changes.push(Change::Remove(index));
        }
        if is_at(&now, index, row) {
            if now[index] != row {
                now[index] = row;
                changes.push(Change::Set(index, row.clone()));
            }
            continue;
        }
        if let Some(from) = now
            .iter()
            .skip(index)
            .position(|other| other.room_id == row.room_id)
        {
            now.remove(index + from);
            changes.push(Change::Remove(index + from));
        }
        now.insert(index, row);
        changes.push(Change::Insert(index, row.clone()));
    }
    for index in (wanted.len()..now.len()).rev() {
        changes.push(Change::Remove(index));
    }
    changes
}

fn is_at(rows: &[&RoomRow], index: usize, row: &RoomRow) -> bool {
    rows.get(index)
        .is_some_and(|other| other.room_id == row.room_id)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};

    use super::*;
    use crate::{
        ids::RoomId,
        view::{
            Avatar,
            room_list::{Preview, RowMembership},
        },
    };

    fn row(id: u32, unread: u64) -> RoomRow {
        RoomRow {
            room_id: RoomId::parse(format!("!{id}:x")).unwrap(),
            name: id.to_string(),
            avatar: Avatar::default(),
            membership: RowMembership::Joined,
            is_direct: false,
            is_encrypted: false,
            is_favourite: false,
            preview: Preview::None,
            timestamp: None,
            unread,
            mentions: 0,
            marked_unread: false,
            muted: false,
            draft: None,
        }
    }

    fn rows(ids: &[u32]) -> Vec<RoomRow> {
        ids.iter().map(|id| row(*id, 0)).collect()
    }

    #[test]
    fn a_room_that_rises_is_one_move() {
        let shown = Vector::from(rows(&[1, 2, 3, 4]));
        let changes = changes(&shown, &rows(&[4, 1, 2, 3]));
        assert_eq!(changes, [Change::Remove(3), Change::Insert(0, row(4, 0))]);
    }

    #[test]
    fn a_room_that_sinks_is_one_move() {
        let shown = Vector::from(rows(&[1, 2, 3, 4]));
        let changes = changes(&shown, &rows(&[2, 3, 1, 4]));
        assert_eq!(changes, [Change::Remove(0), Change::Insert(2, row(1, 0))]);
    }

    #[test]
    fn a_changed_row_is_one_set_and_the_same_list_is_nothing() {
        let shown = Vector::from(rows(&[1, 2]));
        let mut wanted = rows(&[1, 2]);
        assert_eq!(changes(&shown, &wanted), []);
        wanted[1].unread = 3;
        assert_eq!(changes(&shown, &wanted), [Change::Set(1, row(2, 3))]);
    }

    #[test]
    fn whoever_applies_the_batches_ends_with_the_same_list() {
        let mut random = rand::rngs::StdRng::seed_from_u64(7);
        let mut shown = ObservableVector::new();
        let (mut seen, mut batches) = shown.subscribe().into_values_and_batched_stream();
        for _ in 0..300 {
            let mut ids: Vec<u32> = (0..random.random_range(0..40)).collect();
            ids.shuffle(&mut random);
            let wanted: Vec<_> = ids
                .iter()
                .map(|id| row(*id, random.random_range(0..3)))
                .collect();
            apply(&mut shown, wanted.clone());
            while let Some(Some(batch)) = batches.next().now_or_never() {
                for diff in batch {
                    diff.apply(&mut seen);
                }
            }
            assert_eq!(seen.iter().cloned().collect::<Vec<_>>(), wanted);
        }
    }
}
