//! The application id is stated in one place; the rest takes it from there.

use std::path::Path;

use super::Violation;
use crate::{identity, tree::Tree};

/// Where it is stated.
const PLACE: &str = "platform/src/identity.rs";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let stated = Path::new(PLACE);
    let checked = tree
        .files()
        .filter(|file| *file != stated && must_not_state(file));
    checked
        .flat_map(|file| broken(file, &tree.text(file)))
        .collect()
}

/// Documents may name it for people; code, scripts and templates may not.
fn must_not_state(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default().to_string_lossy();
    !matches!(&*ending, "md" | "svg" | "lock" | "po" | "pot")
}

fn broken(file: &Path, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let stated = [identity::APP_ID, identity::OBJECT_PATH]
            .iter()
            .any(|id| line.contains(id));
        if stated {
            violations.push(Violation {
                place: format!("{}:{}", file.display(), number + 1),
                what: format!("the application id is stated in {PLACE} alone; take it from there"),
            });
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_statement_of_the_id_is_found() {
        let text = format!("let id = \"{}\";", identity::APP_ID);
        assert_eq!(broken(Path::new("a.rs"), &text).len(), 1);
        assert!(broken(Path::new("a.rs"), "let id = identity::APP_ID;").is_empty());
    }

    #[test]
    fn documents_may_name_it() {
        assert!(!must_not_state(Path::new("docs/user-guide.md")));
        assert!(must_not_state(Path::new("packaging/data/app.desktop.in")));
        assert!(must_not_state(Path::new("Makefile")));
    }
}
