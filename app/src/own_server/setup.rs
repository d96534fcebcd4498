//! The server's configuration: made once by its own `init`, read back from then on.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hardline_platform::dirs::create_private;
use serde::Deserialize;

use super::RunningServer;

/// File name of the configuration inside the server's folder.
const CONFIG: &str = "hardline-server.toml";
/// The port taken if it is free: Matrix's customary one.
const CUSTOMARY_PORT: u16 = 8008;
/// How long `init` may take.
const INIT_LIMIT: Duration = Duration::from_secs(30);

/// Why the server on this device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnServerError {
    /// The program is not there.
    #[error("hardline-server is not installed")]
    NotInstalled,
    /// It was never set up.
    #[error("the server on this device is not set up")]
    NotSetUp,
    /// Its configuration cannot be read.
    #[error("{}: {reason}", path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// `init` failed.
    #[error("hardline-server init: {0}")]
    Init(String),
    /// It ended, or never became ready.
    #[error("{0}")]
    Ended(String),
    /// A file or process could not be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Its folder could not be made.
    #[error(transparent)]
    Dirs(#[from] hardline_platform::dirs::DirsError),
}

/// What we need of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) server_name: String,
    pub(super) port: u16,
    pub(super) registration_token: Option<String>,
}

#[derive(Deserialize)]
struct File {
    server: Server,
    #[serde(default)]
    listen: Listen,
    #[serde(default)]
    registration: Registration,
}

#[derive(Deserialize)]
struct Server {
    name: String,
}

#[derive(Default, Deserialize)]
struct Listen {
    port: Option<u16>,
}

#[derive(Default, Deserialize)]
struct Registration {
    token: Option<String>,
}

impl Setup {
    /// Reads the configuration.
    pub(super) fn load(dir: &Path) -> Result<Self, OwnServerError> {
        let path = config_path(dir);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OwnServerError::NotSetUp);
            }
            Err(error) => return Err(error.into()),
        };
        let file: File = toml::from_str(&text).map_err(|error| OwnServerError::Config {
            path,
            reason: error.to_string(),
        })?;
        Ok(Self {
            server_name: file.server.name,
            port: file.listen.port.unwrap_or(CUSTOMARY_PORT),
            registration_token: file.registration.token,
        })
    }

    /// Base address of the Client-Server API.
    pub(super) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn running(&self) -> RunningServer {
        RunningServer {
            server_name: self.server_name.clone(),
            base_url: self.base_url(),
            registration_token: self.registration_token.clone(),
        }
    }
}

pub(super) fn config_path(dir: &Path) -> PathBuf {
    dir.join(CONFIG)
}

/// Gives the server its name for life and a port.
pub(super) async fn init(program: &Path, dir: &Path) -> Result<Setup, OwnServerError> {
    create_private(dir)?;
    let port = free_port()?;
    let running = tokio::process::Command::new(program)
        .args([
            "init",
            "--generate",
            "--json",
            "--port",
            &port.to_string(),
            "--config",
        ])
        .arg(config_path(dir))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(INIT_LIMIT, running)
        .await
        .map_err(|_| OwnServerError::Init("no answer".to_owned()))??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(OwnServerError::Init(said));
    }
    Setup::load(dir)
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", CUSTOMARY_PORT))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_that_init_writes_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            Setup::load(dir.path()),
            Err(OwnServerError::NotSetUp)
        ));
        let text = "[server]\nname = \"k7f2m9qx.local\"\n[listen]\nport = 6167\n[storage]\npath = \"data\"\n\
                    [registration]\ntoken = \"word\"\n";
        std::fs::write(config_path(dir.path()), text).unwrap();
        let setup = Setup::load(dir.path()).unwrap();
        assert_eq!(setup.server_name, "k7f2m9qx.local");
        assert_eq!(setup.base_url(), "http://127.0.0.1:6167");
        assert_eq!(setup.registration_token.as_deref(), Some("word"));
    }

    #[test]
    fn a_broken_configuration_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(config_path(dir.path()), "[server\n").unwrap();
        let error = Setup::load(dir.path()).unwrap_err();
        assert!(error.to_string().contains(CONFIG), "{error}");
    }
}
