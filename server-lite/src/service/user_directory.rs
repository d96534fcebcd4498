//! Finding users: those one shares a room with, and those in public rooms.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#user-directory>

use ruma::{OwnedMxcUri, OwnedUserId, UserId, api::client::user_directory::search_users::v3::User};
use rusqlite::{Connection, params};

use crate::error::Result;

/// Whoever is visible to ?1: members of its rooms, members of published rooms, and itself.
const VISIBLE: &str = "
    SELECT DISTINCT u.user_id, n.value AS name, a.value AS avatar
    FROM users u
    LEFT JOIN profiles n ON n.user_id = u.user_id AND n.field = 'displayname'
    LEFT JOIN profiles a ON a.user_id = u.user_id AND a.field = 'avatar_url'
    WHERE u.deactivated = 0 AND (u.user_id = ?1 OR EXISTS (
        SELECT 1 FROM memberships o WHERE o.user_id = u.user_id AND o.membership = 'join' AND (
            EXISTS (SELECT 1 FROM rooms r WHERE r.nid = o.room AND r.published = 1)
            OR EXISTS (SELECT 1 FROM memberships m WHERE m.room = o.room AND m.user_id = ?1
                       AND m.membership = 'join'))))
    ORDER BY u.user_id";

/// A page of users.
#[derive(Debug)]
pub struct Found {
    /// The users, best match first.
    pub users: Vec<User>,
    /// Whether there are more.
    pub limited: bool,
}

/// Looks for users whose name or id holds every word of `term`.
///
/// A full user id of this server finds its user even if no room is shared: who knows the id may write to it.
pub fn search(conn: &Connection, viewer: &UserId, term: &str, limit: usize) -> Result<Found> {
    let words: Vec<String> = term
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut found: Vec<(u8, User)> = Vec::new();
    let mut statement = conn.prepare_cached(VISIBLE)?;
    let rows = statement.query_map(params![viewer.as_str()], candidate)?;
    for row in rows {
        let (user_id, name, avatar) = row?;
        if let Some(rank) = rank(&user_id, name.as_deref(), &words) {
            found.extend(user(user_id, name, avatar).map(|user| (rank, user)));
        }
    }
    if let Some(exact) = by_id(conn, term)?
        && found.iter().all(|(_, user)| user.user_id != exact.user_id)
    {
        found.push((0, exact));
    }
    found.sort_by_key(|(rank, _)| *rank);
    let limited = found.len() > limit;
    let users = found
        .into_iter()
        .take(limit)
        .map(|(_, user)| user)
        .collect();
    Ok(Found { users, limited })
}

type Candidate = (String, Option<String>, Option<String>);

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    let text = |idx| -> rusqlite::Result<Option<String>> {
        let json: Option<String> = row.get(idx)?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    };
    Ok((row.get(0)?, text(1)?, text(2)?))
}

fn by_id(conn: &Connection, term: &str) -> Result<Option<User>> {
    let Ok(user_id) = UserId::parse(term.trim()) else {
        return Ok(None);
    };
    if !super::accounts::is_active(conn, &user_id)? {
        return Ok(None);
    }
    let profile = super::profiles::member(conn, &user_id)?;
    let mut user = User::new(user_id);
    user.display_name = profile.display_name;
    user.avatar_url = profile.avatar_url;
    Ok(Some(user))
}

/// How well somebody fits, 0 being best; none if not at all.
fn rank(user_id: &str, name: Option<&str>, words: &[String]) -> Option<u8> {
    let name = name.unwrap_or_default().to_lowercase();
    let localpart = user_id
        .trim_start_matches('@')
        .split(':')
        .next()
        .unwrap_or_default();
    let holds = |word: &String| name.contains(word.as_str()) || user_id.contains(word.as_str());
    if words.is_empty() || !words.iter().all(holds) {
        return None;
    }
    let first = &words[0];
    let begins = |text: &str| text.starts_with(first.as_str());
    Some(match () {
        () if name == *first || localpart == first => 0,
        () if begins(&name) || begins(localpart) || begins(user_id) => 1,
        () if name.split_whitespace().any(begins) => 2,
        () => 3,
    })
}

fn user(user_id: String, name: Option<String>, avatar: Option<String>) -> Option<User> {
    let mut user = User::new(OwnedUserId::try_from(user_id).ok()?);
    user.display_name = name;
    user.avatar_url = avatar.map(OwnedMxcUri::from);
    Some(user)
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn better_matches_rank_first() {
        let rank = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            rank("@ada:hs.test", Some("Ada King Lovelace"), &words)
        };
        assert_eq!(rank(&["ada"]), Some(0));
        assert_eq!(rank(&["ad"]), Some(1));
        assert_eq!(rank(&["king"]), Some(2));
        assert_eq!(rank(&["lace"]), Some(3));
        assert_eq!(rank(&["ada", "lovelace"]), Some(0));
        assert_eq!(rank(&["ada", "byron"]), None);
        assert_eq!(rank(&[]), None);
    }
}
