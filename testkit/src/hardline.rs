//! The `hardline` program on a profile of its own, used through its command line.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::ChildStdout,
    time::{Instant, timeout_at},
};

use crate::{
    bus::Bus,
    homeserver::{Homeserver, password},
    paths,
    process::{Launch, Output, Process},
    wait::until,
};

/// How long one command may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A person at a device: a home folder, a profile, a session bus or none.
#[derive(Debug)]
pub struct Hardline {
    home: TempDir,
    bus: Option<String>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl Hardline {
    /// A fresh home without a session bus.
    pub fn without_bus() -> Result<Self> {
        Ok(Self {
            home: tempfile::Builder::new().prefix("hl").tempdir()?,
            bus: None,
            env: Vec::new(),
            wrapper: Vec::new(),
        })
    }

    /// A fresh home on this bus.
    pub fn on(bus: &Bus) -> Result<Self> {
        let mut new = Self::without_bus()?;
        new.bus = Some(bus.address().to_owned());
        Ok(new)
    }

    /// Sets an environment variable for every later start.
    pub fn set_env(&mut self, key: &str, value: impl Into<String>) {
        self.env.push((key.to_owned(), value.into()));
    }

    /// Starts the program through another (given with its arguments) from now on.
    pub fn start_through(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
    }

    /// The profile's folder.
    pub fn profile(&self) -> PathBuf {
        self.home.path().join("profile")
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program with its environment and profile, ready for more arguments.
    pub fn launch(&self) -> Result<Launch> {
        let wrapper: Vec<&str> = self.wrapper.iter().map(String::as_str).collect();
        self.launch_through((!wrapper.is_empty()).then_some(&wrapper))
    }

    /// The same, started by another program (`faketime`, `prlimit` …) given with its arguments.
    pub fn launch_through(&self, wrapper: Option<&[&str]>) -> Result<Launch> {
        let home = self.home.path();
        let run = home.join("run");
        std::fs::create_dir_all(&run)?;
        let program = paths::program("hardline")?;
        let mut launch = match wrapper {
            None => Launch::new(program, home)?,
            Some([first, rest @ ..]) => Launch::new(paths::installed(first)?, home)?
                .args(rest)
                .arg(program),
            Some([]) => bail!("an empty wrapper"),
        };
        launch = launch
            .arg("--profile")
            .arg(self.profile())
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_RUNTIME_DIR", &run)
            .env("LANG", "C.UTF-8")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        if let Some(address) = &self.bus {
            launch = launch.env("DBUS_SESSION_BUS_ADDRESS", address);
        } else {
            // libdbus and zbus would otherwise look under the real runtime folder.
            launch = launch.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        }
        Ok(launch.envs(self.env.iter().map(|(k, v)| (k, v))))
    }

    /// Runs one command with `--json` to its end, whatever its exit code.
    pub async fn run(&self, args: &[&str]) -> Result<Output> {
        self.run_for(LIMIT, args).await
    }

    /// The same with a limit of one's own.
    pub async fn run_for(&self, limit: Duration, args: &[&str]) -> Result<Output> {
        self.launch()?
            .arg("--json")
            .args(args)
            .output(limit)
            .await
            .with_context(|| format!("hardline {}", args.join(" ")))
    }

    /// Runs one command that must succeed; gives its JSON answer (`null` if it printed nothing).
    pub async fn ok(&self, args: &[&str]) -> Result<Value> {
        self.run(args)
            .await?
            .json()
            .with_context(|| format!("hardline {}", args.join(" ")))
    }

    /// Runs one command that must fail; gives its exit code and what it said.
    pub async fn fails(&self, args: &[&str]) -> Result<(i32, Output)> {
        let output = self.run(args).await?;
        ensure!(
            !output.status.success(),
            "hardline {} succeeded:\n{}",
            args.join(" "),
            output.stdout
        );
        let code = output
            .status
            .code()
            .with_context(|| format!("hardline {}: {}", args.join(" "), output.status))?;
        Ok((code, output))
    }

    /// Starts the program in the background (`--background`) and waits until it takes commands. It owns the profile
    /// until stopped.
    pub async fn start_background(&self) -> Result<Process> {
        // A socket left by a killed program would look like a running one.
        let sockets = self.home.path().join("run/hardline");
        if sockets.exists() {
            std::fs::remove_dir_all(&sockets)?;
        }
        let mut process = self.launch()?.arg("--background").spawn()?;
        until(LIMIT, "the program in the background", || {
            let alive = process.expect_running();
            let listens =
                std::fs::read_dir(&sockets).is_ok_and(|mut entries| entries.next().is_some());
            async move { alive.map(|()| listens.then_some(())) }
        })
        .await?;
        Ok(process)
    }

    /// Follows `watch`.
    pub fn watch(&self, args: &[&str]) -> Result<Watch> {
        self.follow(&[&["watch"], args].concat())
    }

    /// Follows a command that tells a JSON line for each thing that happens.
    pub fn follow(&self, args: &[&str]) -> Result<Watch> {
        let mut process = self.launch()?.arg("--json").args(args).spawn_piped()?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        Ok(Watch {
            process,
            name: args.first().copied().unwrap_or_default().to_owned(),
            lines: BufReader::new(stdout).lines(),
            seen: Vec::new(),
        })
    }
}

/// A running command that tells a line for each thing that happens: `watch`, `call`, `answer`.
#[derive(Debug)]
pub struct Watch {
    /// The process.
    pub process: Process,
    name: String,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Watch {
    /// Waits for a line that `wanted` accepts; lines that came before count too.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        if let Some(found) = self.seen.iter().find(|line| wanted(line)) {
            return Ok(found.clone());
        }
        let (name, end) = (self.name.clone(), Instant::now() + LIMIT);
        loop {
            let Ok(line) = timeout_at(end, self.lines.next_line()).await else {
                bail!("{name}: no {what} within {LIMIT:?}; saw {:#?}", self.seen)
            };
            let Some(line) = line? else {
                bail!(
                    "{name} ended while waiting for {what}; saw {:#?}\n{}",
                    self.seen,
                    self.process.log()
                )
            };
            let value: Value =
                serde_json::from_str(&line).with_context(|| format!("{name}: not JSON: {line}"))?;
            self.seen.push(value.clone());
            if wanted(&value) {
                return Ok(value);
            }
        }
    }

    /// Waits for its end; its exit code.
    pub async fn exit_code(&mut self) -> Result<i32> {
        let status = self.process.wait(LIMIT).await?;
        let name = &self.name;
        status.code().with_context(|| format!("{name}: {status}"))
    }

    /// All lines read so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }
}

impl Hardline {
    /// Signs in an account made with [`Homeserver::register`], by its name.
    ///
    /// [`Homeserver::register`]: crate::Homeserver::register
    pub async fn login(&self, server: &impl Homeserver, localpart: &str) -> Result<Value> {
        self.login_with(server.base_url(), localpart, &password(localpart))
            .await?
            .json()
    }

    /// Tries to sign in at whatever address, as whoever; the password goes in by standard input.
    pub async fn login_with(&self, server: &str, user: &str, password: &str) -> Result<Output> {
        self.launch()?
            .args([
                "--json",
                "login",
                "--server",
                server,
                "--password-stdin",
                user,
            ])
            .input(password)
            .output(LIMIT)
            .await
    }
}
