//! Manual pages and shell completions, made from the command line's own definition.

use std::path::Path;

use anyhow::Context;
use clap_complete::Shell;

/// Writes them for `command` and its visible subcommands.
pub fn write(mut command: clap::Command, dir: &Path) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut command, &name, dir)
            .with_context(|| dir.display().to_string())?;
    }
    clap_mangen::generate_to(without_help(command), dir).with_context(|| dir.display().to_string())
}

/// The subcommand `help` repeats the names of all others; it needs no pages.
fn without_help(command: clap::Command) -> clap::Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}
