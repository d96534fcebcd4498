//! Where the server listens, and what it serves there.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;

use super::Config;

/// `[[listeners]]`
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// IP address to bind.
    #[serde(default = "loopback")]
    pub address: IpAddr,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// The certificates (PEM), the server's own first; with it the listener speaks TLS.
    pub certificate: Option<PathBuf>,
    /// The private key of the first certificate (PEM).
    pub key: Option<PathBuf>,
    /// What is served.
    #[serde(default = "for_clients")]
    pub serves: Vec<Serves>,
}

/// What a listener serves.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// The Client-Server API.
    Client,
    /// Metrics and the statistics page.
    Metrics,
}

impl Serves {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Metrics => "metrics",
        }
    }
}

fn loopback() -> IpAddr {
    IpAddr::from([127, 0, 0, 1])
}

fn for_clients() -> Vec<Serves> {
    vec![Serves::Client]
}

impl Listener {
    /// What is bound.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() {
            "https"
        } else {
            "http"
        }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where metrics and the statistics page are served; nowhere without it.
    pub address: Option<SocketAddr>,
}

/// `[tls]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Further certificate authorities (PEM) that requests of this server trust.
    pub extra_ca_files: Vec<PathBuf>,
}

impl Config {
    /// Everything the server listens on: `[[listeners]]`, or else what `[listen]` says; then `metrics.address`.
    pub fn all_listeners(&self) -> Vec<Listener> {
        let plain = |address: SocketAddr, serves| Listener {
            address: address.ip(),
            port: address.port(),
            certificate: None,
            key: None,
            serves: vec![serves],
        };
        let mut all = self.listeners.clone();
        if all.is_empty() {
            let address = SocketAddr::new(self.listen.address, self.listen.port);
            all.push(plain(address, Serves::Client));
        }
        all.extend(
            self.metrics
                .address
                .map(|address| plain(address, Serves::Metrics)),
        );
        all
    }
}
