//! Project commands: architecture checks, installing, packaging helpers. Run as `cargo xtask …`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use xtask::{checks, dist, tree::Tree};

/// Project commands of Hardline.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the package arrows and the invariants that can be read off the tree.
    CheckArch {
        /// The tree to check.
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
    /// Installs the built programs with everything a desktop needs of them.
    Install {
        /// The directory of the built programs.
        #[arg(long)]
        programs: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Removes what `install` put there.
    Uninstall {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(clap::Args)]
struct Place {
    /// Where the programs will be found when they run.
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
    /// Put before every path while installing.
    #[arg(long, default_value = "")]
    destdir: PathBuf,
    /// The project's tree.
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

impl Place {
    fn layout(&self) -> dist::Layout {
        dist::Layout::new(&self.prefix, &self.destdir)
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::CheckArch { root } => check_arch(root),
        Command::Install { programs, place } => {
            dist::install(&place.root, &programs, &place.layout()).map(|files| {
                say(&format!("installed {} files", files.len()));
                true
            })
        }
        Command::Uninstall { place } => dist::uninstall(&place.layout()).map(|n_removed| {
            say(&format!("removed {n_removed} files"));
            true
        }),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn check_arch(root: PathBuf) -> anyhow::Result<bool> {
    let tree = Tree::open(root)?;
    for smell in checks::sizes(&tree) {
        say(&format!("smell: {smell}"));
    }
    let violations = checks::all(&tree)?;
    for violation in &violations {
        say(&format!("error: {violation}"));
    }
    if violations.is_empty() {
        say("the architecture holds");
    }
    Ok(violations.is_empty())
}

fn say(line: &str) {
    eprintln!("{line}");
}
