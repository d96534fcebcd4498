//! Secrets and texts, from standard input, the environment or the person; never from the command line.

use std::{
    io::{BufRead, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use hardline_app::{
    calls::{CallOptions, Source},
    control::{Command, RecoveryCommand, Secret, VerifyTarget},
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::args::{Arguments, CallArguments, PasswordSource, Recovery, Sub};

/// The longest text read from standard input, bytes.
const LONGEST_TEXT: u64 = 2 * 1024 * 1024;

/// The command to carry out.
pub(super) fn command(sub: Sub) -> anyhow::Result<Command> {
    Ok(match sub {
        Sub::Login {
            server,
            user,
            password,
        } => Command::Login {
            server,
            password: self::password(&password, &user, false)?,
            user,
        },
        Sub::Register {
            server,
            user,
            token,
            password,
        } => Command::Register {
            server,
            password: self::password(&password, &user, true)?,
            user,
            token: token.map(Secret::new),
        },
        Sub::Logout { forget } => Command::Logout { forget },
        Sub::Whoami => Command::Whoami,
        Sub::Status => Command::Status,
        Sub::Rooms => Command::Rooms,
        Sub::Join { address } => Command::Join { address },
        Sub::Create {
            name,
            topic,
            unencrypted,
            public,
            alias,
            invite,
            direct,
        } => Command::Create {
            name,
            topic,
            unencrypted,
            public,
            alias,
            invite,
            direct,
        },
        Sub::Invite { room, user } => Command::Invite { room, user },
        Sub::Accept { room } => Command::Accept { room },
        Sub::Decline { room, ignore } => Command::Decline { room, ignore },
        Sub::Leave { room } => Command::Leave { room },
        Sub::Send {
            room,
            text,
            file,
            reply_to,
            no_wait,
        } => Command::Send {
            room,
            text: text.map(self::text).transpose()?,
            file: file.map(|path| absolute(&path)).transpose()?,
            reply_to,
            wait: !no_wait,
        },
        Sub::React { room, event, key } => Command::React { room, event, key },
        Sub::Edit { room, event, text } => Command::Edit {
            room,
            event,
            text: self::text(text)?,
        },
        Sub::Redact {
            room,
            event,
            reason,
        } => Command::Redact {
            room,
            event,
            reason,
        },
        Sub::Timeline { room, limit } => Command::Timeline { room, limit },
        Sub::Save { room, event, path } => Command::Save {
            room,
            event,
            path: absolute(&path)?,
        },
        Sub::Watch { room } => Command::Watch { room },
        Sub::Verify { user, wait } => Command::Verify {
            target: match user {
                Some(user) => VerifyTarget::User(user),
                None if wait => VerifyTarget::Wait,
                None => VerifyTarget::OwnDevices,
            },
        },
        Sub::Recovery(recovery) => Command::Recovery {
            action: self::recovery(recovery)?,
        },
        Sub::Call { whom, call } => Command::Call {
            whom,
            limit: call.seconds.map(Duration::from_secs),
            options: call_options(call)?,
        },
        Sub::Calls { limit } => Command::Calls { limit },
        Sub::Answer { once, reject, call } => Command::Answer {
            once,
            reject,
            limit: call.seconds.map(Duration::from_secs),
            options: call_options(call)?,
        },
        Sub::Ignore { user, off } => Command::Ignore { user, off },
        Sub::OwnServer { share } => Command::OwnServer { share },
        Sub::Raise => Command::Raise,
        Sub::Quit => Command::Quit,
    })
}

/// The passphrase of the protected file, if one was given.
pub(super) fn passphrase(arguments: &Arguments) -> anyhow::Result<Option<String>> {
    if let Some(path) = &arguments.passphrase_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        if line.is_empty() {
            bail!("{} holds no passphrase", path.display());
        }
        return Ok(Some(line));
    }
    Ok(std::env::var("HARDLINE_PASSPHRASE")
        .ok()
        .filter(|text| !text.is_empty()))
}

fn password(source: &PasswordSource, user: &str, twice: bool) -> anyhow::Result<Secret> {
    if source.password_stdin {
        return line();
    }
    if let Ok(password) = std::env::var("HARDLINE_PASSWORD") {
        return Ok(Secret::new(password));
    }
    if !std::io::stdin().is_terminal() {
        bail!("no password: use --password-stdin or HARDLINE_PASSWORD");
    }
    let password = rpassword::prompt_password(format!("Password of {user}: "))?;
    if twice && rpassword::prompt_password("Once more: ")? != password {
        bail!("the passwords differ");
    }
    Ok(Secret::new(password))
}

fn recovery(recovery: Recovery) -> anyhow::Result<RecoveryCommand> {
    Ok(match recovery {
        Recovery::Status => RecoveryCommand::Status,
        Recovery::SetUp => RecoveryCommand::SetUp,
        Recovery::Replace => RecoveryCommand::Replace,
        Recovery::Enter if std::io::stdin().is_terminal() => RecoveryCommand::Enter {
            key: Secret::new(rpassword::prompt_password("Recovery key: ")?),
        },
        Recovery::Enter => RecoveryCommand::Enter { key: line()? },
    })
}

fn line() -> anyhow::Result<Secret> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    if line.is_empty() {
        bail!("standard input is empty");
    }
    Ok(Secret::new(line))
}

fn text(text: String) -> anyhow::Result<String> {
    if text != "-" {
        return Ok(text);
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST_TEXT)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// The tone that `test` stands for, hertz.
const TEST_TONE: u32 = 440;
/// Tones that a telephone line would carry, hertz.
const TONES: std::ops::RangeInclusive<u32> = 100..=4_000;

fn call_options(arguments: CallArguments) -> anyhow::Result<CallOptions> {
    let source = arguments.audio_source.as_deref().map(source).transpose()?;
    let record = arguments.record.as_deref().map(absolute).transpose()?;
    Ok(CallOptions {
        source: source.unwrap_or_default(),
        record,
        addresses: arguments.address,
        relay_only: arguments.relay_only,
    })
}

fn source(text: &str) -> anyhow::Result<Source> {
    let tone = match text.split_once(':') {
        _ if text == "test" => Some(TEST_TONE),
        Some(("test", hertz)) => Some(hertz.parse().unwrap_or_default()),
        _ => None,
    };
    match tone {
        Some(hertz) if TONES.contains(&hertz) => Ok(Source::Tone(hertz)),
        Some(_) => bail!("{text}: a tone has from 100 to 4000 hertz, as in test:700"),
        None => {
            let path = absolute(Path::new(text))?;
            if !path.is_file() {
                bail!("{} is not a file", path.display());
            }
            Ok(Source::File(path))
        }
    }
}

/// Another process may carry the command out, in another folder.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}", path.display()))
}

/// Lines typed, read on a thread of their own if `typed`. They end when the sender is dropped too.
pub(super) fn lines(typed: bool) -> (Option<UnboundedSender<String>>, UnboundedReceiver<String>) {
    let (to, lines) = mpsc::unbounded_channel();
    if !typed {
        return (Some(to), lines);
    }
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if to.send(line).is_err() {
                break;
            }
        }
    });
    (None, lines)
}

/// Asks a question on the terminal; the answer comes by [`lines`].
pub(super) fn ask(question: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{question} [yes/no] ");
    let _ = out.flush();
}
