//! From arguments to an exit code.

use std::process::ExitCode;

use clap::CommandFactory;
use hardline_app::{
    Core,
    control::{self, Command, Failure, Link},
    view::shell::ShellEffect,
};
use tokio::sync::{broadcast::error::RecvError, mpsc};

use super::{
    Arguments, Sub, dist_files, input,
    output::Output,
    start::{self, Place},
};

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
        Some(_) => one_command(arguments, output),
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
enum Ended {
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

/// The window, or the background; a second start hands over to the first.
fn program(
    arguments: &Arguments,
    window: impl FnOnce(Core, bool) -> anyhow::Result<()>,
) -> Result<(), Ended> {
    let place = Place::of(arguments)?;
    let config = start::config(arguments, &place, !arguments.background)?;
    let core = match start::core(config) {
        Ok(core) => core,
        Err(error) if control::server::is_owned_elsewhere(&error) => {
            if arguments.background {
                return Ok(());
            }
            let output = Output {
                json: arguments.json,
            };
            return elsewhere(&place, &Command::Raise, output)
                .map(drop)
                .map_err(Into::into);
        }
        Err(error) => return Err(Failure::from(error.notice()).into()),
    };
    if let Err(error) = control::server::start(&core) {
        tracing::warn!(%error, "other starts cannot reach this one");
    }
    control::activation::start(&core);
    quit_on_signals(&core);
    window(core.clone(), arguments.background).map_err(Ended::Usage)?;
    core.shutdown();
    Ok(())
}

/// SIGTERM and SIGINT end the program as Quit does.
fn quit_on_signals(core: &Core) {
    let told = core.clone();
    core.tasks().detach("signals", async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.shell_effect(ShellEffect::Quit);
    });
}

/// Waits, without any window, until the program is told to end.
pub fn wait_for_quit(core: &Core) {
    let mut effects = core.shell_effects();
    core.block_on(async {
        loop {
            match effects.recv().await {
                Ok(ShellEffect::Quit) | Err(RecvError::Closed) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            }
        }
    });
}

fn one_command(mut arguments: Arguments, output: Output) -> Result<(), Ended> {
    let Some(sub) = arguments.command.take() else {
        return Ok(());
    };
    let (name, stays) = (name_of(&sub), matches!(sub, Sub::OwnServer));
    let command = input::command(sub)?;
    let place = Place::of(&arguments)?;
    let config = start::config(&arguments, &place, start::can_prompt())?;
    let answer = match start::core(config) {
        Ok(_) if matches!(command, Command::Raise | Command::Quit) => {
            return Err(Failure::usage("the program does not run on this profile").into());
        }
        Ok(core) => {
            let answer = here(&core, command, output);
            if stays && let Ok(answer) = &answer {
                output.answer(name, answer);
                quit_on_signals(&core);
                wait_for_quit(&core);
            }
            core.shutdown();
            answer
        }
        Err(error) if control::server::is_owned_elsewhere(&error) => {
            elsewhere(&place, &command, output)
        }
        Err(error) => Err(error.notice().into()),
    }?;
    if !stays {
        output.answer(name, &answer);
    }
    Ok(())
}

/// Carries a command out in this process.
fn here(core: &Core, command: Command, output: Output) -> Result<serde_json::Value, Failure> {
    let interactive = matches!(command, Command::Verify { .. });
    core.block_on(async move {
        let (mut link, mut peer) = Link::pair();
        if interactive {
            input::forward_lines(peer.input.clone());
        }
        let performing = control::perform(core, command, &mut link);
        tokio::pin!(performing);
        let answer = loop {
            tokio::select! {
                answer = &mut performing => break answer,
                Some(progress) = peer.progress.recv() => output.progress(&progress),
                _ = tokio::signal::ctrl_c() => break Ok(serde_json::Value::Null),
            }
        };
        while let Ok(progress) = peer.progress.try_recv() {
            output.progress(&progress);
        }
        answer
    })
}

/// Has it carried out by the process that owns the profile.
fn elsewhere(
    place: &Place,
    command: &Command,
    output: Output,
) -> Result<serde_json::Value, Failure> {
    let unexpected = |error: std::io::Error| Failure::usage(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (typed, lines) = mpsc::unbounded_channel();
    if matches!(command, Command::Verify { .. }) {
        input::forward_lines(typed.clone());
    }
    let answer = runtime
        .map_err(unexpected)?
        .block_on(control::client::hand_over(
            &place.dirs,
            &place.profile.data,
            command,
            |progress| output.progress(&progress),
            lines,
        ));
    drop(typed);
    answer
}

fn name_of(sub: &Sub) -> &'static str {
    match sub {
        Sub::Rooms => "rooms",
        Sub::Timeline { .. } => "timeline",
        Sub::Send { .. } => "send",
        Sub::React { .. } => "react",
        Sub::Edit { .. } => "edit",
        Sub::Redact { .. } => "redact",
        Sub::Join { .. } => "join",
        Sub::Create { .. } => "create",
        Sub::Invite { .. } => "invite",
        Sub::Accept { .. } => "accept",
        Sub::Decline { .. } => "decline",
        Sub::Leave { .. } => "leave",
        _ => "",
    }
}
