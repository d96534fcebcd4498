//! Names and pictures of people, made unambiguous, fetched only when a row shows them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use matrix_sdk_ui::timeline::{Profile, TimelineDetails};
use ruma::{OwnedMxcUri, OwnedUserId, UserId};

use crate::view::Avatar;

/// A person as a row shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// Their name in the room, if they have one.
    pub display_name: Option<String>,
    /// Another member has the same name.
    pub ambiguous: bool,
    /// Their picture.
    pub avatar: Option<OwnedMxcUri>,
}

impl Person {
    /// The name to show for `user_id`.
    pub fn name(&self, user_id: &UserId) -> String {
        let name = self
            .display_name
            .as_deref()
            .map(clean)
            .filter(|name| !name.is_empty());
        match name {
            Some(name) if self.ambiguous || looks_like_id(&name) => format!("{name} ({user_id})"),
            Some(name) => name,
            None => user_id.localpart().to_owned(),
        }
    }

    /// The picture to show for `user_id`.
    pub fn avatar(&self, user_id: &UserId) -> Avatar {
        Avatar::new(user_id.as_str(), &self.name(user_id), self.avatar.clone())
    }
}

impl From<&Profile> for Person {
    fn from(profile: &Profile) -> Self {
        Self {
            display_name: profile.display_name.clone(),
            ambiguous: profile.display_name_ambiguous,
            avatar: profile.avatar_url.clone(),
        }
    }
}

impl From<&matrix_sdk::room::RoomMember> for Person {
    fn from(member: &matrix_sdk::room::RoomMember) -> Self {
        Self {
            display_name: member.display_name().map(ToOwned::to_owned),
            ambiguous: member.name_ambiguous(),
            avatar: member.avatar_url().map(ToOwned::to_owned),
        }
    }
}

/// People looked up for a timeline. Asking for one that is not known remembers that it is wanted.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<OwnedUserId, Person>,
    wanted: Mutex<HashSet<OwnedUserId>>,
}

impl Names {
    /// The person, from the item's profile or from what was looked up.
    pub fn of(&self, user_id: &UserId, profile: Option<&TimelineDetails<Profile>>) -> Person {
        if let Some(TimelineDetails::Ready(profile)) = profile {
            return profile.into();
        }
        match self.known.get(user_id) {
            Some(person) => person.clone(),
            None => {
                let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
                wanted.insert(user_id.to_owned());
                Person::default()
            }
        }
    }

    /// A name alone.
    pub fn name(&self, user_id: &UserId) -> String {
        self.of(user_id, None).name(user_id)
    }

    /// People asked for since the last call and not known.
    pub fn take_wanted(&mut self) -> Vec<OwnedUserId> {
        let wanted = std::mem::take(
            self.wanted
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        wanted
            .into_iter()
            .filter(|user_id| !self.known.contains_key(user_id))
            .collect()
    }

    /// Keeps what was looked up; an unknown person is known to be unknown.
    pub fn learn(&mut self, user_id: OwnedUserId, person: Person) {
        self.known.insert(user_id, person);
    }
}

/// A name without line breaks, direction overrides and other invisible tricks.
fn clean(name: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let cleaned: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !invisible(*c))
        .collect();
    crate::text::one_line(&cleaned, 100)
}

/// A name that poses as somebody's id.
fn looks_like_id(name: &str) -> bool {
    name.starts_with('@') && name.contains(':')
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn names_are_unambiguous_and_harmless() {
        let id = user_id!("@ada:example.org");
        let name = |display_name: &str, ambiguous| {
            Person {
                display_name: Some(display_name.into()),
                ambiguous,
                avatar: None,
            }
            .name(id)
        };
        assert_eq!(name("Ada", false), "Ada");
        assert_eq!(name("Ada", true), "Ada (@ada:example.org)");
        assert_eq!(
            name("@bo:example.org", false),
            "@bo:example.org (@ada:example.org)"
        );
        assert_eq!(name("A\u{202e}d\na", false), "Ad a");
        assert_eq!(name("\u{200b}", false), "ada");
        assert_eq!(Person::default().name(id), "ada");
    }

    #[test]
    fn unknown_people_are_wanted_once() {
        let mut names = Names::default();
        let id = user_id!("@ada:example.org");
        assert_eq!(names.name(id), "ada");
        assert_eq!(names.take_wanted(), [id]);
        names.learn(
            id.to_owned(),
            Person {
                display_name: Some("Ada".into()),
                ..Person::default()
            },
        );
        assert_eq!(names.name(id), "Ada");
        assert!(names.take_wanted().is_empty());
    }
}
