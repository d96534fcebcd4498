//! Completion of `@people`, `#rooms` and `:emoji:` at the cursor.

use matrix_sdk::RoomMemberships;

use super::{super::Completion, driver::Model, lookups::Outcome};
use crate::{
    ids::OwnedUserId,
    text::{emoji, outgoing::Mention},
    timeline::Person,
    view::Avatar,
};

/// Offers shown.
const OFFERS: usize = 8;
/// Bytes before the cursor that are looked at.
const REACH: usize = 100;

/// A member whose name may be completed.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub user_id: OwnedUserId,
    pub person: Person,
    /// For comparing.
    lower: String,
}

/// A completion and what taking it does.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub shown: Completion,
    insert: String,
    mention: Option<Mention>,
}

/// The word under the cursor that asks for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word<'t> {
    /// Where it begins, with its mark.
    start: usize,
    mark: char,
    typed: &'t str,
}

/// The word that ends at the cursor, if it begins with a mark.
fn word_at(text: &str, cursor: usize) -> Option<Word<'_>> {
    let before = text.get(..cursor)?;
    let mut from = before.len().saturating_sub(REACH);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let start = before[from..]
        .rfind(char::is_whitespace)
        .map_or(from, |at| {
            from + at + before[from + at..].chars().next().map_or(1, char::len_utf8)
        });
    let word = &before[start..];
    let mark = word
        .chars()
        .next()
        .filter(|c| matches!(c, '@' | '#' | ':'))?;
    let typed = &word[1..];
    // A lone colon is punctuation, and ":)" a face of its own.
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '+' | '-');
    if mark == ':' && (typed.chars().count() < 2 || !typed.chars().all(is_name)) {
        return None;
    }
    Some(Word { start, mark, typed })
}

impl Candidate {
    pub(super) fn new(user_id: OwnedUserId, person: Person) -> Self {
        let lower = person.name(&user_id).to_lowercase();
        Self {
            user_id,
            person,
            lower,
        }
    }

    fn rank(&self, typed: &str) -> Option<u8> {
        if self.lower.starts_with(typed) {
            Some(0)
        } else if self.user_id.localpart().to_lowercase().starts_with(typed) {
            Some(1)
        } else if self
            .lower
            .split_whitespace()
            .any(|word| word.starts_with(typed))
        {
            Some(2)
        } else {
            (self.lower.contains(typed) || self.user_id.as_str().contains(typed)).then_some(3)
        }
    }

    fn offer(&self) -> Offer {
        let name = self.person.name(&self.user_id);
        let insert = format!("@{}", name.trim_start_matches('@'));
        Offer {
            shown: Completion {
                avatar: Some(self.person.avatar(&self.user_id)),
                symbol: String::new(),
                title: name,
                detail: self.user_id.to_string(),
            },
            mention: Some(Mention {
                text: insert.clone(),
                user_id: self.user_id.clone(),
            }),
            insert,
        }
    }
}

/// The best members for what was typed.
fn people(members: &[Candidate], typed: &str) -> Vec<Offer> {
    let typed = typed.to_lowercase();
    let mut hits: Vec<(u8, &Candidate)> = members
        .iter()
        .filter_map(|member| Some((member.rank(&typed)?, member)))
        .collect();
    hits.sort_by(|(rank, a), (other, b)| rank.cmp(other).then_with(|| a.lower.cmp(&b.lower)));
    hits.into_iter()
        .take(OFFERS)
        .map(|(_, member)| member.offer())
        .collect()
}

fn emoji_offers(typed: &str) -> Vec<Offer> {
    emoji::complete(typed, OFFERS)
        .into_iter()
        .map(|hit| Offer {
            shown: Completion {
                avatar: None,
                symbol: hit.symbol.to_owned(),
                title: format!(":{}:", hit.name),
                detail: String::new(),
            },
            insert: hit.symbol.to_owned(),
            mention: None,
        })
        .collect()
}

impl Model {
    /// Offers completions for the word at the cursor.
    pub(super) fn complete_word(&mut self) {
        let text = std::mem::take(&mut self.composer.text);
        self.composer.offers = match word_at(&text, self.composer.cursor) {
            Some(Word {
                mark: '@', typed, ..
            }) => match &self.composer.members {
                Some(members) => people(members, typed),
                None => {
                    self.composer.members = Some(Vec::new());
                    self.load_members();
                    Vec::new()
                }
            },
            Some(Word {
                mark: '#', typed, ..
            }) => self.room_offers(typed),
            Some(Word { typed, .. }) => emoji_offers(typed),
            None => Vec::new(),
        };
        self.composer.text = text;
    }

    /// Takes a completion.
    pub(super) fn complete(&mut self, index: usize) {
        let Some(offer) = self.composer.offers.get(index).cloned() else {
            return;
        };
        let (text, cursor) = (&self.composer.text, self.composer.cursor);
        let Some(word) = word_at(text, cursor) else {
            return;
        };
        let mut completed = format!("{}{}", &text[..word.start], offer.insert);
        if !text[cursor..].starts_with(char::is_whitespace) {
            completed.push(' ');
        }
        let place = completed.len();
        completed.push_str(&text[cursor..]);
        if let Some(mention) = offer.mention {
            self.composer
                .mentions
                .retain(|known| known.text != mention.text);
            self.composer.mentions.push(mention);
        }
        self.composer.offers.clear();
        self.set_text(completed, place);
    }

    fn room_offers(&self, typed: &str) -> Vec<Offer> {
        let typed = typed.to_lowercase();
        let mut hits: Vec<(bool, String, Offer)> = Vec::new();
        for room in self.client.joined_rooms() {
            let Some(alias) = room.canonical_alias() else {
                continue;
            };
            let name = crate::rooms::name::known_name(&room);
            let lower = name.to_lowercase();
            let begins =
                lower.starts_with(&typed) || alias.alias().to_lowercase().starts_with(&typed);
            if !begins && !lower.contains(&typed) {
                continue;
            }
            let avatar = Avatar::new(room.room_id().as_str(), &name, room.avatar_url());
            let shown = Completion {
                avatar: Some(avatar),
                symbol: String::new(),
                title: name,
                detail: alias.to_string(),
            };
            hits.push((
                !begins,
                lower,
                Offer {
                    shown,
                    insert: alias.to_string(),
                    mention: None,
                },
            ));
        }
        hits.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        hits.into_iter()
            .take(OFFERS)
            .map(|(_, _, offer)| offer)
            .collect()
    }

    /// Members from the store, then from the server if the store does not have all.
    fn load_members(&self) {
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        let own = self.context.own_id.clone();
        self.tasks.detach("members", async move {
            let candidates = |members: Vec<matrix_sdk::room::RoomMember>| {
                members
                    .into_iter()
                    .filter(|member| member.user_id() != own)
                    .map(|member| {
                        Candidate::new(member.user_id().to_owned(), Person::from(&member))
                    })
                    .collect()
            };
            let wanted = RoomMemberships::JOIN | RoomMemberships::INVITE;
            if let Ok(members) = room.members_no_sync(wanted).await {
                let _ = outcomes.send(Outcome::Members(candidates(members)));
            }
            if !room.are_members_synced()
                && let Ok(members) = room.members(wanted).await
            {
                let _ = outcomes.send(Outcome::Members(candidates(members)));
            }
        });
    }

    pub(super) fn learn_members(&mut self, members: Vec<Candidate>) {
        self.composer.members = Some(members);
        self.complete_word();
        self.show_composer();
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn the_word_at_the_cursor() {
        let word = |text: &'static str, cursor| {
            word_at(text, cursor).map(|word| (word.start, word.mark, word.typed))
        };
        assert_eq!(word("hi @ad", 6), Some((3, '@', "ad")));
        assert_eq!(word("hi @ad there", 6), Some((3, '@', "ad")));
        assert_eq!(word("@", 1), Some((0, '@', "")));
        assert_eq!(word("a@b", 3), None);
        assert_eq!(word("é\n#ro", 6), Some((3, '#', "ro")));
        assert_eq!(word(":sm", 3), Some((0, ':', "sm")));
        assert_eq!(word(":s", 2), None);
        assert_eq!(word(":))", 3), None);
        assert_eq!(word("", 0), None);
        assert_eq!(word("é", 1), None, "inside a character");
        assert_eq!(word("abc", 99), None);
        assert_eq!(word("\u{3000}@x", 5), Some((3, '@', "x")));
    }

    #[test]
    fn people_are_ranked() {
        let candidate = |id: &str, name: &str| {
            let user_id = OwnedUserId::try_from(id).expect("an id");
            Candidate::new(
                user_id,
                Person {
                    display_name: Some(name.into()),
                    ..Person::default()
                },
            )
        };
        let members = [
            candidate("@zed:x.org", "Grace Adams"),
            candidate("@ada:x.org", "Countess"),
            candidate("@bo:x.org", "Ada"),
            candidate("@c:x.org", "Nobody"),
        ];
        let offers = people(&members, "AD");
        let titles: Vec<&str> = offers
            .iter()
            .map(|offer| offer.shown.title.as_str())
            .collect();
        assert_eq!(titles, ["Ada", "Countess", "Grace Adams"]);
        assert_eq!(offers[0].insert, "@Ada");
        assert_eq!(
            offers[0].mention.as_ref().map(|mention| &*mention.user_id),
            Some(user_id!("@bo:x.org"))
        );
        assert_eq!(people(&members, "").len(), 4);
    }
}
