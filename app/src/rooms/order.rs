//! Which rooms a filter shows, what a search finds, and in which order.

use std::cmp::Reverse;

use crate::view::room_list::{Filter, RoomRow, RowMembership};

/// Invites shown before the rooms, newest first; the others are counted, so that a flood of them hides no room.
const INVITES_ON_TOP: usize = 3;

/// What is to be shown.
#[derive(Debug, Default)]
pub struct Selection {
    /// The rows, newest first, invites before all.
    pub rows: Vec<RoomRow>,
    /// Invites that only the filter for invites, or a search, shows.
    pub folded: usize,
}

/// The rows that pass a filter and a search.
pub fn select<'a>(
    rows: impl Iterator<Item = &'a RoomRow>,
    filter: Filter,
    search: &str,
) -> Selection {
    let words = words(search);
    let mut chosen = sorted(rows.filter(|row| passes(row, filter) && matches(row, &words)));
    let mut folded = 0;
    if filter != Filter::Invites && words.is_empty() {
        let invites = chosen.iter().take_while(|row| is_invite(row)).count();
        folded = invites.saturating_sub(INVITES_ON_TOP);
        chosen.drain(invites - folded..invites);
    }
    Selection {
        rows: chosen.into_iter().cloned().collect(),
        folded,
    }
}

/// Newest first, invites before all.
pub fn sorted<'a>(rows: impl Iterator<Item = &'a RoomRow>) -> Vec<&'a RoomRow> {
    let mut rows: Vec<&RoomRow> = rows.collect();
    rows.sort_by_cached_key(|row| {
        (
            !is_invite(row),
            Reverse(row.timestamp),
            row.name.to_lowercase(),
            row.room_id.clone(),
        )
    });
    rows
}

fn passes(row: &RoomRow, filter: Filter) -> bool {
    match filter {
        Filter::All => true,
        Filter::Unread => row.unread > 0 || row.marked_unread || is_invite(row),
        Filter::People => row.is_direct,
        Filter::Rooms => !row.is_direct,
        Filter::Favourites => row.is_favourite,
        Filter::Invites => is_invite(row),
    }
}

/// Whether a row is an invite.
pub fn is_invite(row: &RoomRow) -> bool {
    matches!(row.membership, RowMembership::Invited { .. })
}

/// A search: its words, without case and without marks.
fn words(text: &str) -> Vec<String> {
    plain(text).split_whitespace().map(str::to_owned).collect()
}

/// Every word begins a word of the name, or is part of it.
fn matches(row: &RoomRow, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let name = plain(&row.name);
    words.iter().all(|word| name.contains(word.as_str()))
}

/// Lower case, with the accents of Latin letters taken off, so that "rose" finds "Rosé".
fn plain(text: &str) -> String {
    text.to_lowercase().chars().map(base).collect()
}

fn base(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì'..='ï' | 'ī' | 'ı' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::RoomId,
        view::{Avatar, room_list::Preview},
    };

    fn row(id: &str, name: &str, timestamp: Option<u64>) -> RoomRow {
        RoomRow {
            room_id: RoomId::parse(format!("!{id}:x")).unwrap(),
            name: name.to_owned(),
            avatar: Avatar::default(),
            membership: RowMembership::Joined,
            is_direct: false,
            is_encrypted: false,
            is_favourite: false,
            preview: Preview::None,
            timestamp,
            unread: 0,
            mentions: 0,
            marked_unread: false,
            muted: false,
            draft: None,
        }
    }

    fn names(rows: &[RoomRow], filter: Filter, search: &str) -> Vec<String> {
        select(rows.iter(), filter, search)
            .rows
            .into_iter()
            .map(|row| row.name)
            .collect()
    }

    #[test]
    fn newest_first_invites_before_all_and_silent_rooms_last() {
        let mut invite = row("c", "Invite", Some(1));
        invite.membership = RowMembership::Invited {
            inviter: None,
            inviter_name: None,
        };
        let rows = [
            row("a", "Old", Some(10)),
            row("b", "New", Some(20)),
            invite,
            row("d", "Silent", None),
        ];
        assert_eq!(
            names(&rows, Filter::All, ""),
            ["Invite", "New", "Old", "Silent"]
        );
        assert_eq!(names(&rows, Filter::Invites, ""), ["Invite"]);
    }

    #[test]
    fn a_flood_of_invites_hides_no_room() {
        let mut rows: Vec<_> = (0..300)
            .map(|n| {
                let mut invite = row(&format!("i{n}"), &format!("Invite {n}"), Some(n));
                invite.membership = RowMembership::Invited {
                    inviter: None,
                    inviter_name: None,
                };
                invite
            })
            .collect();
        rows.push(row("a", "Mother", Some(1)));
        let shown = ["Invite 299", "Invite 298", "Invite 297", "Mother"];
        assert_eq!(names(&rows, Filter::All, ""), shown);
        assert_eq!(select(rows.iter(), Filter::All, "").folded, 297);
        assert_eq!(names(&rows, Filter::Invites, "").len(), 300);
        assert_eq!(names(&rows, Filter::All, "invite 299").len(), 1);
        assert_eq!(select(rows[..3].iter(), Filter::All, "").folded, 0);
    }

    #[test]
    fn a_search_ignores_case_accents_and_the_order_of_words() {
        let rows = [row("a", "Café Rosé", None), row("b", "Kernel team", None)];
        assert_eq!(names(&rows, Filter::All, "ROSE cafe"), ["Café Rosé"]);
        assert_eq!(names(&rows, Filter::All, "team"), ["Kernel team"]);
        assert!(names(&rows, Filter::All, "team cafe").is_empty());
    }

    #[test]
    fn filters_show_what_they_say() {
        let mut person = row("a", "Person", None);
        person.is_direct = true;
        let mut marked = row("b", "Marked", None);
        marked.marked_unread = true;
        let mut loved = row("c", "Loved", None);
        loved.is_favourite = true;
        let rows = [person, marked, loved];
        assert_eq!(names(&rows, Filter::People, ""), ["Person"]);
        assert_eq!(names(&rows, Filter::Unread, ""), ["Marked"]);
        assert_eq!(names(&rows, Filter::Favourites, ""), ["Loved"]);
        assert_eq!(names(&rows, Filter::Rooms, ""), ["Loved", "Marked"]);
    }
}
