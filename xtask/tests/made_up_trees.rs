//! The architecture checks on small trees made for the purpose, and on this one.

use std::{fs, path::Path};

use xtask::{checks, tree::Tree};

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let tree = Tree::open(dir.path()).unwrap();
    (dir, tree)
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let (_dir, tree) = tree(files);
    let found: Vec<String> = checks::all(&tree)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_tree_that_keeps_the_rules_passes() {
    check(
        &[
            ("app/Cargo.toml", "[dependencies]\nmatrix-sdk = \"0.18\"\n"),
            ("app/src/lib.rs", "use matrix_sdk::Client;\n"),
            ("ui/Cargo.toml", "[dependencies]\nslint = \"1\"\n"),
            ("ui/src/main.rs", "slint::slint! {}\n"),
        ],
        &[],
    );
}

#[test]
fn an_app_that_knows_the_window_toolkit_is_caught_twice() {
    check(
        &[
            ("app/Cargo.toml", "[dependencies]\nslint = \"1\"\n"),
            (
                "app/src/lib.rs",
                "fn f() {\n    slint::quit_event_loop();\n}\n",
            ),
        ],
        &[
            "app/Cargo.toml: `slint` is not allowed in [dependencies] here",
            "app/src/lib.rs:2: `slint` is not to be known here",
        ],
    );
}

#[test]
fn a_window_that_reaches_through_a_reexport_is_caught() {
    check(
        &[(
            "ui/src/main.rs",
            "use hardline_app::matrix_sdk::ruma::RoomId;\n",
        )],
        &[
            "ui/src/main.rs:1: `matrix_sdk` is not to be known here",
            "ui/src/main.rs:1: `ruma` is not to be known here",
        ],
    );
}

#[test]
fn a_platform_that_knows_matrix_is_caught() {
    check(
        &[(
            "platform/Cargo.toml",
            "[dev-dependencies]\nruma = \"0.16\"\n",
        )],
        &["platform/Cargo.toml: `ruma` is not allowed in [dev-dependencies] here"],
    );
}

#[test]
fn a_server_that_leans_on_the_app_is_caught() {
    check(
        &[(
            "server-lite/Cargo.toml",
            "[dependencies]\nhardline-app = { path = \"../app\" }\n",
        )],
        &["server-lite/Cargo.toml: `hardline-app` is not allowed in [dependencies] here"],
    );
}

#[test]
fn files_git_ignores_are_not_looked_at() {
    let (dir, _) = tree(&[
        (".gitignore", "/out\n"),
        ("out/app/src/lib.rs", "use slint::X;\n"),
        ("app/src/lib.rs", "\n"),
    ]);
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(dir.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    let tree = Tree::open(dir.path()).unwrap();
    let files: Vec<_> = tree.files().collect();
    assert_eq!(
        files,
        [Path::new(".gitignore"), Path::new("app/src/lib.rs")]
    );
}

#[test]
fn long_files_are_reported_longest_first() {
    let long = "\n".repeat(501);
    let longer = "\n".repeat(600);
    let (_dir, tree) = tree(&[("a.rs", &long), ("b.slint", &longer), ("c.rs", "\n")]);
    assert_eq!(
        checks::sizes(&tree),
        [
            "b.slint: 600 lines, more than 300",
            "a.rs: 501 lines, more than 500"
        ]
    );
}

#[test]
fn this_tree_keeps_its_own_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let violations = checks::all(&Tree::open(root).unwrap()).unwrap();
    let text: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{}", text.join("\n"));
}
