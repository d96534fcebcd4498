//! Paths that clients use which are older than the table (`old_spellings.txt`).

use std::{collections::BTreeMap, sync::LazyLock};

use crate::table;

static SPELLINGS: LazyLock<BTreeMap<usize, Vec<&'static str>>> = LazyLock::new(|| {
    let text = include_str!("old_spellings.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(read).collect()
});

fn read(line: &'static str) -> (usize, Vec<&'static str>) {
    let mut words = line.split(' ');
    let (method, path) = (words.next(), words.next());
    let path = whole(path.expect("a path"));
    let row = table::rows()
        .iter()
        .position(|row| Some(row.method.as_str()) == method && row.path == path);
    let row = row.unwrap_or_else(|| panic!("not in the table: {line}"));
    (row, words.map(whole).collect())
}

fn whole(path: &'static str) -> &'static str {
    if path.starts_with('/') {
        path
    } else {
        format!("/_matrix/client/{path}").leak()
    }
}

/// The old spellings of a row, one an age.
pub fn of(row: usize) -> &'static [&'static str] {
    SPELLINGS.get(&row).map_or(&[], Vec::as_slice)
}

/// How many ages there are: the most spellings any row has.
pub fn ages() -> usize {
    SPELLINGS.values().map(Vec::len).max().unwrap_or(0)
}

/// All of them.
pub fn all() -> impl Iterator<Item = (usize, &'static str)> {
    SPELLINGS
        .iter()
        .flat_map(|(row, spellings)| spellings.iter().map(|spelling| (*row, *spelling)))
}
