//! Hands a command to the process that owns the profile.

use std::path::Path;

use hardline_platform::{
    dirs::ProgramDirs,
    instance::{connect, socket_path},
};
use serde_json::Value;

use super::{
    Command, Failure, Progress,
    failure::CommandReason,
    server::{Lines, Reply, write},
};
use crate::notice::Notice;

/// Has a command carried out by the owner of the profile. `tell` gets what it tells meanwhile, `input` gives the
/// lines typed to it.
pub async fn hand_over(
    dirs: &ProgramDirs,
    profile: &Path,
    command: &Command,
    mut tell: impl FnMut(Progress),
    mut input: tokio::sync::mpsc::UnboundedReceiver<String>,
) -> Result<Value, Failure> {
    let stream = reach(dirs, profile).await?;
    let (reader, mut writer) = stream.into_split();
    let broken = |_| Failure::command(CommandReason::Disconnected, "the running program ended");
    write(&mut writer, command).await.map_err(broken)?;
    let mut lines = Lines::new(reader);
    loop {
        let line = tokio::select! {
            line = lines.next() => line.map_err(broken)?,
            Some(typed) = input.recv() => {
                let typed = format!("{typed}\n");
                let written = tokio::io::AsyncWriteExt::write_all(&mut writer, typed.as_bytes());
                written.await.map_err(broken)?;
                continue;
            }
        };
        let Some(line) = line else {
            return Err(Failure::command(
                CommandReason::Disconnected,
                "the running program ended",
            ));
        };
        match serde_json::from_str(&line) {
            Ok(Reply::Progress(progress)) => tell(progress),
            Ok(Reply::Done(value)) => return Ok(value),
            Ok(Reply::Failed(failure)) => return Err(failure),
            Err(error) => {
                let detail = format!("the running program speaks another version: {error}");
                return Err(Failure::command(CommandReason::Disconnected, detail));
            }
        }
    }
}

/// The owner may have taken the lock a moment ago and not listen yet.
async fn reach(dirs: &ProgramDirs, profile: &Path) -> Result<tokio::net::UnixStream, Failure> {
    let path = socket_path(dirs, profile);
    for _ in 0..40 {
        match connect(&path).await {
            Ok(stream) => return Ok(stream),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    Err(Notice::ProfileBusy.into())
}
