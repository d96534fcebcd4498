//! The files of a source tree: those git tracks, or all of them where there is no git.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// A source tree.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Tree {
    /// Lists the files under `root`.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let mut files = match tracked(&root) {
            Some(files) => files,
            None => walk(&root)?,
        };
        files.retain(|file| root.join(file).is_file());
        files.sort();
        Ok(Self { root, files })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its files, relative to the root.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Files under a directory with an ending.
    pub fn under<'a>(&'a self, dir: &'a str, ending: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files().filter(move |file| {
            file.starts_with(dir) && file.extension().is_some_and(|found| found == ending)
        })
    }

    /// The text of a file; empty if it is not text.
    pub fn text(&self, file: &Path) -> String {
        let bytes = fs::read(self.root.join(file)).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// `None` if this is not the top of a git work tree.
fn tracked(root: &Path) -> Option<Vec<PathBuf>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let files = text.split('\0').filter(|name| !name.is_empty());
    output
        .status
        .success()
        .then(|| files.map(PathBuf::from).collect())
}

fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = entry?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.') || name == "target");
            if path.is_dir() {
                if !hidden {
                    dirs.push(path);
                }
            } else {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    Ok(files)
}
