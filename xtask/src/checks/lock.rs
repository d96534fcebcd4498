//! One version of what must not exist twice, and programs without what belongs to another process, read from `Cargo.lock`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Violation;
use crate::tree::Tree;

/// Two of these would be two sets of incompatible types, or two databases in one process.
const ONCE: [&str; 9] = [
    "ruma",
    "ruma-common",
    "matrix-sdk",
    "matrix-sdk-ui",
    "vodozemac",
    "rusqlite",
    "libsqlite3-sys",
    "slint",
    "zbus",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Violation>> {
    let lock = Path::new("Cargo.lock");
    if tree.files().any(|file| file == lock) {
        broken(&tree.text(lock))
    } else {
        Ok(Vec::new())
    }
}

/// A program, and what it must not be linked with, by whichever way.
const APART: [(&str, &str); 2] = [
    ("hardline", "gstreamer-sys"),
    ("hardline-server", "gstreamer-sys"),
];

fn broken(text: &str) -> Result<Vec<Violation>> {
    let lock: Table = toml::from_str(text).context("Cargo.lock")?;
    let mut violations = twice(&lock);
    violations.extend(reached(&lock));
    Ok(violations)
}

/// What a program reaches through its dependencies and theirs, tests included.
fn reached(lock: &Table) -> Vec<Violation> {
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let packages = lock.get("package").and_then(Value::as_array);
    for package in packages.into_iter().flatten() {
        let name = package.get("name").and_then(Value::as_str);
        let needed = package.get("dependencies").and_then(Value::as_array);
        let needed = needed.into_iter().flatten().filter_map(Value::as_str);
        // A version may follow the name.
        let needed = needed.filter_map(|text| text.split(' ').next());
        dependencies
            .entry(name.unwrap_or_default())
            .or_default()
            .extend(needed);
    }
    let reaches = |program: &&(&str, &str)| {
        let mut seen = BTreeSet::new();
        let mut open = vec![program.0];
        while let Some(name) = open.pop() {
            if seen.insert(name) {
                open.extend(dependencies.get(name).into_iter().flatten().copied());
            }
        }
        seen.contains(program.1)
    };
    let violation = |(program, apart): &(&str, &str)| Violation {
        place: "Cargo.lock".to_owned(),
        what: format!("`{program}` must not depend on `{apart}`, not even through others"),
    };
    APART.iter().filter(reaches).map(violation).collect()
}

fn twice(lock: &Table) -> Vec<Violation> {
    let packages = lock.get("package").and_then(Value::as_array);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.into_iter().flatten() {
        let part = |key: &str| package.get(key).and_then(Value::as_str);
        if let (Some(name), Some(version)) = (part("name"), part("version"))
            && ONCE.contains(&name)
        {
            versions.entry(name).or_default().push(version);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    let violation = |(name, versions): (&str, Vec<&str>)| Violation {
        place: "Cargo.lock".to_owned(),
        what: format!(
            "`{name}` must exist once, but there is {}",
            versions.join(" and ")
        ),
    };
    versions.into_iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[package]]\nname = \"ruma\"\nversion = \"0.16.0\"\n";

    #[test]
    fn one_version_passes_and_others_may_exist_twice() {
        let other = "[[package]]\nname = \"rand\"\nversion = \"0.8.0\"\n\
                     [[package]]\nname = \"rand\"\nversion = \"0.9.0\"\n";
        assert_eq!(broken(&format!("{ONE}{other}")).unwrap(), []);
    }

    #[test]
    fn a_second_version_is_named_with_the_first() {
        let two = format!("{ONE}{}", ONE.replace("0.16.0", "0.17.2"));
        let what = &broken(&two).unwrap()[0].what;
        assert_eq!(
            what,
            "`ruma` must exist once, but there is 0.16.0 and 0.17.2"
        );
    }

    #[test]
    fn a_program_that_reaches_gstreamer_by_a_detour_is_named() {
        let lock = |needed: &str| {
            format!(
                "[[package]]\nname = \"hardline\"\nversion = \"0.1.0\"\ndependencies = [\"detour 1.0.0\"]\n\
                 [[package]]\nname = \"detour\"\nversion = \"1.0.0\"\ndependencies = [\"{needed}\"]\n\
                 [[package]]\nname = \"gstreamer-sys\"\nversion = \"0.25.0\"\n"
            )
        };
        assert_eq!(broken(&lock("serde")).unwrap(), []);
        let what = &broken(&lock("gstreamer-sys")).unwrap()[0].what;
        assert_eq!(
            what,
            "`hardline` must not depend on `gstreamer-sys`, not even through others"
        );
    }
}
