//! Nothing of one machine in the tree: no package registry's host, no path of a person's or a builder's directory.

use std::path::Path;

use super::Violation;
use crate::tree::Tree;

/// Hosts that belong into a machine's configuration.
const HOSTS: [&str; 7] = [
    concat!("registry.", "npmjs.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi", ".org/simple"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
];

/// Beginnings of absolute paths that exist on one machine only.
const PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/home/", "user"),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.files()
        .flat_map(|file| broken(file, &tree.text(file)))
        .collect()
}

fn broken(file: &Path, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let hosts = HOSTS.iter().filter(|host| line.contains(**host));
        let paths = PATHS.iter().filter(|path| holds_path(line, path));
        for found in hosts.chain(paths) {
            violations.push(Violation {
                place: format!("{}:{}", file.display(), number + 1),
                what: format!("`{found}` belongs to a machine, not into the tree"),
            });
        }
    }
    violations
}

/// Whether a line holds an absolute path that begins so: not as a part of a longer one or of an address.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-/}{)>*$".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, n_expected: usize) {
        assert_eq!(broken(Path::new("x"), line).len(), n_expected, "{line}");
    }

    #[test]
    fn machine_paths_are_found() {
        check(concat!("cd /wo", "rk/main"), 1);
        check(concat!("\"/ro", "ot/.cargo\""), 1);
        check(concat!("file:/home/", "user/x"), 1);
    }

    #[test]
    fn parts_of_other_paths_are_not() {
        check(concat!("ui/wo", "rk/x"), 0);
        check(concat!("https://example.org/ro", "ot/x"), 0);
        check(concat!("$DIR/wo", "rk/x"), 0);
    }

    #[test]
    fn registry_hosts_are_found() {
        check(
            concat!("\"resolved\": \"https://registry.", "npmjs.org/x.tgz\""),
            1,
        );
        check("https://crates.io/crates/slint", 0);
    }
}
