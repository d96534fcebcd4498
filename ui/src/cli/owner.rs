//! Who carries a command out: the process that owns the profile, or this one, which then owns it for as long as it takes.

use std::time::{Duration, Instant};

use hardline_app::{
    Core, CoreConfig, CoreError,
    control::{
        self, Command, Failure, Link,
        client::HandOver,
        server::{Role, Serving},
    },
    notice::Notice,
};
use serde_json::Value;
use tokio::{runtime::Runtime, sync::mpsc::UnboundedReceiver};

use super::{
    Arguments, Sub, input,
    output::Output,
    run::{Ended, ending_signal, quit_on_signals, told_to_quit},
    start::{self, Place},
};

/// How long an owner is waited for that takes no commands and does not end. The stores of a phone may take seconds.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// How long a profile that was given up is left to the program that wanted it. It tries more often than this.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// Becomes the owner of the profile as the program; nothing if the program runs already, and was told.
pub(super) fn become_program(arguments: &Arguments) -> Result<Option<Core>, Ended> {
    let told = match arguments.background {
        true => Command::MakeWay,
        false => Command::Raise,
    };
    let mut tries = Tries::new(arguments, !arguments.background)?;
    let (_open, mut lines) = input::lines(false);
    loop {
        if let Some(core) = tries.own()? {
            return Ok(Some(core));
        }
        if tries.hand_over(&told, &mut lines)?.is_some() {
            return Ok(None);
        }
    }
}

/// Has a command carried out and prints its answer.
pub(super) fn one_command(mut arguments: Arguments, output: Output) -> Result<(), Ended> {
    let Some(sub) = arguments.command.take() else {
        return Ok(());
    };
    let (name, stays) = (name_of(&sub), matches!(sub, Sub::OwnServer { .. }));
    let command = input::command(sub)?;
    let mut tries = Tries::new(&arguments, start::can_prompt())?;
    let (_open, mut lines) = input::lines(matches!(command, Command::Verify { .. }));
    let answer = loop {
        if let Some(core) = tries.own()? {
            if matches!(command, Command::Raise | Command::MakeWay | Command::Quit) {
                return Err(Failure::not_running().into());
            }
            let owner = Owner::new(core, output);
            let answer = owner.carry_out(command.clone(), &mut lines);
            if stays && let Ok(Some(answer)) = &answer {
                output.answer(name, answer);
                let ended = owner.stay();
                owner.end();
                match ended {
                    Stayed::ToldToQuit => return Ok(()),
                    Stayed::MadeWay => {
                        tries.leave_alone();
                        continue;
                    }
                }
            }
            owner.end();
            match answer? {
                Some(answer) => break answer,
                None => tries.leave_alone(),
            }
        } else if let Some(answer) = tries.hand_over(&command, &mut lines)? {
            break answer;
        }
    };
    output.answer(name, &answer);
    Ok(())
}

/// Tries to become the owner, or to reach it, until one succeeds.
struct Tries {
    place: Place,
    config: CoreConfig,
    output: Output,
    runtime: Runtime,
    since: Instant,
    /// Until when somebody else shall become the owner.
    left_until: Option<Instant>,
}

impl Tries {
    fn new(arguments: &Arguments, may_prompt: bool) -> anyhow::Result<Self> {
        let place = Place::of(arguments)?;
        Ok(Self {
            config: start::config(arguments, &place, may_prompt)?,
            place,
            output: Output {
                json: arguments.json,
            },
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            since: Instant::now(),
            left_until: None,
        })
    }

    /// The profile was given up for somebody, who gets a moment to take it.
    fn leave_alone(&mut self) {
        self.left_until = Some(Instant::now() + LEFT_ALONE);
    }

    /// A core, if nobody else has the profile or is about to.
    fn own(&mut self) -> Result<Option<Core>, Failure> {
        if self.left_until.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        match start::core(self.config.clone()) {
            Ok(core) => {
                self.since = Instant::now();
                Ok(Some(core))
            }
            Err(error) if control::server::is_owned_elsewhere(&error) => Ok(None),
            Err(error) => Err(CoreError::notice(&error).into()),
        }
    }

    /// The owner's answer; nothing, after a moment, if it is to be tried anew.
    fn hand_over(
        &mut self,
        command: &Command,
        lines: &mut UnboundedReceiver<String>,
    ) -> Result<Option<Value>, Failure> {
        let output = self.output;
        let handed = self.runtime.block_on(control::client::hand_over(
            &self.place.dirs,
            &self.place.profile.data,
            command,
            |progress| output.progress(&progress),
            lines,
        ))?;
        if !matches!(handed, HandOver::Nobody) {
            self.left_until = None;
        }
        match handed {
            HandOver::Done(answer) => return Ok(Some(answer)),
            HandOver::Cut => self.since = Instant::now(),
            HandOver::Nobody if self.since.elapsed() > PATIENCE => {
                return Err(Notice::ProfileBusy.into());
            }
            HandOver::Nobody => {}
        }
        std::thread::sleep(BETWEEN_TRIES);
        Ok(None)
    }
}

/// How a command ended that stays.
enum Stayed {
    ToldToQuit,
    MadeWay,
}

/// This process as the owner: carries out its own command, and those of others meanwhile.
struct Owner {
    core: Core,
    serving: Option<Serving>,
    output: Output,
}

impl Owner {
    fn new(core: Core, output: Output) -> Self {
        let serving = control::server::start(&core, Role::Command)
            .inspect_err(|error| tracing::warn!(%error, "other commands cannot reach this one"))
            .ok();
        Self {
            core,
            serving,
            output,
        }
    }

    /// Resolves when the program wants the profile.
    async fn wanted(&self) {
        match &self.serving {
            Some(serving) => serving.wanted().await,
            None => std::future::pending().await,
        }
    }

    /// The answer; nothing if an endless command made way for the program.
    fn carry_out(
        &self,
        command: Command,
        lines: &mut UnboundedReceiver<String>,
    ) -> Result<Option<Value>, Failure> {
        let output = self.output;
        self.core.block_on(async {
            let endless = command.is_endless();
            let (mut link, peer) = Link::pair();
            let (mut progress, mut typed) = (peer.progress, Some(peer.input));
            let performing = control::perform(&self.core, command, &mut link);
            tokio::pin!(performing);
            let ended = ending_signal();
            tokio::pin!(ended);
            let answer = loop {
                tokio::select! {
                    answer = &mut performing => break answer.map(Some),
                    Some(told) = progress.recv() => output.progress(&told),
                    line = lines.recv(), if typed.is_some() => match (line, &typed) {
                        (Some(line), Some(to)) => drop(to.send(line)),
                        // the end of what is typed is told by dropping the way for it
                        _ => typed = None,
                    },
                    () = self.wanted(), if endless => break Ok(None),
                    () = &mut ended => break Ok(Some(Value::Null)),
                }
            };
            while let Ok(told) = progress.try_recv() {
                output.progress(&told);
            }
            answer
        })
    }

    /// Goes on as it is until told to end, or until the program wants the profile.
    fn stay(&self) -> Stayed {
        quit_on_signals(&self.core);
        self.core.block_on(async {
            tokio::select! {
                () = told_to_quit(&self.core) => Stayed::ToldToQuit,
                () = self.wanted() => Stayed::MadeWay,
            }
        })
    }

    /// Gives the profile back, when the commands of others that are under way are done.
    fn end(self) {
        if let Some(serving) = self.serving {
            self.core.block_on(async {
                tokio::select! {
                    () = serving.finish() => {}
                    () = ending_signal() => {}
                }
            });
        }
        self.core.shutdown();
    }
}

fn name_of(sub: &Sub) -> &'static str {
    match sub {
        Sub::Rooms => "rooms",
        Sub::Timeline { .. } => "timeline",
        Sub::Calls { .. } => "calls",
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
