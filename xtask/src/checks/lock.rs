//! One version of what must not exist twice, read from `Cargo.lock`.

use std::{collections::BTreeMap, path::Path};

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

fn broken(text: &str) -> Result<Vec<Violation>> {
    let lock: Table = toml::from_str(text).context("Cargo.lock")?;
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
    Ok(versions.into_iter().map(violation).collect())
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
}
