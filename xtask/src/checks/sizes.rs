//! Long files: a smell to look at, not an error.

use crate::tree::Tree;

const LIMITS: [(&str, usize); 2] = [("rs", 500), ("slint", 300)];

/// One line a file that is longer than it should be, longest first.
pub fn sizes(tree: &Tree) -> Vec<String> {
    let mut long: Vec<(usize, String)> = Vec::new();
    for (ending, limit) in LIMITS {
        for file in tree.under("", ending) {
            let n_lines = tree.text(file).lines().count();
            if n_lines > limit {
                let line = format!("{}: {n_lines} lines, more than {limit}", file.display());
                long.push((n_lines, line));
            }
        }
    }
    long.sort_by(|a, b| b.cmp(a));
    long.into_iter().map(|(_, line)| line).collect()
}
