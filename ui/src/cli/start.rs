//! A core for the window, the background or one command.

use std::{io::IsTerminal, path::Path};

use hardline_app::{Core, CoreConfig, CoreError};
use hardline_platform::{
    Services,
    dirs::{ProfileDirs, ProgramDirs},
    identity,
};

use super::{Arguments, input};

/// Where everything is.
pub(super) struct Place {
    pub(super) dirs: ProgramDirs,
    pub(super) profile: ProfileDirs,
}

impl Place {
    pub(super) fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let dirs = ProgramDirs::system()?;
        let profile = match &arguments.profile {
            Some(dir) => dirs.profile_at(dir),
            None => dirs.default_profile(),
        };
        Ok(Self { dirs, profile })
    }
}

/// Configures a core; `may_prompt`: a window is there to which the keyring's question belongs.
pub(super) fn config(
    arguments: &Arguments,
    place: &Place,
    may_prompt: bool,
) -> anyhow::Result<CoreConfig> {
    Ok(CoreConfig {
        dirs: place.dirs.clone(),
        profile: place.profile.clone(),
        device_name: device_name(),
        passphrase: input::passphrase(arguments)?.map(Into::into),
        may_prompt,
    })
}

/// Starts a core with the real operating system.
pub(super) fn core(config: CoreConfig) -> Result<Core, CoreError> {
    let dirs = config.dirs.clone();
    let program = std::env::current_exe().unwrap_or_else(|_| identity::PROGRAM.into());
    Core::start(config, || Services::system(&dirs, &program))
}

/// A terminal, and a desktop behind it that can show the keyring's question.
pub(super) fn can_prompt() -> bool {
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    desktop && std::io::stdin().is_terminal()
}

/// What other devices see: the program and the machine's name.
fn device_name() -> String {
    let host = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    match host.trim() {
        "" | "(none)" => identity::NAME.to_owned(),
        host => format!("{} on {host}", identity::NAME),
    }
}
