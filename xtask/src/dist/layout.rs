//! Where installed files go: the prefix they will be found under, and the directory they are staged in.

use std::path::{Path, PathBuf};

use crate::identity;

/// A prefix and a staging directory.
#[derive(Clone, Debug)]
pub struct Layout {
    prefix: PathBuf,
    destdir: PathBuf,
}

impl Layout {
    /// `destdir` is put before every path while installing; empty for none.
    pub fn new(prefix: &Path, destdir: &Path) -> Self {
        Self {
            prefix: prefix.to_path_buf(),
            destdir: destdir.to_path_buf(),
        }
    }

    /// A directory under the prefix, staged.
    pub fn path(&self, dir: &str) -> PathBuf {
        self.staged(&self.prefix.join(dir))
    }

    /// Where a final path is staged.
    pub fn staged(&self, path: &Path) -> PathBuf {
        if self.destdir.as_os_str().is_empty() {
            return path.to_path_buf();
        }
        self.destdir.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Where a staged path will be found.
    pub fn final_path(&self, staged: &Path) -> PathBuf {
        match staged.strip_prefix(&self.destdir) {
            Ok(rest) if !self.destdir.as_os_str().is_empty() => Path::new("/").join(rest),
            _ => staged.to_path_buf(),
        }
    }

    /// Where the programs will be found.
    pub fn bindir(&self) -> PathBuf {
        self.prefix.join("bin")
    }

    /// The list of installed files, staged.
    pub fn list(&self) -> PathBuf {
        self.path("share")
            .join(identity::PROGRAM)
            .join("installed-files")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_is_undone() {
        let layout = Layout::new(Path::new("/usr"), Path::new("/tmp/stage"));
        let staged = layout.path("bin").join("hardline");
        assert_eq!(staged, Path::new("/tmp/stage/usr/bin/hardline"));
        assert_eq!(layout.final_path(&staged), Path::new("/usr/bin/hardline"));
        assert_eq!(layout.bindir(), Path::new("/usr/bin"));
    }

    #[test]
    fn without_a_staging_directory_paths_are_final() {
        let layout = Layout::new(Path::new("/opt/x"), Path::new(""));
        let path = layout.path("bin").join("hardline");
        assert_eq!(path, Path::new("/opt/x/bin/hardline"));
        assert_eq!(layout.final_path(&path), path);
    }
}
