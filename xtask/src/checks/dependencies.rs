//! The package arrows, as the manifests state them.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Violation;
use crate::tree::Tree;

/// What a package may not depend on, not even for its build. Test dependencies are looked at apart.
struct Rule {
    manifest: &'static str,
    forbidden: &'static [&'static str],
    /// Forbidden in tests as well.
    forbidden_in_tests: &'static [&'static str],
}

const SLINT: [&str; 3] = ["slint", "slint-build", "slint-interpreter"];

const RULES: [Rule; 9] = [
    Rule {
        manifest: "app/Cargo.toml",
        forbidden: &[
            "slint",
            "slint-build",
            "zbus",
            "ashpd",
            "oo7",
            "gstreamer",
            "hardline-media",
            "cxx-qt",
            "hardline",
            "hardline-views",
            "hardline-server",
        ],
        forbidden_in_tests: &SLINT,
    },
    Rule {
        manifest: "app/rtc/Cargo.toml",
        forbidden: &[
            "tokio",
            "matrix-sdk",
            "matrix-sdk-base",
            "matrix-sdk-ui",
            "slint",
            "slint-build",
            "zbus",
            "gstreamer",
            "hardline-app",
            "hardline-platform",
            "hardline-views",
            "hardline",
            "hardline-server",
        ],
        forbidden_in_tests: &["tokio", "matrix-sdk", "slint", "hardline-app"],
    },
    Rule {
        manifest: "platform/Cargo.toml",
        forbidden: &[
            "ruma",
            "matrix-sdk",
            "matrix-sdk-ui",
            "slint",
            "slint-build",
            "gstreamer",
            "hardline-media",
            "hardline-app",
            "hardline-rtc",
            "hardline",
            "hardline-views",
            "hardline-server",
        ],
        forbidden_in_tests: &["ruma", "matrix-sdk", "slint", "hardline-app"],
    },
    Rule {
        manifest: "platform/media-protocol/Cargo.toml",
        forbidden: &[
            "ruma",
            "matrix-sdk",
            "tokio",
            "slint",
            "gstreamer",
            "gstreamer-sdp",
            "gstreamer-webrtc",
            "hardline-media",
            "hardline-app",
            "hardline-rtc",
            "hardline-platform",
            "hardline",
        ],
        forbidden_in_tests: &["gstreamer", "hardline-media"],
    },
    Rule {
        manifest: "platform/media-host/Cargo.toml",
        forbidden: &[
            "ruma",
            "matrix-sdk",
            "matrix-sdk-ui",
            "slint",
            "slint-build",
            "hardline-app",
            "hardline-rtc",
            "hardline-platform",
            "hardline-views",
            "hardline",
            "hardline-server",
        ],
        forbidden_in_tests: &[
            "ruma",
            "matrix-sdk",
            "slint",
            "hardline-app",
            "hardline-rtc",
        ],
    },
    Rule {
        manifest: "ui/Cargo.toml",
        forbidden: &[
            "ruma",
            "matrix-sdk",
            "matrix-sdk-ui",
            "zbus",
            "ashpd",
            "oo7",
            "gstreamer",
            "hardline-media",
            "hardline-rtc",
            "hardline-server",
        ],
        forbidden_in_tests: &["ruma", "matrix-sdk", "matrix-sdk-ui"],
    },
    Rule {
        manifest: "ui/views/Cargo.toml",
        forbidden: &[
            "ruma",
            "matrix-sdk",
            "tokio",
            "zbus",
            "hardline-app",
            "hardline-platform",
            "hardline",
        ],
        forbidden_in_tests: &["ruma", "matrix-sdk", "hardline-app"],
    },
    Rule {
        manifest: "server-lite/Cargo.toml",
        forbidden: &[
            "matrix-sdk",
            "matrix-sdk-ui",
            "slint",
            "zbus",
            "hardline-app",
            "hardline-rtc",
            "hardline-platform",
            "hardline",
            "hardline-views",
        ],
        forbidden_in_tests: &["slint", "hardline-app", "hardline-platform", "hardline"],
    },
    Rule {
        manifest: "testkit/Cargo.toml",
        forbidden: &[
            "slint",
            "hardline-app",
            "hardline-platform",
            "hardline",
            "hardline-server",
        ],
        forbidden_in_tests: &[],
    },
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for rule in &RULES {
        let Some(file) = tree.files().find(|file| *file == rule.manifest) else {
            continue;
        };
        let manifest: Table =
            toml::from_str(&tree.text(file)).with_context(|| rule.manifest.to_owned())?;
        violations.extend(broken(rule, &manifest));
    }
    Ok(violations)
}

fn broken(rule: &Rule, manifest: &Table) -> Vec<Violation> {
    let mut tables = vec![manifest];
    let targets = manifest.get("target").and_then(Value::as_table);
    tables.extend(
        targets
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table),
    );
    let mut violations = Vec::new();
    for table in tables {
        for (kind, forbidden) in [
            ("dependencies", rule.forbidden),
            ("build-dependencies", rule.forbidden),
            ("dev-dependencies", rule.forbidden_in_tests),
        ] {
            let found = table.get(kind).and_then(Value::as_table);
            for (name, value) in found.into_iter().flatten() {
                // A rename does not get round the rule.
                let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
                if forbidden.contains(&package) {
                    violations.push(Violation {
                        place: rule.manifest.to_owned(),
                        what: format!("`{package}` is not allowed in [{kind}] here"),
                    });
                }
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(manifest: &str, expected: &[&str]) {
        check_in("app/Cargo.toml", manifest, expected);
    }

    #[track_caller]
    fn check_in(place: &str, manifest: &str, expected: &[&str]) {
        let rule = RULES.iter().find(|rule| rule.manifest == place).unwrap();
        let violations = broken(rule, &toml::from_str(manifest).unwrap());
        let found: Vec<_> = violations.iter().map(|v| v.what.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_allowed_passes() {
        check(
            "[dependencies]\nmatrix-sdk.workspace = true\nhardline-platform = { path = \"x\" }",
            &[],
        );
    }

    #[test]
    fn a_forbidden_dependency_is_named() {
        check(
            "[dependencies]\nslint = \"1\"",
            &["`slint` is not allowed in [dependencies] here"],
        );
        check(
            "[build-dependencies]\nzbus.workspace = true",
            &["`zbus` is not allowed in [build-dependencies] here"],
        );
    }

    #[test]
    fn a_renamed_or_conditional_one_is_found_too() {
        check(
            "[dependencies]\nwindow = { package = \"slint\", version = \"1\" }",
            &["`slint` is not allowed in [dependencies] here"],
        );
        check(
            "[target.'cfg(unix)'.dependencies]\nashpd = \"0.13\"",
            &["`ashpd` is not allowed in [dependencies] here"],
        );
    }

    #[test]
    fn tests_may_use_more_but_not_everything() {
        check("[dev-dependencies]\nzbus = \"5\"", &[]);
        check(
            "[dev-dependencies]\nslint = \"1\"",
            &["`slint` is not allowed in [dev-dependencies] here"],
        );
    }

    #[test]
    fn the_media_process_knows_no_matrix_and_its_protocol_no_gstreamer() {
        check_in(
            "platform/media-host/Cargo.toml",
            "[dependencies]\ngstreamer.workspace = true\nruma.workspace = true",
            &["`ruma` is not allowed in [dependencies] here"],
        );
        check_in(
            "platform/media-protocol/Cargo.toml",
            "[dependencies]\nserde.workspace = true\ngstreamer.workspace = true",
            &["`gstreamer` is not allowed in [dependencies] here"],
        );
    }

    #[test]
    fn call_signalling_does_no_io() {
        let place = "app/rtc/Cargo.toml";
        check_in(place, "[dependencies]\nruma.workspace = true", &[]);
        check_in(
            place,
            "[dependencies]\ntokio.workspace = true\n[dev-dependencies]\nmatrix-sdk = \"0.18\"",
            &[
                "`tokio` is not allowed in [dependencies] here",
                "`matrix-sdk` is not allowed in [dev-dependencies] here",
            ],
        );
    }
}
