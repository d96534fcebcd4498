//! Servers that are not what a client hopes for: no Matrix behind the address, or a certificate nobody vouches for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::{Router, response::Html};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    paths,
    process::{Launch, Process},
    wait::{free_port, until},
};

/// A web server that answers every address with a page.
#[derive(Debug)]
pub struct WebSite {
    address: String,
    task: JoinHandle<()>,
}

impl WebSite {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(async || {
            Html("<!doctype html><title>Welcome</title><p>Welcome to our site.")
        });
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, task })
    }

    /// Its address.
    pub fn base_url(&self) -> &str {
        &self.address
    }
}

impl Drop for WebSite {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An HTTPS server whose certificate is signed by itself.
#[derive(Debug)]
pub struct SelfSigned {
    _process: Process,
    _dir: TempDir,
    port: u16,
}

impl SelfSigned {
    /// Starts one for `localhost` and `127.0.0.1`.
    pub async fn start() -> Result<Self> {
        let openssl = paths::installed("openssl")?;
        let dir = tempfile::Builder::new().prefix("hl-tls").tempdir()?;
        let made = Launch::new(&openssl, dir.path())?
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args([
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
            ])
            .current_dir(dir.path())
            .output(Duration::from_secs(30))
            .await?;
        ensure!(made.status.success(), "openssl: {}", made.stderr);
        let port = free_port()?;
        let mut process = Launch::new(&openssl, dir.path())?
            .args([
                "s_server", "-quiet", "-www", "-key", "key.pem", "-cert", "cert.pem", "-accept",
            ])
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(dir.path())
            .spawn()?;
        until(Duration::from_secs(10), "the TLS server", || {
            let alive = process.expect_running();
            async move {
                alive?;
                Ok(tokio::net::TcpStream::connect(("127.0.0.1", port))
                    .await
                    .ok()
                    .map(drop))
            }
        })
        .await
        .context("openssl s_server")?;
        Ok(Self {
            _process: process,
            _dir: dir,
            port,
        })
    }

    /// Its address.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}
