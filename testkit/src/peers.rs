//! Preparing what the tests need from the Python and JavaScript registries, once: a virtual environment with Synapse,
//! matrix-nio and mautrix, and the bundled page with matrix-js-sdk. Kept in [`paths::cache_dir`]; made anew when a pinned
//! version or a source file changes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::task::spawn_blocking;

use crate::{paths, process::Launch};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Prepares everything.
pub async fn prepare() -> Result<()> {
    python().await?;
    page().await?;
    Ok(())
}

/// The Python of an environment that has Synapse, matrix-nio and mautrix.
pub async fn python() -> Result<PathBuf> {
    let wanted = fs::read_to_string(paths::source_dir("py").join("requirements.txt"))?;
    let dir = paths::cache_dir()?.join("venv");
    let python = dir.join("bin/python");
    once("venv", &wanted, async || {
        let work = work_dir("venv")?;
        let base = ["/usr/bin/python3", "python3"]
            .into_iter()
            .find(|p| Path::new(p).is_file())
            .unwrap_or("python3");
        let base = if base.contains('/') {
            PathBuf::from(base)
        } else {
            paths::installed(base)?
        };
        run(Launch::new(base, &work)?
            .args(["-m", "venv", "--clear"])
            .arg(&dir))
        .await?;
        let requirements = paths::source_dir("py").join("requirements.txt");
        run(Launch::new(&python, &work)?
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(requirements))
        .await
    })
    .await?;
    Ok(python)
}

/// The folder with the bundled page.
pub async fn page() -> Result<PathBuf> {
    let dir = paths::cache_dir()?.join("page");
    let source = paths::source_dir("js");
    let wanted = all_text(&source)?;
    once("page", &wanted, async || {
        // The packages live outside the source tree, beside a copy of it.
        let work = work_dir("js")?;
        fs::create_dir_all(work.join("src"))?;
        for name in sources(&source)? {
            fs::copy(source.join(&name), work.join(&name))?;
        }
        let npm = paths::installed("npm")?;
        let quiet = [
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ];
        run(Launch::new(npm, &work)?
            .arg("ci")
            .args(quiet)
            .current_dir(&work))
        .await?;
        run(Launch::new(paths::installed("node")?, &work)?
            .arg("build.mjs")
            .arg(&dir)
            .current_dir(&work))
        .await
    })
    .await?;
    Ok(dir)
}

/// Runs `make` unless the stamp of `name` says it was done for this `wanted`; one process at a time.
async fn once(name: &str, wanted: &str, make: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let cache = paths::cache_dir()?;
    fs::create_dir_all(&cache)?;
    let stamp = cache.join(format!("{name}.stamp"));
    let current = || fs::read_to_string(&stamp).is_ok_and(|found| found == wanted);
    if current() {
        return Ok(());
    }
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    let _held = spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if current() {
        return Ok(());
    }
    make().await.with_context(|| format!("preparing {name}"))?;
    fs::write(&stamp, wanted)?;
    Ok(())
}

async fn run(launch: Launch) -> Result<()> {
    let output = launch.output(LIMIT).await?;
    ensure!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        output.stdout,
        output.stderr
    );
    Ok(())
}

fn work_dir(name: &str) -> Result<PathBuf> {
    let dir = paths::cache_dir()?.join("work").join(name);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for folder in ["", "src"] {
        for entry in fs::read_dir(dir.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(Path::new(folder).join(entry.file_name()));
            }
        }
    }
    names.sort();
    Ok(names)
}

fn all_text(dir: &Path) -> Result<String> {
    sources(dir)?
        .iter()
        .map(|name| Ok(fs::read_to_string(dir.join(name))?))
        .collect()
}
