//! A window manager that shows every window maximized and without a frame, so that programs are seen alike.

use std::{fs, path::Path, time::Duration};

use anyhow::{Result, ensure};
use hardline_testkit::{
    Xvfb, paths,
    process::{Launch, Process},
};
use tokio::time::sleep;

const CONFIG: &str = r#"<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
<applications><application type="normal"><maximized>yes</maximized><decor>no</decor><focus>yes</focus></application></applications>
</openbox_config>
"#;

/// Starts it.
pub async fn start(x: &Xvfb, dir: &Path) -> Result<Process> {
    let config = dir.join("openbox.xml");
    fs::write(&config, CONFIG)?;
    let process = Launch::new(paths::installed("openbox")?, dir)?
        .arg("--config-file")
        .arg(config)
        .env("DISPLAY", x.display())
        .env("HOME", dir)
        .spawn()?;
    sleep(Duration::from_millis(500)).await;
    Ok(process)
}

/// Types keys and text into the focused window, as `xdotool` takes them.
pub async fn xdotool(x: &Xvfb, dir: &Path, args: &[&str]) -> Result<()> {
    let launch = Launch::new(paths::installed("xdotool")?, dir)?
        .env("DISPLAY", x.display())
        .args(args);
    let output = launch.output(Duration::from_secs(20)).await?;
    ensure!(
        output.status.success(),
        "xdotool {args:?}: {}",
        output.stderr
    );
    Ok(())
}
