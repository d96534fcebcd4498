//! Where in the file a key stands, and which name was probably meant.

use toml::de::{DeTable, DeValue};

/// The number of the line on which the key (`rooms.default_version`, `listeners[1].key`) stands.
pub fn line_of(text: &str, key: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let start = start_of(table.get_ref(), key)?;
    Some(text.get(..start)?.matches('\n').count() + 1)
}

/// Whether the file sets the key.
pub fn is_set(text: &str, key: &str) -> bool {
    line_of(text, key).is_some()
}

fn start_of(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    let (name, idx) = match first.strip_suffix(']').and_then(|f| f.split_once('[')) {
        Some((name, idx)) => (name, idx.parse::<usize>().ok()),
        None => (first, None),
    };
    let (found, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    let (mut start, mut value) = (found.span().start, value);
    if let Some(idx) = idx {
        let DeValue::Array(array) = value.get_ref() else {
            return None;
        };
        value = array.get(idx)?;
        start = value.span().start;
    }
    match (rest, value.get_ref()) {
        (None, _) => Some(start),
        // What is not there is missed where its table begins.
        (Some(rest), DeValue::Table(table)) => start_of(table, rest),
        (Some(_), _) => None,
    }
}

/// Adds what was probably meant to an error about a name that is not known.
pub fn with_suggestion(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| quoted.next())??;
    let best = quoted.min_by_key(|known| distance(unknown, known))?;
    let allowed = (unknown.len() / 3).max(1);
    (distance(unknown, best) <= allowed).then(|| format!("did you mean `{best}`?"))
}

/// How many letters have to be changed, added, taken away or exchanged with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, line_of, with_suggestion};

    const TEXT: &str = "[rooms]\nx = 1\n\n[[listeners]]\nport = 1\n[[listeners]]\nport = 2\nkey = \"a\"\n[a.b]\nc = 3\n";

    #[test]
    fn keys_are_found_by_line() {
        for (key, line) in [
            ("rooms", 1),
            ("rooms.x", 2),
            ("listeners[0].port", 5),
            ("listeners[1].port", 7),
            ("listeners[1].key", 8),
            ("a.b.c", 10),
        ] {
            assert_eq!(line_of(TEXT, key), Some(line), "{key}");
        }
        for missing in [
            "rooms.y",
            "listeners[2].port",
            "listeners[0].key",
            "rooms.x.y",
        ] {
            assert_eq!(line_of(TEXT, missing), None, "{missing}");
        }
    }

    #[test]
    fn a_slip_is_recognized_and_a_guess_is_not_made_up() {
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("adress", "address"), 1);
        let said = with_suggestion("unknown field `prot`, expected one of `address`, `port`");
        assert_eq!(said.as_deref(), Some("did you mean `port`?"));
        assert_eq!(
            with_suggestion("unknown field `colour`, expected `port`"),
            None
        );
        assert_eq!(with_suggestion("invalid type: string \"x\""), None);
    }
}
