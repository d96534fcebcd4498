//! The list, with items that need no SDK: whatever happens, rows are what mapping everything afresh would give.

use eyeball_im::Vector;
use futures_util::{FutureExt as _, StreamExt as _};
use ruma::{OwnedUserId, user_id};
use stream_assert::{assert_next_matches, assert_pending};

use std::collections::HashSet;

use super::*;
use crate::view::{
    Avatar,
    room::{DeliveryState, EncryptionMark, Row, UndecryptableReason},
};

/// `kind` is a sender's letter, `u` of one who cannot be read, `m` for a membership change, `-` for a divider, `.` for nothing.
#[derive(Clone, Debug, PartialEq)]
struct Fake {
    id: u32,
    kind: char,
    time: u64,
    read: bool,
    content: u32,
}

impl Item for Fake {
    type Context = ();

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn lasting_id(&self) -> Option<String> {
        Some(format!("$ {} {} {}", self.kind, self.time, self.content))
    }

    fn map(&self, (): &()) -> Mapped {
        match self.kind {
            'm' => Mapped::Member(MembershipChange::Joined {
                name: self.id.to_string(),
            }),
            '-' => Mapped::Other(RowKind::ReadMarker),
            '.' => Mapped::Hidden,
            'u' => Mapped::Message(Box::new(MessageRow {
                undecryptable: Some(UndecryptableReason::Waiting),
                ..message('u', self)
            })),
            sender => Mapped::Message(Box::new(message(sender, self))),
        }
    }
}

fn sender(letter: char) -> OwnedUserId {
    OwnedUserId::try_from(format!("@{letter}:example.org")).expect("an id")
}

fn message(letter: char, fake: &Fake) -> MessageRow {
    let own = letter == 'o';
    let reader = (
        user_id!("@r:example.org").to_owned(),
        "r".to_owned(),
        Avatar::default(),
    );
    MessageRow {
        event_id: None,
        sender: sender(letter),
        sender_name: letter.to_string(),
        avatar: Avatar::default(),
        own,
        group_start: true,
        group_end: true,
        timestamp: fake.time,
        body: Vec::new(),
        plain: fake.content.to_string(),
        emote: false,
        notice: false,
        big_emoji: false,
        attachment: None,
        undecryptable: None,
        redacted: false,
        edited: false,
        reply: None,
        reactions: Vec::new(),
        mentions_us: false,
        delivery: if own {
            DeliveryState::Sent
        } else {
            DeliveryState::NotOurs
        },
        read_by: if fake.read { vec![reader] } else { Vec::new() },
        encryption: EncryptionMark::None,
        can_edit: false,
        can_redact: false,
        can_reply: false,
    }
}

fn fake(id: u32, kind: char) -> Fake {
    Fake {
        id,
        kind,
        time: u64::from(id) * 1000,
        read: false,
        content: 0,
    }
}

fn list(kinds: &str) -> RowList<Fake> {
    let mut list = RowList::new(Rows::new());
    let values = kinds
        .chars()
        .enumerate()
        .map(|(id, kind)| fake(id as u32, kind))
        .collect();
    list.apply(vec![VectorDiff::Append { values }], &());
    list
}

/// `A` begins and ends a group, `<a` begins one, `a>` ends one; `o` ours, `*` seen; `m3` three changes folded, `u4` four
/// messages.
fn show(list: &RowList<Fake>) -> String {
    let one = |row: &Row| match &row.kind {
        RowKind::Message(message) => {
            let (start, end) = (message.group_start, message.group_end);
            let seen = if message.delivery == DeliveryState::Seen {
                "*"
            } else {
                ""
            };
            let name = &message.sender_name;
            format!(
                "{}{name}{seen}{}",
                if start { "<" } else { "" },
                if end { ">" } else { "" }
            )
        }
        RowKind::Members(changes) => format!("m{}", changes.len()),
        RowKind::Locked { messages, .. } => format!("u{}", messages.len()),
        _ => "-".to_owned(),
    };
    list.rows()
        .snapshot()
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn messages_group_by_sender_and_time() {
    assert_eq!(show(&list("aab")), "<a a> <b>");
    assert_eq!(show(&list("a-a")), "<a> - <a>");
    assert_eq!(show(&list("a.a")), "<a a>");
    let mut list = list("a");
    let late = Fake {
        time: 6 * 60 * 1000,
        ..fake(9, 'a')
    };
    list.apply(vec![VectorDiff::PushBack { value: late }], &());
    assert_eq!(show(&list), "<a> <a>");
}

#[test]
fn membership_changes_fold_and_keep_their_row() {
    let mut list = list("ammb");
    assert_eq!(show(&list), "<a> m2 <b>");
    let id = list.rows().get(1).expect("a row").id.clone();
    list.apply(
        vec![VectorDiff::Insert {
            index: 1,
            value: fake(10, 'm'),
        }],
        &(),
    );
    list.apply(
        vec![VectorDiff::Insert {
            index: 4,
            value: fake(11, 'm'),
        }],
        &(),
    );
    assert_eq!(show(&list), "<a> m4 <b>");
    assert_eq!(list.rows().get(1).expect("a row").id, id);
    // A message in between parts them; both parts have names of their own.
    list.apply(
        vec![VectorDiff::Insert {
            index: 3,
            value: fake(12, 'b'),
        }],
        &(),
    );
    assert_eq!(show(&list), "<a> m2 <b> m2 <b>");
    assert_eq!(list.rows().get(1).expect("a row").id, id);
    assert_ne!(list.rows().get(3).expect("a row").id, id);
    // And taking it out joins them again.
    list.apply(vec![VectorDiff::Remove { index: 3 }], &());
    assert_eq!(show(&list), "<a> m4 <b>");
}

#[test]
fn many_that_cannot_be_read_are_one_row_until_they_can() {
    let mut list = list("aub");
    assert_eq!(show(&list), "<a> <u> <b>");
    list.apply(
        vec![VectorDiff::Insert {
            index: 1,
            value: fake(10, 'u'),
        }],
        &(),
    );
    assert_eq!(show(&list), "<a> u2 <b>");
    let id = list.rows().get(1).expect("a row").id.clone();
    assert_eq!(list.item_of_row(&id).map(|item| item.id), Some(1));
    assert_eq!(list.row_of_item(|item| item.id == 10), Some(id));
    // The key to one of them came: the other stands alone again.
    list.apply(
        vec![VectorDiff::Set {
            index: 1,
            value: fake(10, 'a'),
        }],
        &(),
    );
    assert_eq!(show(&list), "<a a> <u> <b>");
}

#[test]
fn a_receipt_marks_all_of_ours_above_it_as_seen() {
    let mut list = list("ooo");
    assert_eq!(show(&list), "<o o o>");
    list.apply(
        vec![VectorDiff::Set {
            index: 1,
            value: Fake {
                read: true,
                ..fake(1, 'o')
            },
        }],
        &(),
    );
    assert_eq!(show(&list), "<o* o* o>");
    // The receipt moves down: gone there, come here.
    list.apply(
        vec![
            VectorDiff::Set {
                index: 1,
                value: fake(1, 'o'),
            },
            VectorDiff::Set {
                index: 2,
                value: Fake {
                    read: true,
                    ..fake(2, 'o')
                },
            },
        ],
        &(),
    );
    assert_eq!(show(&list), "<o* o* o*>");
    // An answer says the same.
    list.apply(
        vec![
            VectorDiff::PushBack {
                value: fake(3, 'o'),
            },
            VectorDiff::PushBack {
                value: fake(4, 'a'),
            },
        ],
        &(),
    );
    assert_eq!(show(&list), "<o* o* o* o*> <a>");
}

#[tokio::test]
async fn a_change_touches_its_row_and_its_neighbors_only() {
    let mut list = list(&"ab".repeat(2500));
    let mut stream = list.rows().subscribe().1;
    list.apply(
        vec![VectorDiff::PushBack {
            value: fake(5000, 'b'),
        }],
        &(),
    );
    assert_next_matches!(stream, diffs => {
        // The new row, and the one before it that no longer ends its group.
        assert_eq!(diffs.len(), 2);
        assert!(matches!(&diffs[0], VectorDiff::Set { index: 4999, .. }));
        assert!(matches!(&diffs[1], VectorDiff::Append { values } if values.len() == 1));
    });
    // A local echo that became an event: taken out and put in under the same name, and nothing else changed.
    let echo = fake(5000, 'b');
    list.apply(
        vec![
            VectorDiff::Remove { index: 5000 },
            VectorDiff::PushBack {
                value: Fake { content: 1, ..echo },
            },
        ],
        &(),
    );
    assert_next_matches!(stream, diffs => {
        assert_eq!(diffs.len(), 1);
        assert!(matches!(&diffs[0], VectorDiff::Set { index: 5000, .. }));
    });
    assert_pending!(stream);
    assert!(stream.next().now_or_never().is_none());
}

#[test]
fn rows_stay_while_the_list_is_emptied_and_keep_their_names() {
    let mut list = list("aob-m");
    let before: Vec<Row> = list.rows().snapshot().iter().cloned().collect();
    assert_eq!(list.apply(vec![VectorDiff::Clear], &()), Applied::Emptied);
    assert!(list.is_held());
    assert!(
        list.rows().snapshot().iter().eq(before.iter()),
        "nothing vanished"
    );
    // The same things come back under new numbers, without what `b` said.
    let again = [(100, 'a', 0), (101, 'o', 1), (103, '-', 3), (104, 'm', 4)];
    let values = again
        .iter()
        .map(|(id, kind, was)| Fake {
            id: *id,
            ..fake(*was, *kind)
        })
        .collect();
    assert_eq!(
        list.apply(vec![VectorDiff::Append { values }], &()),
        Applied::Changed
    );
    assert!(
        list.rows().snapshot().iter().eq(before.iter()),
        "still held"
    );
    list.release(&());
    assert_eq!(
        list.rows()
            .snapshot()
            .iter()
            .map(|row| row.id.as_str())
            .collect::<Vec<_>>(),
        ["0", "1", "3", "m4"]
    );
    assert_eq!(show(&list), "<a> <o> - m1");
}

#[test]
fn any_changes_give_the_rows_that_a_fresh_start_would() {
    let mut seed = 11_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for _ in 0..300 {
        let mut tested: RowList<Fake> = RowList::new(Rows::new());
        let mut model: Vector<Fake> = Vector::new();
        let mut shadow = tested.rows().snapshot();
        let mut stream = tested.rows().subscribe().1;
        let mut id = 0;
        for _ in 0..30 {
            let mut batch = Vec::new();
            for _ in 0..=next(3) {
                id += 1;
                let kind = ['a', 'o', 'b', 'm', 'm', '-', '.', 'u', 'u', 'u', 'u'][next(11)];
                let value = Fake {
                    id,
                    kind,
                    time: next(20) as u64 * 60_000,
                    read: next(5) == 0,
                    content: 0,
                };
                let len = model.len();
                let diff = match next(8) {
                    0 if len > 0 => VectorDiff::Remove { index: next(len) },
                    1 if len > 0 => {
                        let index = next(len);
                        VectorDiff::Set {
                            index,
                            value: Fake {
                                id: model[index].id,
                                ..value
                            },
                        }
                    }
                    2 => VectorDiff::PushFront { value },
                    3 if len > 4 => VectorDiff::Truncate {
                        length: next(len - 1) + 1,
                    },
                    4 if len > 1 => VectorDiff::PopFront,
                    5 => VectorDiff::PushBack { value },
                    _ => VectorDiff::Insert {
                        index: next(len + 1),
                        value,
                    },
                };
                diff.clone().apply(&mut model);
                batch.push(diff);
            }
            let emptied = tested.apply(batch, &()) == Applied::Emptied;
            if emptied {
                tested.release(&());
            }
            while let Some(Some(diffs)) = stream.next().now_or_never() {
                diffs.into_iter().for_each(|diff| diff.apply(&mut shadow));
            }
            let mut fresh: RowList<Fake> = RowList::new(Rows::new());
            fresh.apply(
                vec![VectorDiff::Append {
                    values: model.clone(),
                }],
                &(),
            );
            assert_eq!(show(&tested), show(&fresh), "{model:?}");
            assert!(
                shadow.iter().eq(tested.rows().snapshot().iter()),
                "what is told is what is there"
            );
            let ids: HashSet<String> = shadow.iter().map(|row| row.id.clone()).collect();
            assert_eq!(ids.len(), shadow.len(), "names are unique");
        }
    }
}
