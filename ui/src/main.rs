//! The program `hardline`: arguments, logs, then command line, window or background.

use std::process::ExitCode;

use clap::Parser;
use hardline_ui::{
    cli::{self, Arguments},
    window,
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logs(arguments.command.is_some());
    let renderer = arguments.renderer;
    cli::run(arguments, move |core, background| {
        Ok(window::run_core(&core, renderer, background)?)
    })
}

/// Logs go to standard error; `HARDLINE_LOG` says what. They carry ids, never messages, keys or tokens.
fn start_logs(is_command: bool) {
    let default = if is_command {
        "off"
    } else {
        "warn,hardline=info,hardline_app=info"
    };
    let filter =
        EnvFilter::try_from_env("HARDLINE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
