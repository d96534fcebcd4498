//! Where the built programs and the prepared peers are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The folder with the programs of this build: `target/debug` or `target/release`.
pub fn profile_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("the running program has no path")?;
    let mut dir = exe.parent().context("the running program has no folder")?;
    if dir.ends_with("deps") || dir.ends_with("examples") {
        dir = dir.parent().context("the build has no folder")?;
    }
    Ok(dir.to_owned())
}

/// A program of this workspace: from `HARDLINE_PROGRAMS` if set, else as built beside the running test.
pub fn program(name: &str) -> Result<PathBuf> {
    let dir = match std::env::var_os("HARDLINE_PROGRAMS") {
        Some(dir) => PathBuf::from(dir),
        None => profile_dir()?,
    };
    let path = dir.join(name);
    ensure!(
        path.is_file(),
        "{} is not built: run `cargo build --workspace`",
        path.display()
    );
    Ok(path)
}

/// The folder that keeps the prepared peers between runs: `HARDLINE_TESTKIT_DIR` or `target/testkit`.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("HARDLINE_TESTKIT_DIR") {
        return Ok(PathBuf::from(dir));
    }
    let profile = profile_dir()?;
    let target = profile.parent().context("the build has no target folder")?;
    Ok(target.join("testkit"))
}

/// A folder of this package's sources.
pub fn source_dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// An installed program, searched on `PATH`.
pub fn installed(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| {
            format!("{name} is not installed (`make setup` installs what the tests need)")
        })
}
