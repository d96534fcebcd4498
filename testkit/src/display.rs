//! Displays without a screen: Xvfb for X11, weston for Wayland.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    paths,
    picture::Picture,
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
                // Otherwise it starts over when its last client leaves, and refuses whoever connects meanwhile.
                "-noreset",
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

    /// What is on the screen.
    pub fn picture(&self) -> Result<Picture> {
        Picture::from_xwd(&self.frame_buffer())
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
                // Draws in memory, and lets anybody take pictures.
                "--use-pixman",
                "--debug",
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

    /// Takes a picture of the screen.
    pub async fn picture(&self) -> Result<Picture> {
        let dir = tempfile::Builder::new().prefix("hl-shot").tempdir()?;
        let output = Launch::new(paths::installed("weston-screenshooter")?, dir.path())?
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("WAYLAND_DISPLAY", self.display())
            .current_dir(dir.path())
            .output(Duration::from_secs(20))
            .await?;
        ensure!(output.status.success(), "{}", output.stderr);
        let shot = fs::read_dir(dir.path())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|e| e == "png"))
            .context("no picture was taken")?;
        Picture::from_png(&shot)
    }

    /// For `WAYLAND_DISPLAY`: the whole path, so that the program may have a runtime folder of its own.
    pub fn display(&self) -> PathBuf {
        self.dir.path().join("wayland-test")
    }
}
