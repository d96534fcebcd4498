//! What stands around windows on an X display: a window manager, a person's keyboard and pointer.

use std::{fs, time::Duration};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::{
    display::Xvfb,
    paths,
    process::{Launch, Process},
    wait::until,
};

const OPENBOX: &str = r#"<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
<keyboard><keybind key="A-F4"><action name="Close"/></keybind></keyboard>
<applications><application type="normal"><maximized>yes</maximized><decor>no</decor><focus>yes</focus></application></applications>
</openbox_config>
"#;

/// An X display with a window manager that shows every window maximized and closes it on Alt+F4, as desktops do.
#[derive(Debug)]
pub struct Desktop {
    screen: Xvfb,
    _manager: Process,
    dir: TempDir,
}

impl Desktop {
    /// Starts both.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let screen = Xvfb::start(width, height).await?;
        let dir = tempfile::Builder::new().prefix("hl-desktop").tempdir()?;
        let config = dir.path().join("openbox.xml");
        fs::write(&config, OPENBOX)?;
        let manager = Launch::new(paths::installed("openbox")?, dir.path())?
            .arg("--config-file")
            .arg(config)
            .env("DISPLAY", screen.display())
            .env("HOME", dir.path())
            .spawn()?;
        let new = Self {
            screen,
            _manager: manager,
            dir,
        };
        until(Duration::from_secs(20), "a window manager", || async {
            let root = new.ask("xprop", &["-root", "_NET_SUPPORTING_WM_CHECK"]);
            Ok(root.await?.contains("window id").then_some(()))
        })
        .await?;
        Ok(new)
    }

    /// The display.
    pub fn screen(&self) -> &Xvfb {
        &self.screen
    }

    /// Presses keys, named as `xdotool key` takes them.
    pub async fn keys(&self, keys: &[&str]) -> Result<()> {
        let args = [&["key", "--delay", "60", "--clearmodifiers"], keys].concat();
        self.ask("xdotool", &args).await.map(drop)
    }

    /// Types text into what has the focus.
    pub async fn types(&self, text: &str) -> Result<()> {
        self.ask("xdotool", &["type", "--delay", "30", text])
            .await
            .map(drop)
    }

    /// Clicks at a place.
    pub async fn click(&self, x: u32, y: u32) -> Result<()> {
        let (x, y) = (x.to_string(), y.to_string());
        self.ask("xdotool", &["mousemove", &x, &y, "click", "1"])
            .await
            .map(drop)
    }

    /// Titles of the windows that are shown and belong to a process.
    pub async fn windows(&self, pid: i32) -> Result<Vec<String>> {
        let list = self.ask("xprop", &["-root", "_NET_CLIENT_LIST"]).await?;
        let mut titles = Vec::new();
        for id in list
            .split([' ', ',', '\n'])
            .filter(|word| word.starts_with("0x"))
        {
            // A window may go while it is asked about.
            let Ok(about) = self
                .ask("xprop", &["-id", id, "_NET_WM_PID", "_NET_WM_NAME"])
                .await
            else {
                continue;
            };
            if about.contains(&format!("_NET_WM_PID(CARDINAL) = {pid}\n")) {
                let title = about.split('"').nth(1).unwrap_or_default();
                titles.push(title.to_owned());
            }
        }
        Ok(titles)
    }

    async fn ask(&self, program: &str, args: &[&str]) -> Result<String> {
        let output = Launch::new(paths::installed(program)?, self.dir.path())?
            .env("DISPLAY", self.screen.display())
            .args(args)
            .output(Duration::from_secs(20))
            .await?;
        ensure!(
            output.status.success(),
            "{program} {args:?}: {}",
            output.stderr
        );
        Ok(output.stdout)
    }
}
