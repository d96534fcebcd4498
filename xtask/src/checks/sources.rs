//! The package arrows, as the source uses them: re-exports get round manifests, not round this.

use std::path::Path;

use super::Violation;
use crate::tree::Tree;

/// Crates whose names may not appear in the code under a directory.
const RULES: [(&str, &[&str]); 9] = [
    (
        "app",
        &[
            "slint",
            "zbus",
            "ashpd",
            "oo7",
            "gstreamer",
            "hardline_views",
        ],
    ),
    (
        "app/rtc",
        &[
            "tokio",
            "matrix_sdk",
            "matrix_sdk_base",
            "matrix_sdk_ui",
            "slint",
            "zbus",
            "gstreamer",
            "hardline_app",
            "hardline_platform",
        ],
    ),
    (
        "platform",
        &[
            "ruma",
            "matrix_sdk",
            "matrix_sdk_ui",
            "slint",
            "hardline_app",
        ],
    ),
    ("platform/src", &["gstreamer"]),
    ("platform/media-protocol", &["gstreamer", "tokio"]),
    (
        "ui/src",
        &[
            "ruma",
            "matrix_sdk",
            "matrix_sdk_ui",
            "zbus",
            "ashpd",
            "oo7",
        ],
    ),
    ("ui/tests", &["ruma", "matrix_sdk", "matrix_sdk_ui"]),
    (
        "ui/views",
        &["ruma", "matrix_sdk", "hardline_app", "hardline_platform"],
    ),
    (
        "server-lite/src",
        &["matrix_sdk", "slint", "hardline_app", "hardline_platform"],
    ),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (dir, forbidden) in RULES {
        for file in tree.under(dir, "rs") {
            violations.extend(broken(file, &tree.text(file), forbidden));
        }
    }
    violations
}

fn broken(file: &Path, text: &str, forbidden: &[&str]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for name in forbidden.iter().filter(|name| names_crate(code, name)) {
            violations.push(Violation {
                place: format!("{}:{}", file.display(), number + 1),
                what: format!("`{name}` is not to be known here"),
            });
        }
    }
    violations
}

/// Whether code uses a crate: its name as a whole word at the start of a path, or alone in a `use`.
fn names_crate(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let starts = !before.ends_with(is_word) && !before.ends_with('.') && !before.ends_with('"');
        let path = after.starts_with("::");
        let import =
            after.starts_with([';', ',', '}', ' ']) && before.trim_start().starts_with("use ");
        let reexport = before.ends_with("::") && path;
        starts && (path || import) && (!before.ends_with("::") || reexport)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, n_expected: usize) {
        let found = broken(Path::new("ui/src/x.rs"), line, &["ruma", "slint"]);
        assert_eq!(found.len(), n_expected, "{line}");
    }

    #[test]
    fn uses_of_a_crate_are_found() {
        check("use ruma::RoomId;", 1);
        check("use ruma;", 1);
        check("use {ruma, std::io};", 1);
        check("fn f(id: &ruma::RoomId) {}", 1);
        check("use matrix_sdk::ruma::RoomId;", 1);
        check("fn f() { slint::quit_event_loop(); ruma::x() }", 2);
    }

    #[test]
    fn likenesses_are_not() {
        check("// use ruma::RoomId;", 0);
        check("/// See slint::Window.", 0);
        check("use hardline_app::ids; // no ruma", 0);
        check("let ruma = 1;", 0);
        check("use my_ruma::X;", 0);
        check("use crate::slint_side::X;", 0);
        check("\"ruma::api\"", 0);
    }

    #[test]
    fn the_line_is_given() {
        let found = broken(Path::new("a.rs"), "fn f() {}\nuse ruma::X;\n", &["ruma"]);
        assert_eq!(
            found[0].to_string(),
            "a.rs:2: `ruma` is not to be known here"
        );
    }
}
