//! Displays without a screen: Xvfb for X11, weston for Wayland.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    paths,
    process::{Launch, Process},
    wait::until,
};

/// A running X server with a memory-mapped frame buffer.
#[derive(Debug)]
pub struct Xvfb {
    process: Process,
    display: String,
    dir: TempDir,
}

impl Xvfb {
    /// Starts one of this size, 24 bits deep; the server itself chooses a free display number.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-xvfb").tempdir()?;
        let mut process = Launch::new(paths::installed("Xvfb")?, dir.path())?
            .args([
                "-displayfd",
                "1",
                "-nolisten",
                "tcp",
                "-screen",
                "0",
                &format!("{width}x{height}x24"),
                "-fbdir",
            ])
            .arg(dir.path())
            .spawn_piped()?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        let read = BufReader::new(stdout);
        let mut read = read;
        tokio::time::timeout(Duration::from_secs(15), read.read_line(&mut line))
            .await
            .context("Xvfb is not ready")??;
        process.expect_running()?;
        Ok(Self {
            process,
            display: format!(":{}", line.trim()),
            dir,
        })
    }

    /// For `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The frame buffer, an XWD file that changes as programs draw.
    pub fn frame_buffer(&self) -> PathBuf {
        self.dir.path().join("Xvfb_screen0")
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }
}

/// A running headless Wayland compositor.
#[derive(Debug)]
pub struct Weston {
    _process: Process,
    dir: TempDir,
}

impl Weston {
    /// Starts one of this size.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hl-weston").tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700))?;
        let mut process = Launch::new(paths::installed("weston")?, dir.path())?
            .args([
                "--backend=headless-backend.so",
                "--socket=wayland-test",
                "--idle-time=0",
                "--no-config",
            ])
            .arg(format!("--width={width}"))
            .arg(format!("--height={height}"))
            .env("XDG_RUNTIME_DIR", dir.path())
            .spawn()?;
        let socket = dir.path().join("wayland-test");
        until(Duration::from_secs(15), "weston's socket", || {
            let alive = process.expect_running();
            let there = socket.exists();
            async move { alive.map(|()| there.then_some(())) }
        })
        .await?;
        Ok(Self {
            _process: process,
            dir,
        })
    }

    /// For `WAYLAND_DISPLAY`: the whole path, so that the program may have a runtime folder of its own.
    pub fn display(&self) -> PathBuf {
        self.dir.path().join("wayland-test")
    }
}
