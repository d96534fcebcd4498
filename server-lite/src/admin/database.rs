//! `hardline-server database check | vacuum`

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use hardline_server::{
    config::Config,
    serve::{control, lock::DataLock},
    service::{COMPONENTS, check},
    store,
};
use rusqlite::Connection;
use serde_json::json;

use super::{Common, archive::missing_files, output::Output, sentence};

/// Pages that are given back in one transaction, so that a running server's writes hardly wait.
const STEP: u32 = 256;

/// Commands about the database.
#[derive(Subcommand)]
pub enum DatabaseCommand {
    /// Checks that file, references, rooms and uploaded files are whole. Ends with 1 if something is wrong.
    Check,
    /// Gives the space of what was deleted back to the disk.
    Vacuum {
        /// Write the whole database anew, which also puts it in order. The server must be stopped, and there must be
        /// room for a second one.
        #[arg(long)]
        full: bool,
    },
}

impl DatabaseCommand {
    /// Carries the command out.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.load()?;
        match self {
            Self::Check => check(&config, &common.output()),
            Self::Vacuum { full } => vacuum(&config, &common.output(), full),
        }
    }
}

fn check(config: &Config, output: &Output) -> anyhow::Result<()> {
    let mut connection = store::connect(&config.database(), COMPONENTS)?;
    // One snapshot for all: a running server goes on writing.
    let snapshot = connection.transaction()?;
    let mut problems: Vec<_> = check::run(&snapshot).map_err(sentence)?;
    for what in missing_files(&snapshot, &config.storage.path.join("media"))? {
        let check = "uploaded files are there";
        problems.push(check::Problem { check, what });
    }
    drop(snapshot);
    let names: Vec<_> = check::names().chain(["uploaded files are there"]).collect();
    let value = json!({ "ok": problems.is_empty(), "checks": names, "problems": problems });
    let lines = names.iter().map(|name| {
        let mut found = problems
            .iter()
            .filter(|problem| problem.check == *name)
            .peekable();
        let mark = if found.peek().is_some() {
            "NOT ok"
        } else {
            "ok"
        };
        let details: String = found
            .map(|problem| format!("\n    {}", problem.what))
            .collect();
        format!("{mark:<6}  {name}{details}")
    });
    output.print(&value, lines.collect::<Vec<_>>())?;
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{} problems; a backup from before may help", problems.len());
}

fn vacuum(config: &Config, output: &Output, full: bool) -> anyhow::Result<()> {
    let folder = &config.storage.path;
    let _lock = if full {
        Some(DataLock::take(folder)?)
    } else {
        None
    };
    let connection = store::connect(&config.database(), COMPONENTS)?;
    let before = bytes(&connection)?;
    if full {
        connection.execute_batch("VACUUM")?;
    } else {
        give_back(&connection)?;
    }
    // Where a running server reads at this moment, its next checkpoint does the same.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let after = bytes(&connection)?;
    let is_running = control::ask_stats(folder).is_some();
    let value = json!({ "bytes_before": before, "bytes_after": after, "running": is_running });
    let (before, after) = (before / 1024, after / 1024);
    output.print(
        &value,
        [format!(
            "The database had {before} KiB and has {after} KiB."
        )],
    )
}

fn give_back(connection: &Connection) -> anyhow::Result<()> {
    let unused = || -> rusqlite::Result<i64> {
        connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))
    };
    let mut left = unused()?;
    while left > 0 {
        let sql = format!("PRAGMA incremental_vacuum({STEP})");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        let now = unused()?;
        if now >= left {
            // A server that is running needs new pages as fast as they are given back.
            break;
        }
        left = now;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn bytes(connection: &Connection) -> rusqlite::Result<i64> {
    let number = |name: &str| -> rusqlite::Result<i64> {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    Ok(number("page_count")? * number("page_size")?)
}
