//! From arguments to an exit code.

use std::{process::ExitCode, time::Duration};

use clap::CommandFactory;
use hardline_app::{
    Core,
    control::{self, Failure, server::Role},
    view::shell::ShellEffect,
};
use tokio::sync::broadcast::error::RecvError;

use super::{Arguments, dist_files, output::Output, owner};

/// Runs the program; `window` shows windows for a core until it ends.
pub fn run(
    arguments: Arguments,
    window: impl FnOnce(Core, bool) -> anyhow::Result<()>,
) -> ExitCode {
    let output = Output {
        json: arguments.json,
    };
    if let Some(dir) = &arguments.dist_files {
        return match dist_files::write(Arguments::command(), dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                output.failure(&Failure::usage(format!("{error:#}")));
                ExitCode::from(2)
            }
        };
    }
    let outcome = match &arguments.command {
        Some(_) => owner::one_command(arguments, output),
        None => program(&arguments, window),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Failed(failure)) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
        Err(Ended::Usage(error)) => {
            output.failure(&Failure::usage(format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

/// How it ended without success.
pub(super) enum Ended {
    Failed(Failure),
    Usage(anyhow::Error),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Usage(error)
    }
}

/// How long the end of the program waits for commands it carries out for others.
const COMMANDS_LIMIT: Duration = Duration::from_secs(5);

/// The window, or the background; a second start hands over to the first.
fn program(
    arguments: &Arguments,
    window: impl FnOnce(Core, bool) -> anyhow::Result<()>,
) -> Result<(), Ended> {
    let Some(core) = owner::become_program(arguments)? else {
        return Ok(());
    };
    let serving = control::server::start(&core, Role::Program)
        .inspect_err(|error| tracing::warn!(%error, "other starts cannot reach this one"))
        .ok();
    control::activation::start(&core);
    quit_on_signals(&core);
    window(core.clone(), arguments.background).map_err(Ended::Usage)?;
    if let Some(serving) = serving {
        let finish = async { tokio::time::timeout(COMMANDS_LIMIT, serving.finish()).await };
        let finished = core.block_on(finish);
        if finished.is_err() {
            tracing::warn!("a command under way was cut");
        }
    }
    core.shutdown();
    Ok(())
}

/// Such a signal ends the program as Quit does.
pub(super) fn quit_on_signals(core: &Core) {
    let told = core.clone();
    core.tasks().detach("signals", async move {
        ending_signal().await;
        told.shell_effect(ShellEffect::Quit);
    });
}

/// Resolves when a signal tells the process to end: Control-C, SIGTERM, or the end of its terminal.
pub(super) async fn ending_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Resolves when the program is told to end.
pub(super) async fn told_to_quit(core: &Core) {
    let mut effects = core.shell_effects();
    loop {
        match effects.recv().await {
            Ok(ShellEffect::Quit) | Err(RecvError::Closed) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}
