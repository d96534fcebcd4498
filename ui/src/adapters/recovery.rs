//! The recovery key and key backup.

use hardline_app::view::recovery::{
    BackupStatus, RecoveryAction as Action, RecoveryState, RecoveryStatus,
};
use hardline_views as views;
use slint::{ComponentHandle, Global, SharedString};

use super::{Port, Screen, Tasks, pending_data};

type Globals<'a> = views::RecoveryAdapter<'a>;

/// Sets the callbacks of the screen.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_set_up(port.always(Action::SetUp));
    global.on_replace(port.always(Action::Replace));
    global.on_recover(port.with(|key: SharedString| Action::Recover {
        key: key.trim().into(),
    }));
    global.on_key_saved(port.always(Action::KeySaved));
    global.on_reset(port.with(|password: SharedString| Action::Reset {
        password: password.into(),
    }));
}

/// Shows a view model until the tasks are dropped.
pub fn bind<E: Clone + 'static>(
    ui: &views::MainWindow,
    port: &Port<Action>,
    screen: Screen<RecoveryState, Action, E>,
) -> Tasks {
    port.bind(screen.send);
    let mut tasks = Tasks::default();
    let ui = ui.as_weak();
    tasks.watch(screen.state, move |state| {
        if let Some(ui) = ui.upgrade() {
            show(&Globals::get(&ui), state);
        }
    });
    tasks
}

fn show(global: &Globals<'_>, state: &RecoveryState) {
    global.set_status(match state.status {
        RecoveryStatus::Unknown => views::RecoveryStatus::Unknown,
        RecoveryStatus::Disabled => views::RecoveryStatus::Disabled,
        RecoveryStatus::Enabled => views::RecoveryStatus::Enabled,
        RecoveryStatus::Incomplete => views::RecoveryStatus::Incomplete,
    });
    global.set_backup(match state.backup {
        BackupStatus::Unknown => views::BackupStatus::Unknown,
        BackupStatus::Off => views::BackupStatus::Off,
        BackupStatus::Uploading => views::BackupStatus::Uploading,
        BackupStatus::Downloading => views::BackupStatus::Downloading,
        BackupStatus::On => views::BackupStatus::On,
    });
    global.set_new_key(state.new_key.as_deref().unwrap_or_default().into());
    global.set_pending(pending_data(&state.pending));
    global.set_device_verified(state.device_verified);
}
