//! The owner of a profile carries out commands that come over its socket.
//!
//! A connection is one command: a line of JSON in, lines of [`Reply`] out, further lines in are what the person types.

use hardline_platform::instance::{ControlSocket, SocketError, socket_path};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::{Command, Failure, Link, Progress, perform};
use crate::core::{Core, CoreError};

/// Bytes of one line at most: a long message fits, a flood does not.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// What the owner answers.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// While it is carried out.
    Progress(Progress),
    /// It was carried out.
    Done(serde_json::Value),
    /// It failed.
    Failed(Failure),
}

/// Begins to listen; ends with the core's runtime.
pub fn start(core: &Core) -> Result<(), SocketError> {
    let path = socket_path(&core.config().dirs, &core.config().profile.data);
    let socket = {
        let _guard = core.tasks().runtime().enter();
        let lock = core.lock();
        let Some(lock) = &*lock else { return Ok(()) };
        ControlSocket::bind(&path, lock)?
    };
    let weak = core.downgrade();
    let tasks = core.tasks().clone();
    core.tasks().detach("control", async move {
        loop {
            let stream = match socket.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a control connection was not taken");
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    continue;
                }
            };
            let Some(core) = weak.upgrade() else { return };
            tasks.detach("control-connection", async move {
                if let Err(error) = serve(&core, stream).await {
                    tracing::debug!(%error, "a control connection broke");
                }
            });
        }
    });
    Ok(())
}

async fn serve(core: &Core, stream: UnixStream) -> std::io::Result<()> {
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
    let (mut link, mut peer) = Link::pair();
    let performing = perform(core, command, &mut link);
    tokio::pin!(performing);
    let mut typing = true;
    let outcome = loop {
        tokio::select! {
            outcome = &mut performing => break outcome,
            Some(progress) = peer.progress.recv() => {
                write(&mut writer, &Reply::Progress(progress)).await?;
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
        write(&mut writer, &Reply::Progress(progress)).await?;
    }
    let reply = match outcome {
        Ok(value) => Reply::Done(value),
        Err(failure) => Reply::Failed(failure),
    };
    write(&mut writer, &reply).await
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
