//! The real media process: a child, a JSON object a line on its standard input and output.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use serde_json::error::Category;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{
    CLOSE_LIMIT, Media, MediaError, MediaProcess, PROGRAM_VARIABLE, READY_LIMIT,
    protocol::{Event, MAX_LINE_BYTES, Request, VERSION},
};
use crate::{identity::MEDIA_PROGRAM, process::Exit};

/// Starts `hardline-media`.
#[derive(Clone, Debug)]
pub struct ChildMedia {
    program: PathBuf,
}

impl ChildMedia {
    /// The program: what `HARDLINE_MEDIA` names, else beside ours, else where packages put it or on the `PATH`.
    #[must_use]
    pub fn find(ours: &Path) -> Self {
        let named = std::env::var_os(PROGRAM_VARIABLE).map(PathBuf::from);
        Self {
            program: named.unwrap_or_else(|| beside(ours)),
        }
    }

    /// This program.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }
}

fn beside(ours: &Path) -> PathBuf {
    let folder = ours.parent().unwrap_or(Path::new(""));
    let places = [folder.to_owned(), folder.join("../libexec")];
    let found = places
        .into_iter()
        .map(|place| place.join(MEDIA_PROGRAM))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| MEDIA_PROGRAM.into())
}

#[async_trait::async_trait]
impl Media for ChildMedia {
    async fn start(&self) -> Result<Box<dyn MediaProcess>, MediaError> {
        // Its complaints may name addresses of calls: they are for those who ask GStreamer for them.
        let errors = match std::env::var_os("GST_DEBUG") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        };
        let started = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = started.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MediaError::NotInstalled(self.program.clone()),
            _ => MediaError::Io(error),
        })?;
        let (Some(input), Some(output), Some(pid)) =
            (child.stdin.take(), child.stdout.take(), child.id())
        else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        let mut process = ChildMediaProcess {
            pid,
            child,
            input,
            output: BufReader::new(output),
            partial: Vec::new(),
        };
        match timeout(READY_LIMIT, process.next()).await {
            Err(_) => Err(MediaError::Late),
            Ok(Ok(Event::Ready { version: VERSION })) => Ok(Box::new(process)),
            Ok(Ok(Event::Ready { version })) => Err(MediaError::OtherVersion(version)),
            Ok(Ok(_)) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            Ok(Err(error)) => Err(error),
        }
    }
}

#[derive(Debug)]
struct ChildMediaProcess {
    pid: u32,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Of a line that is not complete.
    partial: Vec<u8>,
}

impl ChildMediaProcess {
    /// The next line. What was read of one is kept if the future is dropped.
    async fn line(&mut self) -> Result<Vec<u8>, MediaError> {
        let left = MAX_LINE_BYTES.saturating_sub(self.partial.len() as u64);
        let mut bounded = (&mut self.output).take(left);
        bounded.read_until(b'\n', &mut self.partial).await?;
        let line = std::mem::take(&mut self.partial);
        match line.last() {
            Some(b'\n') => Ok(line),
            Some(_) if line.len() as u64 >= MAX_LINE_BYTES => {
                Err(io::Error::from(io::ErrorKind::FileTooLarge).into())
            }
            _ => Err(self.ended().await),
        }
    }

    /// It closed its output: how it ended.
    async fn ended(&mut self) -> MediaError {
        let status = timeout(CLOSE_LIMIT, self.child.wait()).await;
        let status = status.ok().and_then(Result::ok);
        MediaError::Ended(status.map(exit))
    }
}

#[async_trait::async_trait]
impl MediaProcess for ChildMediaProcess {
    fn pid(&self) -> u32 {
        self.pid
    }

    async fn ask(&mut self, request: &Request) -> Result<(), MediaError> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
        line.push(b'\n');
        let writing = async {
            self.input.write_all(&line).await?;
            self.input.flush().await
        };
        match timeout(CLOSE_LIMIT, writing).await {
            Ok(written) => Ok(written?),
            // It hangs, and half a line is in its way: it is of no use any more.
            Err(_) => {
                tracing::warn!(
                    pid = self.pid,
                    "a media process takes nothing and was killed"
                );
                self.child.start_kill()?;
                Err(MediaError::Late)
            }
        }
    }

    async fn next(&mut self) -> Result<Event, MediaError> {
        loop {
            let line = self.line().await?;
            match serde_json::from_slice(&line) {
                Ok(event) => return Ok(event),
                // The error's own text may quote what it read.
                Err(error) if error.classify() == Category::Data => {
                    tracing::warn!(pid = self.pid, "the media process said something unknown");
                }
                Err(_) => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            }
        }
    }

    async fn close(mut self: Box<Self>) {
        let told = self.ask(&Request::Close).await;
        if told.is_ok() {
            let ending = async { while self.next().await.is_ok() {} };
            if timeout(CLOSE_LIMIT, ending).await.is_ok() {
                return;
            }
            tracing::warn!(pid = self.pid, "a media process did not end and was killed");
        }
        // An error means that it is gone.
        let _ = self.child.kill().await;
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, time::Duration};

    use super::*;
    use crate::media::protocol::{Round, Sdp};

    /// A program that is this shell script.
    fn script(dir: &tempfile::TempDir, text: &str) -> ChildMedia {
        let path = dir.path().join(MEDIA_PROGRAM);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        ChildMedia::at(path)
    }

    const READY: &str = r#"echo '{"event":"ready","version":2}'"#;

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = ChildMedia::at("/no/such/program")
            .start()
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "/no/such/program is not installed");
    }

    #[tokio::test]
    async fn another_version_is_not_talked_to() {
        let dir = tempfile::tempdir().unwrap();
        let media = script(&dir, r#"echo '{"event":"ready","version":7}'; cat"#);
        let error = media.start().await.unwrap_err();
        assert!(matches!(error, MediaError::OtherVersion(7)), "{error}");
    }

    #[tokio::test]
    async fn its_end_is_told_with_how_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = script(&dir, &format!("{READY}; exit 3"))
            .start()
            .await
            .unwrap();
        let error = process.next().await.unwrap_err();
        assert!(
            matches!(error, MediaError::Ended(Some(Exit::Code(3)))),
            "{error}"
        );
    }

    #[tokio::test]
    async fn requests_go_in_and_events_come_out_and_half_a_line_waits() {
        let dir = tempfile::tempdir().unwrap();
        let talk =
            r#"read -r line; printf '{"event":'; sleep 0.4; echo '"started"}'; cat >/dev/null"#;
        let mut process = script(&dir, &format!("{READY}; {talk}"))
            .start()
            .await
            .unwrap();
        process.ask(&Request::Statistics).await.unwrap();
        // Dropped in the middle of a line, again and again.
        let event = loop {
            if let Ok(event) = timeout(Duration::from_millis(50), process.next()).await {
                break event.unwrap();
            }
        };
        assert_eq!(event, Event::Started);
        process.close().await;
    }

    #[tokio::test]
    async fn what_is_not_known_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let text =
            format!(r#"{READY}; echo '{{"event":"from_the_future"}}'; echo '{{"event":"heard"}}'"#);
        let mut process = script(&dir, &text).start().await.unwrap();
        assert_eq!(process.next().await.unwrap(), Event::Heard);
    }

    #[tokio::test]
    async fn one_that_takes_nothing_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = script(&dir, &format!("{READY}; exec sleep 300"))
            .start()
            .await
            .unwrap();
        let full = Request::Accept {
            round: Round(1),
            answer: Sdp("v=0\r\n".repeat(40_000)),
        };
        let asked = process.ask(&full).await;
        assert!(matches!(asked, Err(MediaError::Late)), "{asked:?}");
        let ended = process.next().await;
        let killed = Exit::Signal(9);
        assert!(
            matches!(&ended, Err(MediaError::Ended(Some(exit))) if *exit == killed),
            "{ended:?}"
        );
    }

    #[tokio::test]
    async fn closing_waits_for_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("done");
        let text = format!("{READY}; read -r line; sleep 0.2; touch {}", done.display());
        let process = script(&dir, &text).start().await.unwrap();
        process.close().await;
        assert!(done.exists());
    }
}
