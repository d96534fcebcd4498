//! The owner of a profile carries out commands that come over its socket.
//!
//! A connection is one command: a line of JSON in, lines of [`Reply`] out, further lines in are what the person types.
//!
//! The owner is the program, or one command of the command line while it takes; that one makes way for the program.

use std::sync::Arc;

use hardline_platform::instance::{ControlSocket, SocketError, socket_path};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::watch,
};

use super::{Command, Failure, Link, Progress, perform};
use crate::core::{Core, CoreError};

/// Bytes of one line at most: a long message fits, a flood does not.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// What the owner answers.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The command was read and is carried out. Without this line it was not.
    Taken,
    /// While it is carried out.
    Progress(Progress),
    /// It was carried out.
    Done(serde_json::Value),
    /// It failed.
    Failed(Failure),
    /// The owner is no program with a window; it gives the profile up as soon as it can.
    MakingWay,
}

/// What the owner of a profile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The program, with a window or in the background.
    Program,
    /// One command of the command line, for as long as it takes.
    Command,
}

/// Listens for commands until the core ends, or [`Serving::finish`].
#[derive(Debug)]
pub struct Serving {
    doors: Arc<Doors>,
}

/// What connections and their owner tell each other.
#[derive(Debug)]
struct Doors {
    role: Role,
    /// The program wants the profile.
    wanted: watch::Sender<bool>,
    passage: watch::Sender<Passage>,
}

/// Whether commands are taken, and how many are: in one, so that none slips in while it closes.
#[derive(Debug, Default)]
struct Passage {
    /// No more commands are taken.
    closing: bool,
    /// Commands under way that end by themselves.
    under_way: usize,
}

impl Doors {
    /// Resolves when no more commands are taken.
    async fn closing(&self) {
        let _ = self
            .passage
            .subscribe()
            .wait_for(|passage| passage.closing)
            .await;
    }
}

impl Serving {
    /// Resolves when the program wants the profile that a command owns.
    pub async fn wanted(&self) {
        let _ = self
            .doors
            .wanted
            .subscribe()
            .wait_for(|wanted| *wanted)
            .await;
    }

    /// Takes no more commands and waits for those under way. Endless ones are cut; their callers go on elsewhere.
    pub async fn finish(self) {
        self.doors
            .passage
            .send_modify(|passage| passage.closing = true);
        let mut passage = self.doors.passage.subscribe();
        let _ = passage.wait_for(|passage| passage.under_way == 0).await;
    }
}

/// Begins to listen; ends with the core's runtime.
pub fn start(core: &Core, role: Role) -> Result<Serving, SocketError> {
    let doors = Arc::new(Doors {
        role,
        wanted: watch::Sender::new(false),
        passage: watch::Sender::default(),
    });
    let serving = Serving {
        doors: doors.clone(),
    };
    let path = socket_path(&core.config().dirs, &core.config().profile.data);
    let socket = {
        let _guard = core.tasks().runtime().enter();
        let lock = core.lock();
        let Some(lock) = &*lock else {
            return Ok(serving);
        };
        ControlSocket::bind(&path, lock)?
    };
    let weak = core.downgrade();
    let tasks = core.tasks().clone();
    core.tasks().detach("control", async move {
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = doors.closing() => return,
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a control connection was not taken");
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    continue;
                }
            };
            let Some(core) = weak.upgrade() else { return };
            let doors = doors.clone();
            tasks.detach("control-connection", async move {
                if let Err(error) = serve(&core, stream, &doors).await {
                    tracing::debug!(%error, "a control connection broke");
                }
            });
        }
    });
    Ok(serving)
}

async fn serve(core: &Core, stream: UnixStream, doors: &Doors) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = Lines::new(reader);
    let Some(line) = lines.next().await? else {
        return Ok(());
    };
    let command: Command = match serde_json::from_str(&line) {
        Ok(command) => command,
        Err(error) => {
            let failure = Failure::usage(format!("not a command: {error}"));
            return write(&mut writer, &Reply::Failed(failure)).await;
        }
    };
    if doors.role == Role::Command {
        match command {
            Command::Raise | Command::MakeWay => {
                doors.wanted.send_replace(true);
                return write(&mut writer, &Reply::MakingWay).await;
            }
            Command::Quit => {
                return write(&mut writer, &Reply::Failed(Failure::not_running())).await;
            }
            _ => {}
        }
    }
    let counted = UnderWay::begin(doors, &command);
    let Some(counted) = counted else {
        return Ok(());
    };
    write(&mut writer, &Reply::Taken).await?;
    let endless = command.is_endless();
    tokio::select! {
        biased;
        // an endless command never ends because its owner does: its caller is cut, and goes on elsewhere
        () = doors.closing(), if endless => {}
        carried_out = carry_out(core, command, lines, &mut writer) => carried_out?,
    }
    drop(counted);
    Ok(())
}

/// Counts a command that ends by itself.
struct UnderWay<'a>(Option<&'a watch::Sender<Passage>>);

impl<'a> UnderWay<'a> {
    /// Nothing if no more commands are taken.
    fn begin(doors: &'a Doors, command: &Command) -> Option<Self> {
        let endless = command.is_endless();
        let taken = doors.passage.send_if_modified(|passage| {
            passage.under_way += usize::from(!passage.closing && !endless);
            !passage.closing
        });
        let counted = (!endless).then_some(&doors.passage);
        taken.then_some(Self(counted))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(passage) = self.0 {
            passage.send_modify(|passage| passage.under_way -= 1);
        }
    }
}

async fn carry_out<R: AsyncRead + Unpin>(
    core: &Core,
    command: Command,
    mut lines: Lines<R>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let (mut link, mut peer) = Link::pair();
    let performing = perform(core, command, &mut link);
    tokio::pin!(performing);
    let mut typing = true;
    let outcome = loop {
        tokio::select! {
            outcome = &mut performing => break outcome,
            Some(progress) = peer.progress.recv() => {
                write(writer, &Reply::Progress(progress)).await?;
            }
            line = lines.next(), if typing => match line? {
                Some(line) => drop(peer.input.send(line)),
                // The other side is gone, and with it whoever waits for the answer.
                None => {
                    typing = false;
                    peer.progress.close();
                }
            },
        }
    };
    while let Ok(progress) = peer.progress.try_recv() {
        write(writer, &Reply::Progress(progress)).await?;
    }
    let reply = match outcome {
        Ok(value) => Reply::Done(value),
        Err(failure) => Reply::Failed(failure),
    };
    write(writer, &reply).await
}

/// Writes one value as a line.
pub(super) async fn write<T: serde::Serialize>(
    writer: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

/// Reads lines of bounded length; safe to cancel between lines.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    partial: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            partial: Vec::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<String>> {
        let left = LONGEST_LINE.saturating_sub(self.partial.len() as u64);
        let mut bounded = (&mut self.reader).take(left);
        // `read_until` keeps what it read in `partial` if it is cancelled.
        bounded.read_until(b'\n', &mut self.partial).await?;
        let line = std::mem::take(&mut self.partial);
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 >= LONGEST_LINE {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        String::from_utf8(line)
            .map(Some)
            .map_err(|_| std::io::ErrorKind::InvalidData.into())
    }
}

/// A core that cannot start because another process owns the profile: commands go there.
pub fn is_owned_elsewhere(error: &CoreError) -> bool {
    matches!(
        error,
        CoreError::Lock(hardline_platform::instance::LockError::Held { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_a_line_is_kept_when_reading_is_cancelled() {
        let (mut theirs, ours) = tokio::io::duplex(64);
        let mut lines = Lines::new(ours);
        theirs.write_all(b"first ha").await.unwrap();
        let cancelled = tokio::time::timeout(std::time::Duration::from_millis(20), lines.next());
        assert!(cancelled.await.is_err());
        theirs.write_all(b"lf\nsecond\n").await.unwrap();
        assert_eq!(
            lines.next().await.unwrap().unwrap().trim_end(),
            "first half"
        );
        assert_eq!(lines.next().await.unwrap().unwrap().trim_end(), "second");
        drop(theirs);
        assert!(lines.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_flood_without_an_end_of_line_is_refused() {
        let (mut theirs, ours) = tokio::io::duplex(64 * 1024);
        let flood = tokio::spawn(async move {
            let block = [b'x'; 64 * 1024];
            while theirs.write_all(&block).await.is_ok() {}
        });
        assert!(Lines::new(ours).next().await.is_err());
        flood.await.unwrap();
    }

    #[test]
    fn a_command_survives_the_socket_and_its_secret_stays_hidden() {
        let command = Command::Login {
            server: None,
            user: "@ada:example.org".to_owned(),
            password: crate::control::Secret::new("open sesame".to_owned()),
        };
        assert!(!format!("{command:?}").contains("sesame"));
        let json = serde_json::to_string(&command).unwrap();
        let Ok(Command::Login { password, .. }) = serde_json::from_str(&json) else {
            panic!("{json}");
        };
        assert_eq!(password.expose(), "open sesame");
    }
}
