//! A process that ends with its guard, or with the test if the test dies.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncWriteExt, process::Child, time::timeout};

use crate::paths;

/// What to start.
pub struct Launch {
    command: tokio::process::Command,
    name: String,
    log: PathBuf,
    input: Option<String>,
}

impl Launch {
    /// `program`, logging to `<log_dir>/<its name>.log`. Standard input is empty unless piped.
    pub fn new(program: impl AsRef<Path>, log_dir: &Path) -> Result<Self> {
        let program = program.as_ref();
        let name = program
            .file_name()
            .and_then(OsStr::to_str)
            .context("a program without a name")?
            .to_owned();
        // setpriv asks the kernel to kill the program when this thread dies, then becomes it: same process id.
        let mut command = tokio::process::Command::new(paths::installed("setpriv")?);
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .process_group(0)
            .stdin(Stdio::null());
        let log = unused_name(log_dir, &name);
        Ok(Self {
            command,
            name,
            log,
            input: None,
        })
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.command.envs(vars);
        self
    }

    /// Takes an environment variable away.
    #[must_use]
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Runs in `dir`.
    #[must_use]
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Feeds it this text, for [`Launch::output`].
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(text.to_owned());
        self
    }

    /// Gives the caller the standard input.
    #[must_use]
    pub fn pipe_stdin(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Starts it; standard error goes to the log, standard output too.
    pub fn spawn(self) -> Result<Process> {
        // Both outputs append, so that neither writes over the other.
        let out = File::options().create(true).append(true).open(&self.log)?;
        self.start(Stdio::from(out))
    }

    /// Starts it with its standard output in the caller's hands ([`Process::child`]); standard error goes to the log.
    pub fn spawn_piped(self) -> Result<Process> {
        self.start(Stdio::piped())
    }

    fn start(mut self, stdout: Stdio) -> Result<Process> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = self
            .command
            .stdout(stdout)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", self.name))?;
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Process {
            child,
            pid: pid.context("no process id")?,
            name: self.name,
            log: self.log,
        })
    }

    /// Runs it to its end, at most `limit`; gives status, standard output, standard error.
    pub async fn output(mut self, limit: Duration) -> Result<Output> {
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let (Some(input), Some(mut stdin)) = (self.input.take(), child.stdin.take()) {
            // A program that does not read is judged by how it ends.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let name = self.name;
        let output = timeout(limit, child.wait_with_output())
            .await
            .with_context(|| format!("{name} did not end within {limit:?}"))??;
        Ok(Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// What a program said that ran to its end.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The JSON that a command printed which succeeded (`null` if it printed nothing).
    pub fn json(&self) -> Result<serde_json::Value> {
        let Self {
            status,
            stdout,
            stderr,
        } = self;
        ensure!(status.success(), "{status}\n{stdout}\n{stderr}");
        if stdout.trim().is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_str(stdout).with_context(|| format!("not JSON: {stdout}"))
    }
}

/// A running process; dropping it kills its process group.
#[derive(Debug)]
pub struct Process {
    /// The process, for its pipes.
    pub child: Child,
    pid: Pid,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Its id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Fails with what it printed if it has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended ({status}):\n{}", self.name, tail(&self.log()));
        }
        Ok(())
    }

    /// Sends a signal to its process group.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process_group(self.pid, signal)?)
    }

    /// Asks it to end and waits; kills it after ten seconds.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        let _ = self.signal(Signal::TERM);
        match timeout(Duration::from_secs(10), self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                let _ = self.signal(Signal::KILL);
                self.child.wait().await?;
                bail!(
                    "{} did not end within 10 s of SIGTERM:\n{}",
                    self.name,
                    tail(&self.log())
                )
            }
        }
    }

    /// Kills it without warning (`SIGKILL`) and waits for its end.
    pub async fn kill(mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Waits at most `limit` for its end.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        match timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!(
                "{} did not end within {limit:?}:\n{}",
                self.name,
                tail(&self.log())
            ),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        // The test runner shows this only for a test that failed.
        let log = self.log();
        if !log.is_empty() {
            eprintln!("---- {} printed ----\n{}", self.name, tail(&log));
        }
    }
}

fn tail(log: &str) -> String {
    // Chromium without a system bus says so hundreds of times.
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| !line.contains(":ERROR:dbus/"))
        .collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn unused_name(dir: &Path, name: &str) -> PathBuf {
    let mut path = dir.join(format!("{name}.log"));
    let mut n = 1;
    while path.exists() {
        n += 1;
        path = dir.join(format!("{name}-{n}.log"));
    }
    path
}
