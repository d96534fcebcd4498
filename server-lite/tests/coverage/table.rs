//! The rows of `tests/endpoints.txt`.

use std::sync::LazyLock;

use reqwest::Method;

/// One endpoint.
#[derive(Debug)]
pub struct Row {
    pub tier: u8,
    pub method: Method,
    pub path: &'static str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../endpoints.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(Row::read).collect()
});

impl Row {
    fn read(line: &'static str) -> Self {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("tier, method and path");
        Self {
            tier: word().parse().expect("a tier"),
            method: word().parse().expect("a method"),
            path: word(),
        }
    }

    /// Method and path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// All of them.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The rows that have to be proven.
pub fn tiers_0_to_2() -> impl Iterator<Item = (usize, &'static Row)> {
    rows().iter().enumerate().filter(|(_, row)| row.tier < 3)
}

/// The row with this name, in which `/_matrix/client/v3/` may be left out, and `/_matrix/client/` before `v1/` and
/// `unstable/`.
pub fn find(name: &str) -> Option<usize> {
    let (method, path) = name.split_once(' ')?;
    let path = if path.starts_with('/') {
        path.to_owned()
    } else if path.starts_with("v1/") || path.starts_with("unstable/") || path == "versions" {
        format!("/_matrix/client/{path}")
    } else {
        format!("/_matrix/client/v3/{path}")
    };
    rows()
        .iter()
        .position(|row| row.method == method && row.path == path)
}

/// The path with `args` in its places, in their order; arguments that begin with `?` or `&` follow as the query.
///
/// # Errors
/// What does not fit.
pub fn fill(path: &str, args: &[&str]) -> Result<String, String> {
    let is_query = |arg: &&&str| arg.starts_with('?') || arg.starts_with('&');
    let query: String = args.iter().filter(is_query).copied().collect();
    let mut values = args.iter().filter(|arg| !is_query(arg));
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("an open brace")?;
        let value = values.next().ok_or(format!("nothing for {name}"))?;
        filled += before;
        filled += &hardline_testkit::client::escape(value);
        rest = after;
    }
    filled += rest;
    // The last argument may be an empty state key, which some spellings leave out.
    match values.next() {
        Some(surplus) if !surplus.is_empty() => Err(format!("too much: {surplus}")),
        _ => Ok(filled + &query),
    }
}

#[test]
fn paths_are_filled_in_order() {
    let path = "/rooms/{roomId}/state/{eventType}/{stateKey}";
    let filled = fill(path, &["!a:b", "m.x", "", "?c=d"]).unwrap();
    assert_eq!(filled, "/rooms/%21a%3Ab/state/m.x/?c=d");
    assert!(fill(path, &["!a:b"]).is_err());
    assert!(fill("/rooms/{roomId}", &["!a:b", "more"]).is_err());
    assert!(find("PUT rooms/{roomId}/send/{eventType}/{txnId}").is_some());
    assert!(find("GET v1/mutual_rooms").is_some());
    assert!(find("GET nothing").is_none());
}
