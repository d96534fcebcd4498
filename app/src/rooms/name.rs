//! What a room is called.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#calculating-the-display-name-for-a-room>

use matrix_sdk::{Room, RoomDisplayName, RoomHero};

use crate::text::one_line;

/// Characters of a room's name that are kept.
const LONGEST_NAME: usize = 200;

/// The name of a room as far as it is known; empty otherwise.
pub(crate) fn known_name(room: &Room) -> String {
    room.cached_display_name()
        .map(|name| shown(room, &name))
        .unwrap_or_default()
}

/// The name of a room, computed if it is not known yet.
pub(crate) async fn name(room: &Room) -> String {
    let name = match room.cached_display_name() {
        Some(name) => Some(name),
        None => room.display_name().await.ok(),
    };
    name.map(|name| shown(room, &name)).unwrap_or_default()
}

/// The SDK counts people it knows no name of ("2 people"); here they are called by their user name.
fn shown(room: &Room, name: &RoomDisplayName) -> String {
    let told = match name {
        RoomDisplayName::Calculated(text) if is_count(text) && !room.heroes().is_empty() => {
            of_people(&room.heroes(), room.active_members_count())
        }
        name => name.to_string(),
    };
    one_line(&told, LONGEST_NAME)
}

/// Whether a name is the SDK's "2 people".
fn is_count(name: &str) -> bool {
    name.strip_suffix(" people")
        .is_some_and(|count| count.parse::<u64>().is_ok())
}

/// The name of a room in which these and ourselves are among `n_members`.
fn of_people(people: &[RoomHero], n_members: u64) -> String {
    let mut names: Vec<&str> = people
        .iter()
        .map(|person| {
            person
                .display_name
                .as_deref()
                .unwrap_or_else(|| person.user_id.localpart())
        })
        .collect();
    names.sort_unstable();
    let told = names.join(", ");
    match n_members.saturating_sub(1 + people.len() as u64) {
        0 => told,
        n_others => format!("{told}, and {n_others} others"),
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn a_count_is_told_from_a_name() {
        assert!(is_count("2 people"));
        assert!(!is_count("Good people"));
        assert!(!is_count("Ada, Bo"));
    }

    #[test]
    fn people_without_a_display_name_are_named_too() {
        let hero = |user_id: &ruma::UserId, display_name: Option<&str>| RoomHero {
            user_id: user_id.to_owned(),
            display_name: display_name.map(Into::into),
            avatar_url: None,
        };
        let bo = hero(user_id!("@bo:example.org"), None);
        let cy = hero(user_id!("@cy:example.org"), Some("Cy Young"));
        assert_eq!(of_people(std::slice::from_ref(&bo), 2), "bo");
        assert_eq!(of_people(&[bo.clone(), cy.clone()], 3), "Cy Young, bo");
        assert_eq!(of_people(&[bo, cy], 7), "Cy Young, bo, and 4 others");
    }
}
