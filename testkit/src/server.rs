//! `hardline-server` as built beside the running test.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    homeserver::{Homeserver, answers},
    paths,
    process::{Launch, Process},
    wait::until,
};

/// What a test wants of the server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Sliding sync (MSC4186) offered.
    pub sliding_sync: bool,
    /// Rate limits as shipped; off otherwise.
    pub rate_limits: bool,
    /// New accounts need this token; anybody may make one otherwise.
    pub registration_token: Option<String>,
    /// Guests (accounts without a password) are let in.
    pub guests: bool,
    /// More keys of the section `[storage]`.
    pub storage: String,
    /// More configuration (whole TOML tables).
    pub extra: String,
    /// A program, with arguments, that starts the server as its last arguments say.
    pub launcher: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Where its data is; beside its configuration otherwise.
    pub data: Option<PathBuf>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            sliding_sync: true,
            rate_limits: false,
            registration_token: None,
            guests: false,
            storage: String::new(),
            extra: String::new(),
            launcher: Vec::new(),
            env: Vec::new(),
            data: None,
        }
    }
}

/// A running server; its data goes with it.
#[derive(Debug)]
pub struct HardlineServer {
    process: Option<Process>,
    base_url: String,
    port: u16,
    options: ServerOptions,
    dir: TempDir,
}

const NAME: &str = "server.hardline.test";
const LIMIT: Duration = Duration::from_secs(30);

impl HardlineServer {
    /// The name in the ids of its users, also before it runs.
    pub const NAME: &'static str = NAME;

    /// Starts one with open registration and without rate limits.
    pub async fn start() -> Result<Self> {
        Self::start_with(ServerOptions::default()).await
    }

    /// Starts one with options.
    pub async fn start_with(options: ServerOptions) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-server").tempdir()?;
        let mut server = Self {
            process: None,
            base_url: String::new(),
            port: 0,
            options,
            dir,
        };
        server.resume().await?;
        Ok(server)
    }

    /// Starts it again on the same data and at the same address, after [`Self::stop`] or [`Self::kill`].
    pub async fn resume(&mut self) -> Result<()> {
        let config = self.dir.path().join("server.toml");
        let ready = self.dir.path().join("ready");
        fs::write(&config, self.config())?;
        if ready.exists() {
            fs::remove_file(&ready)?;
        }
        let mut process = self
            .launch()?
            .arg("--config")
            .arg(&config)
            .arg("--ready-file")
            .arg(&ready)
            .spawn()?;
        let address = until(LIMIT, "the server's ready file", || {
            let alive = process.expect_running();
            let text = fs::read_to_string(&ready).unwrap_or_default();
            async move {
                alive?;
                Ok(text.split_once('\n').map(|(first, _)| first.to_owned()))
            }
        })
        .await?;
        let (_, port) = address
            .rsplit_once(':')
            .with_context(|| format!("no port in {address}"))?;
        self.port = port.trim_end_matches('/').parse()?;
        self.base_url = format!("http://127.0.0.1:{}", self.port);
        answers(&mut process, &self.base_url, LIMIT).await?;
        self.process = Some(process);
        Ok(())
    }

    fn launch(&self) -> Result<Launch> {
        let program = paths::program("hardline-server")?;
        let launch = match self.options.launcher.split_first() {
            Some((launcher, args)) => Launch::new(paths::installed(launcher)?, self.dir.path())?
                .args(args)
                .arg(program),
            None => Launch::new(program, self.dir.path())?,
        };
        Ok(launch.envs(self.options.env.iter().map(|(key, value)| (key, value))))
    }

    /// Carries out one of its commands, such as `user add`; gives what it printed as JSON.
    pub async fn command(&self, args: &[&str]) -> Result<serde_json::Value> {
        Launch::new(paths::program("hardline-server")?, self.dir.path())?
            .args(args)
            .arg("--json")
            .arg("--config")
            .arg(self.dir.path().join("server.toml"))
            .output(LIMIT)
            .await?
            .json()
    }

    /// Ends it by `SIGTERM`; [`Self::resume`] starts it again.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.stop().await?;
        }
        Ok(())
    }

    /// Ends it by `SIGKILL`; [`Self::resume`] starts it again.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// What it has logged since it was started.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.data().join("hardline-server.db")
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        match &self.options.data {
            Some(data) => data.clone(),
            None => self.dir.path().join("data"),
        }
    }

    /// The folder of its configuration and data.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn config(&self) -> String {
        let ServerOptions {
            sliding_sync,
            rate_limits,
            registration_token,
            guests,
            storage,
            extra,
            ..
        } = &self.options;
        let data = self.data();
        let data = data.display();
        let registration = match registration_token {
            Some(token) => format!("token = \"{token}\""),
            None => "open = true".to_owned(),
        };
        format!(
            "[server]\nname = \"{NAME}\"\n[listen]\nport = {}\n[storage]\npath = \"{data}\"\n{storage}\n[registration]\n{registration}\nguests = {guests}\n\
             [sync]\nsliding_sync = {sliding_sync}\n[rate_limits]\nenabled = {rate_limits}\n{extra}\n",
            self.port
        )
    }
}

impl Homeserver for HardlineServer {
    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn server_name(&self) -> &str {
        NAME
    }
}
