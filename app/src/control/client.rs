//! Hands a command to the process that owns the profile.

use std::path::Path;

use hardline_platform::{
    dirs::ProgramDirs,
    instance::{connect, socket_path},
};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::{
    Command, Failure, Progress,
    failure::CommandReason,
    server::{Lines, Reply, write},
};

/// What came of handing a command over.
#[derive(Debug)]
pub enum HandOver {
    /// It was carried out.
    Done(Value),
    /// Nobody took it: the owner is gone, or gives the profile up. Try anew, also to become the owner.
    Nobody,
    /// An endless command was cut when its owner ended. Begin it anew.
    Cut,
}

/// Has a command carried out by the owner of the profile. `tell` gets what it tells meanwhile, `input` gives the
/// lines typed to it.
pub async fn hand_over(
    dirs: &ProgramDirs,
    profile: &Path,
    command: &Command,
    mut tell: impl FnMut(Progress),
    input: &mut mpsc::UnboundedReceiver<String>,
) -> Result<HandOver, Failure> {
    // The owner may have taken the lock a moment ago and not listen yet, or end right now.
    let Ok(stream) = connect(&socket_path(dirs, profile)).await else {
        return Ok(HandOver::Nobody);
    };
    let (reader, mut writer) = stream.into_split();
    let mut lines = Lines::new(reader);
    if write(&mut writer, command).await.is_err() {
        return Ok(HandOver::Nobody);
    }
    match lines.next().await.ok().flatten().map(|line| read(&line)) {
        None | Some(Ok(Reply::MakingWay)) => return Ok(HandOver::Nobody),
        Some(Ok(Reply::Failed(failure)) | Err(failure)) => return Err(failure),
        Some(Ok(Reply::Done(value))) => return Ok(HandOver::Done(value)),
        Some(Ok(Reply::Taken)) => {}
        Some(Ok(Reply::Progress(progress))) => tell(progress),
    }
    let broken = || match command.is_endless() {
        true => Ok(HandOver::Cut),
        false => Err(Failure::command(
            CommandReason::Disconnected,
            "the running program ended before it was done",
        )),
    };
    loop {
        let line = tokio::select! {
            line = lines.next() => line.ok().flatten(),
            Some(typed) = input.recv() => {
                let typed = format!("{typed}\n");
                if writer.write_all(typed.as_bytes()).await.is_err() {
                    return broken();
                }
                continue;
            }
        };
        let Some(line) = line else { return broken() };
        match read(&line)? {
            Reply::Progress(progress) => tell(progress),
            Reply::Done(value) => return Ok(HandOver::Done(value)),
            Reply::Failed(failure) => return Err(failure),
            Reply::Taken => {}
            Reply::MakingWay => return broken(),
        }
    }
}

fn read(line: &str) -> Result<Reply, Failure> {
    serde_json::from_str(line).map_err(|error| {
        let detail = format!("the running program speaks another version: {error}");
        Failure::command(CommandReason::Disconnected, detail)
    })
}
