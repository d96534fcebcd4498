//! Quaternion (Debian's package) signed in to a server without its log-in window: its settings and token are files.

use std::{fs, path::Path};

use anyhow::Result;
use hardline_testkit::{Client, Homeserver, Xvfb, paths, process::Launch};

/// Writes the files of a signed-in Quaternion below `home`.
pub fn sign_in(home: &Path, account: &Client, server: &impl Homeserver) -> Result<()> {
    let config = home.join("config/Quotient");
    fs::create_dir_all(&config)?;
    let id = &account.user_id;
    // QSettings writes `@` and `:` in a group's name percent-encoded.
    let group = id.replace('@', "%40").replace(':', "%3A");
    fs::write(
        config.join("quaternion.conf"),
        format!(
            "[Accounts]\n{group}\\homeserver={}\n{group}\\device_id={}\n{group}\\keep_logged_in=true\n{group}\\encryption=false\n",
            server.base_url(),
            account.device_id
        ),
    )?;
    let data = home.join("data/Quotient/quaternion");
    fs::create_dir_all(&data)?;
    fs::write(data.join(id.replace(':', "_")), &account.token)?;
    Ok(())
}

/// The program, ready to start on a display.
pub fn launch(home: &Path, x: &Xvfb) -> Result<Launch> {
    let run = home.join("run");
    fs::create_dir_all(&run)?;
    Ok(Launch::new(paths::installed("quaternion")?, home)?
        .env("DISPLAY", x.display())
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_RUNTIME_DIR", run)
        .env("LANG", "C.UTF-8")
        .env_remove("WAYLAND_DISPLAY"))
}
