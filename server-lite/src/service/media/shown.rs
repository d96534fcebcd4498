//! Files that something shows all the time: pictures of people and rooms, emoji, stickers in packs.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::error::Result;

/// Where addresses of files stand that are shown all the time: profiles, the state of rooms (which names members'
/// pictures, the room's own, and packs of images), and what people have set for themselves (their own packs).
const TEXTS: [&str; 3] = [
    "SELECT value FROM profiles WHERE value LIKE '%mxc://%'",
    "SELECT e.json FROM current_state s JOIN events e ON e.nid = s.event WHERE e.json LIKE '%mxc://%'",
    "SELECT content FROM account_data WHERE content LIKE '%mxc://%'",
];

/// The media ids of this server that are named there.
pub(super) fn ids(connection: &Connection, server: &str) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    for texts in TEXTS {
        let mut statement = connection.prepare(texts)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            ids.extend(named_in(row.get_ref(0)?.as_str().unwrap_or(""), server));
        }
    }
    Ok(ids)
}

/// The media ids behind each `mxc://` and the name of this server.
fn named_in(text: &str, server: &str) -> impl Iterator<Item = String> {
    text.split("mxc://").skip(1).filter_map(move |rest| {
        // Some writers of JSON escape the slash.
        let rest = rest
            .strip_prefix(server)?
            .trim_start_matches('\\')
            .strip_prefix('/')?;
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = rest.find(|c| !is_id(c)).unwrap_or(rest.len());
        Some(rest[..end].to_owned()).filter(|id| !id.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let text = r#"{"url":"mxc://hs.test/abc_-9","x":["mxc://other.test/no","mxc://hs.test/d#","mxc://hs.test/"]}"#;
        assert_eq!(
            named_in(text, "hs.test").collect::<Vec<_>>(),
            ["abc_-9", "d"]
        );
    }
}
