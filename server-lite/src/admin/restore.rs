//! `hardline-server restore`

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use hardline_server::{
    config::Config,
    serve::lock::DataLock,
    service::{COMPONENTS, notifier::Notifier, now_ms},
    store::{Store, StoreOptions},
};
use serde_json::json;

use super::{
    Common,
    archive::{
        CONFIG, CONTENT, DATABASE, Manifest, copy, folders, link_or_copy, sync_dir, uploads,
    },
    output::{Output, utc},
};

/// How far the stream jumps ahead. Clients have got further than the backup; to them, what comes now has to be new.
const JUMP: i64 = 10_000_000;

/// From where.
#[derive(Args)]
pub struct Restore {
    /// The folder that `backup` has filled.
    dir: PathBuf,
    /// Only check that the backup is whole, every file by its content.
    #[arg(long)]
    check: bool,
    /// Where there is a database already, put it aside (into `before-restore-…` in the data folder).
    #[arg(long, conflicts_with = "check")]
    replace: bool,
}

impl Restore {
    /// Carries the command out.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let manifest = Manifest::read(&self.dir)?;
        if self.check {
            manifest.verify(&self.dir, true)?;
            return report(&common.output(), &manifest, "whole", None);
        }
        if !common.config.exists() {
            copy(&self.dir.join(CONFIG), &common.config)?;
            fs::set_permissions(&common.config, PermissionsExt::from_mode(0o600))?;
        }
        let config = common.load()?;
        ensure!(
            config.server.name == manifest.server_name,
            "the backup is of {}, the configuration of {}",
            manifest.server_name,
            config.server.name
        );
        let _lock = DataLock::take(&config.storage.path)?;
        manifest.verify(&self.dir, false)?;
        let aside = self.make_room(&config)?;
        put_back(&self.dir, &config)?;
        report(&common.output(), &manifest, "restored", aside)
    }

    /// Moves what is there out of the way; nothing is deleted.
    fn make_room(&self, config: &Config) -> anyhow::Result<Option<PathBuf>> {
        let (folder, database) = (&config.storage.path, config.database());
        if !database.exists() {
            return Ok(None);
        }
        if !self.replace {
            bail!(
                "{} exists; with --replace it is put aside",
                database.display()
            );
        }
        let aside = folder.join(format!("before-restore-{}", now_ms() / 1000));
        fs::create_dir(&aside)?;
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("{DATABASE}{suffix}");
            let from = folder.join(&name);
            if from.exists() {
                fs::rename(from, aside.join(name))?;
            }
        }
        sync_dir(folder)?;
        Ok(Some(aside))
    }
}

fn put_back(dir: &Path, config: &Config) -> anyhow::Result<()> {
    let folder = &config.storage.path;
    let (from, to) = (dir.join(CONTENT), folder.join("media/content"));
    let partial = folder.join("restoring.db");
    for leftover in ["restoring.db", "restoring.db-wal", "restoring.db-shm"] {
        let _ = fs::remove_file(folder.join(leftover));
    }
    copy(&dir.join(DATABASE), &partial).context("the database cannot be copied")?;
    fs::set_permissions(&partial, PermissionsExt::from_mode(0o600))?;
    let files = prepare(&partial)?;
    fs::create_dir_all(&to)?;
    for hash in files {
        let of = |folder: &Path| folder.join(&hash[..2]).join(&hash[2..]);
        link_or_copy(&of(&from), &of(&to))?;
    }
    for folder in folders(&to)? {
        sync_dir(&folder)?;
    }
    // Last: as long as it is not there, nothing was restored.
    fs::rename(&partial, config.database())?;
    sync_dir(folder)
}

/// Makes a copy fit to go on with. Returns the files it names.
fn prepare(database: &Path) -> anyhow::Result<Vec<String>> {
    // Opened as the server does: a backup of an older version is brought up to date.
    let options = StoreOptions::default();
    Store::open(database, &options, COMPONENTS, Notifier::default())?.close();
    let connection = hardline_server::store::connect(database, COMPONENTS)?;
    connection.execute("UPDATE stream SET position = position + ?1", [JUMP])?;
    // Some of them were handed out since: the same key twice would make messages unreadable. Clients make new ones.
    connection.execute("DELETE FROM one_time_keys", [])?;
    let files = uploads(&connection)?.into_keys().collect();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(files)
}

fn report(
    output: &Output,
    manifest: &Manifest,
    what: &str,
    aside: Option<PathBuf>,
) -> anyhow::Result<()> {
    let value = json!({
        what: true, "server_name": manifest.server_name, "created_at": manifest.created_at,
        "database_bytes": manifest.database_bytes, "files": manifest.files, "put_aside": aside,
    });
    let lines = [
        Some(format!(
            "The backup of {} from {} is {what}: {} files, a database of {} KiB.",
            manifest.server_name,
            utc(manifest.created_at),
            manifest.files,
            manifest.database_bytes / 1024
        )),
        aside.map(|aside| format!("What was there before is in {}.", aside.display())),
    ];
    output.print(&value, lines.into_iter().flatten())
}
