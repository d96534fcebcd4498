//! Real processes, each in a group of its own so that what they start ends with them.

use std::{fs::OpenOptions, io, os::unix::process::ExitStatusExt, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, Command};

use super::{
    Exit, Process, ProcessError, ProcessSpec, Processes, Readiness,
    readiness::{NotifySocket, listens},
};

/// Starts real processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChildProcesses;

#[async_trait::async_trait]
impl Processes for ChildProcesses {
    async fn spawn(&self, spec: ProcessSpec) -> Result<Box<dyn Process>, ProcessError> {
        let notify = match spec.readiness {
            Readiness::Notify => Some(NotifySocket::bind()?),
            _ => None,
        };
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.arguments)
            .envs(&spec.environment)
            .stdin(Stdio::piped());
        command
            .env_remove("NOTIFY_SOCKET")
            .process_group(0)
            .kill_on_drop(true);
        if let Some(notify) = &notify {
            command.env("NOTIFY_SOCKET", notify.path());
        }
        let output = || match &spec.log {
            None => Ok(Stdio::null()),
            Some(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map(Stdio::from),
        };
        command.stdout(output()?).stderr(output()?);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ProcessError::NotFound(spec.program.clone()),
            _ => ProcessError::Io(error),
        })?;
        let _alive = child.stdin.take();
        let pid = child.id().ok_or_else(|| io::Error::other("it has no id"))?;
        Ok(Box::new(ChildProcess {
            child,
            _alive,
            pid,
            readiness: spec.readiness,
            notify,
        }))
    }
}

#[derive(Debug)]
struct ChildProcess {
    child: Child,
    /// Its standard input: nothing is written to it, but it ends with us, however we end.
    _alive: Option<ChildStdin>,
    pid: u32,
    readiness: Readiness,
    notify: Option<NotifySocket>,
}

impl ChildProcess {
    /// Signals the group. Until the child is reaped its number cannot be another's.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let (Some(pid), Some(_)) = (pid, self.child.id()) {
            // An error means that the group is gone.
            let _ = kill_process_group(pid, signal);
        }
    }
}

#[async_trait::async_trait]
impl Process for ChildProcess {
    fn pid(&self) -> u32 {
        self.pid
    }

    async fn ready(&mut self, limit: Duration) -> Result<(), ProcessError> {
        let (readiness, notify) = (self.readiness, self.notify.take());
        let ready = async {
            match (readiness, &notify) {
                (Readiness::Started, _) => Ok(()),
                (Readiness::Notify, Some(notify)) => notify.ready().await,
                (Readiness::Notify, None) => Ok(()),
                (Readiness::Listens(address), _) => {
                    listens(address).await;
                    Ok(())
                }
            }
        };
        tokio::select! {
            biased;
            ended = self.child.wait() => Err(ProcessError::Ended(exit(ended?))),
            result = ready => Ok(result?),
            () = tokio::time::sleep(limit) => Err(ProcessError::Late(limit)),
        }
    }

    async fn wait(&mut self) -> Result<Exit, ProcessError> {
        Ok(exit(self.child.wait().await?))
    }

    async fn stop(&mut self, limit: Duration) -> Result<Exit, ProcessError> {
        self.signal(Signal::TERM);
        if let Ok(ended) = tokio::time::timeout(limit, self.child.wait()).await {
            return Ok(exit(ended?));
        }
        tracing::warn!(
            pid = self.pid,
            "a process did not end when asked and was killed"
        );
        self.signal(Signal::KILL);
        self.wait().await
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn exit(status: std::process::ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Instant};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn shell(script: &str, readiness: Readiness) -> ProcessSpec {
        let arguments = vec!["-c".into(), script.into()];
        ProcessSpec {
            arguments,
            readiness,
            ..ProcessSpec::new("/bin/sh")
        }
    }

    async fn start(script: &str, readiness: Readiness) -> Box<dyn Process> {
        ChildProcesses
            .spawn(shell(script, readiness))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_exit_code_comes_back() {
        let mut process = start("exit 7", Readiness::Started).await;
        assert_eq!(process.wait().await.unwrap(), Exit::Code(7));
        assert_eq!(
            process.stop(LIMIT).await.unwrap(),
            Exit::Code(7),
            "stopping it then is fine"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = ChildProcesses
            .spawn(ProcessSpec::new("/no/such/program"))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "/no/such/program is not installed");
    }

    #[tokio::test]
    async fn stop_is_polite_first() {
        let script = "trap 'exit 3' TERM; while :; do sleep 0.05; done";
        let mut process = start(script, Readiness::Started).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(process.stop(LIMIT).await.unwrap(), Exit::Code(3));
    }

    #[tokio::test]
    async fn what_does_not_listen_is_killed_after_the_limit() {
        let mut process = start(
            "trap '' TERM; while :; do sleep 0.05; done",
            Readiness::Started,
        )
        .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let started = Instant::now();
        let exit = process.stop(Duration::from_millis(300)).await.unwrap();
        assert_eq!(exit, Exit::Signal(9));
        assert!(started.elapsed() < LIMIT);
    }

    #[tokio::test]
    async fn grandchildren_end_with_a_dropped_child() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let process = start(&script, Readiness::Started).await;
        let grandchild = loop {
            if let Some(pid) = std::fs::read_to_string(&file)
                .ok()
                .and_then(|t| t.trim().parse::<u32>().ok())
            {
                break pid;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert!(is_alive(grandchild));
        drop(process);
        let end = Instant::now() + LIMIT;
        while is_alive(grandchild) {
            assert!(Instant::now() < end, "the grandchild still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A zombie that nobody reaps counts as ended.
    fn is_alive(pid: u32) -> bool {
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
        stat.is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" Z"))
        })
    }

    #[tokio::test]
    async fn a_port_that_opens_makes_it_ready() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut process = start("sleep 60", Readiness::Listens(address)).await;
        process.ready(LIMIT).await.unwrap();
    }

    #[tokio::test]
    async fn ending_early_is_told_from_being_late() {
        let address = "127.0.0.1:1".parse().unwrap();
        let mut process = start("exit 4", Readiness::Listens(address)).await;
        let error = process.ready(LIMIT).await.unwrap_err();
        assert!(
            matches!(error, ProcessError::Ended(Exit::Code(4))),
            "{error}"
        );
        let mut process = start("sleep 60", Readiness::Notify).await;
        let error = process.ready(Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(error, ProcessError::Late(_)), "{error}");
    }

    #[tokio::test]
    async fn a_child_reports_ready_over_the_notify_socket() {
        let script = r#"
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"STATUS=opening the store")
s.send(b"STATUS=ready\nREADY=1\n")
time.sleep(60)"#;
        let arguments = vec!["-c".into(), script.into()];
        let spec = ProcessSpec {
            arguments,
            readiness: Readiness::Notify,
            ..ProcessSpec::new("python3")
        };
        let mut process = ChildProcesses.spawn(spec).await.unwrap();
        process.ready(LIMIT).await.unwrap();
    }

    #[tokio::test]
    async fn output_goes_to_the_log() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        let mut spec = shell("echo out; echo err >&2", Readiness::Started);
        spec.log = Some(log.clone());
        ChildProcesses
            .spawn(spec)
            .await
            .unwrap()
            .wait()
            .await
            .unwrap();
        let mut lines: Vec<_> = std::fs::read_to_string(log)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
    }

    #[tokio::test]
    async fn soak_thousands_of_processes_leave_no_file_open_and_no_child_behind() {
        let n_open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let children = || {
            let path = format!("/proc/{0}/task/{0}/children", std::process::id());
            std::fs::read_to_string(path).unwrap_or_default()
        };
        let cycle = async || {
            let mut spec = shell("sleep 60 & wait", Readiness::Notify);
            spec.log = Some("/dev/null".into());
            let mut process = ChildProcesses.spawn(spec).await.unwrap();
            let late = process.ready(Duration::from_millis(5)).await;
            assert!(matches!(late, Err(ProcessError::Late(_))));
            assert_eq!(process.stop(LIMIT).await.unwrap(), Exit::Signal(15));
        };
        cycle().await;
        let (before, started) = (n_open(), Instant::now());
        while started.elapsed() < Duration::from_secs(90) {
            cycle().await;
        }
        assert_eq!(n_open(), before);
        assert_eq!(children(), "");
    }
}
