//! `hardline-server backup`
//!
//! The database is copied in one snapshot by SQLite (`VACUUM INTO`, <https://www.sqlite.org/lang_vacuum.html>): writers go
//! on meanwhile, and what they write is not in the copy. The online backup API would begin anew with every write of the
//! server's process and so never end on a busy one.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use hardline_server::{
    config::Config,
    service::{COMPONENTS, now_ms},
    store,
};
use serde_json::json;

use super::{
    Common,
    archive::{
        CONFIG, CONTENT, DATABASE, Manifest, copy, folders, link_or_copy, private, sync_dir,
        uploads,
    },
    output::Output,
};

/// Where to.
#[derive(Args)]
pub struct Backup {
    /// A folder that is new or empty.
    dir: PathBuf,
}

impl Backup {
    /// Carries the command out.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.load()?;
        prepare(&self.dir)?;
        let shown = self.dir.display();
        let n_copied = fill(&self.dir, &config).with_context(|| format!("no backup in {shown}"))?;
        copy_config(&common.config, &self.dir.join(CONFIG))?;
        let manifest = Manifest::of(&self.dir, config.server.name.as_str(), now_ms())?;
        manifest.verify(&self.dir, false)?;
        for folder in folders(&self.dir)? {
            sync_dir(&folder)?;
        }
        manifest.write(&self.dir)?;
        report(&common.output(), &self.dir, &manifest, n_copied)
    }
}

fn report(output: &Output, dir: &Path, manifest: &Manifest, n_copied: usize) -> anyhow::Result<()> {
    let value = json!({
        "dir": dir, "created_at": manifest.created_at,
        "database_bytes": manifest.database_bytes, "files": manifest.files,
        "file_bytes": manifest.file_bytes, "files_copied": n_copied, "verified": true,
    });
    let lines = [
        format!(
            "The backup in {} is whole: a database of {} KiB, {} files of {} KiB.",
            dir.display(),
            manifest.database_bytes / 1024,
            manifest.files,
            manifest.file_bytes / 1024
        ),
        "It holds the server's keys and its configuration: keep it as safe as the server."
            .to_owned(),
    ];
    output.print(&value, lines)
}

/// A new or empty folder, for its owner alone.
fn prepare(dir: &Path) -> anyhow::Result<()> {
    let shown = dir.display();
    fs::create_dir_all(dir).with_context(|| shown.to_string())?;
    if fs::read_dir(dir)?.next().is_some() {
        bail!("{shown} is not empty; a backup needs a folder of its own");
    }
    fs::set_permissions(dir, PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Copies the database, then the files it names. In that order: files are stored before the database names them.
fn fill(dir: &Path, config: &Config) -> anyhow::Result<usize> {
    let source = store::connect(&config.database(), COMPONENTS)?;
    let target = dir.join(DATABASE);
    private(&target)?;
    let name = target.to_str().context("the folder's name is not UTF-8")?;
    source.execute("VACUUM INTO ?1", [name])?;
    drop(source);
    File::open(&target)?.sync_all()?;
    let copied = store::connect(&target, COMPONENTS)?;
    let files = uploads(&copied)?;
    copied.close().map_err(|(_, error)| error)?;
    let (from, to) = (config.storage.path.join("media/content"), dir.join(CONTENT));
    fs::create_dir_all(&to)?;
    let mut n_copied = 0;
    for hash in files.keys() {
        let of = |folder: &Path| folder.join(&hash[..2]).join(&hash[2..]);
        n_copied += usize::from(link_or_copy(&of(&from), &of(&to))?);
    }
    Ok(n_copied)
}

/// The configuration holds secrets: the copy is for its owner alone.
fn copy_config(from: &Path, to: &Path) -> anyhow::Result<()> {
    copy(from, to).with_context(|| from.display().to_string())?;
    fs::set_permissions(to, PermissionsExt::from_mode(0o600))?;
    Ok(())
}
