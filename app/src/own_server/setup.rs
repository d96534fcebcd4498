//! The server's configuration: made once by its own `init`, read back from then on.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hardline_platform::dirs::create_private;
use serde::Deserialize;

use super::OwnServerDetails;
use crate::notice::Notice;

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
    /// It was started by another program, which alone can start it anew.
    #[error("the server on this device was started by another program")]
    RunsElsewhere,
    /// A file or process could not be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Its folder could not be made.
    #[error(transparent)]
    Dirs(#[from] hardline_platform::dirs::DirsError),
}

impl OwnServerError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::Io(error) => crate::failure::of_any(error),
            Self::Dirs(error) => crate::failure::of_any(error),
            other => Notice::OwnServerFailed {
                detail: other.to_string(),
            },
        }
    }
}

/// What we need of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) server_name: String,
    pub(super) address: IpAddr,
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
    address: Option<IpAddr>,
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
            address: file.listen.address.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            port: file.listen.port.unwrap_or(CUSTOMARY_PORT),
            registration_token: file.registration.token,
        })
    }

    /// Base address of the Client-Server API on this device.
    pub(super) fn base_url(&self) -> String {
        if self.address.is_unspecified() || self.address.is_loopback() {
            url(Ipv4Addr::LOCALHOST.into(), self.port)
        } else {
            url(self.address, self.port)
        }
    }

    /// Whether other devices reach it.
    pub(super) fn is_shared(&self) -> bool {
        !self.address.is_loopback()
    }

    /// Base address for other devices of the network this one is in.
    pub(super) fn network_url(&self) -> Option<String> {
        if !self.is_shared() {
            return None;
        }
        match self.address.is_unspecified() {
            true => Some(url(network_address()?, self.port)),
            false => Some(self.base_url()),
        }
    }

    pub(super) fn details(&self) -> OwnServerDetails {
        OwnServerDetails {
            server_name: self.server_name.clone(),
            base_url: self.base_url(),
            registration_token: self.registration_token.clone(),
            is_shared: self.is_shared(),
            network_url: self.network_url(),
        }
    }
}

fn url(address: IpAddr, port: u16) -> String {
    format!("http://{}", std::net::SocketAddr::new(address, port))
}

/// The address of this device where most of the network is. Nothing is sent to find it.
fn network_address() -> Option<IpAddr> {
    /// An address of documentation (RFC 5737), which no device has.
    const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Changes whether other devices reach it, from its next start on. All else in the file stays as it is.
pub(super) fn set_shared(dir: &Path, shared: bool) -> Result<(), OwnServerError> {
    let path = config_path(dir);
    let text = std::fs::read_to_string(&path)?;
    let mut file: toml_edit::DocumentMut =
        text.parse().map_err(|error| OwnServerError::Config {
            path: path.clone(),
            reason: format!("{error}"),
        })?;
    let address = match shared {
        true => Ipv4Addr::UNSPECIFIED,
        false => Ipv4Addr::LOCALHOST,
    };
    let listen = file.entry("listen").or_insert_with(toml_edit::table);
    listen["address"] = toml_edit::value(address.to_string());
    let mut new = tempfile_beside(&path)?;
    std::io::Write::write_all(&mut new.1, file.to_string().as_bytes())?;
    new.1.sync_all()?;
    Ok(std::fs::rename(new.0, path)?)
}

/// A file that takes the place of another in one step; only we may read it, for it holds the token.
fn tempfile_beside(path: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let new = path.with_extension("new");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    Ok((new, file))
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
    fn sharing_changes_the_address_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let text = "# mine\n[server]\nname = \"k7f2m9qx.local\" # for life\n\n[storage]\npath = \"data\"\n";
        std::fs::write(config_path(dir.path()), text).unwrap();
        assert!(!Setup::load(dir.path()).unwrap().is_shared());
        set_shared(dir.path(), true).unwrap();
        let shared = Setup::load(dir.path()).unwrap();
        assert!(shared.is_shared());
        assert_eq!(shared.base_url(), "http://127.0.0.1:8008");
        set_shared(dir.path(), false).unwrap();
        let now = std::fs::read_to_string(config_path(dir.path())).unwrap();
        assert!(now.starts_with(text), "{now}");
        let setup = Setup::load(dir.path()).unwrap();
        assert_eq!((setup.is_shared(), setup.network_url()), (false, None));
    }

    #[test]
    fn a_broken_configuration_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(config_path(dir.path()), "[server\n").unwrap();
        let error = Setup::load(dir.path()).unwrap_err();
        assert!(error.to_string().contains(CONFIG), "{error}");
    }
}
