//! Settings: account, devices, appearance, notifications, ignored people, about.

use std::rc::Rc;

use hardline_app::{
    ids::{OwnedDeviceId, UserId},
    notice::Notice,
    view::settings::{
        Appearance, CallSettings, DeviceRow, Notifications, OwnServerDetails, Scheme,
        SettingsAction as Action, SettingsState,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Global, SharedString};

use super::{Port, Screen, Tasks, avatar_data, pending_data, shared::show_list};
use crate::{
    format::near_time,
    images::{Images, Listening},
};

type Globals<'a> = views::SettingsAdapter<'a>;

/// Sets the callbacks that are plain actions; choosing a picture and verifying a device are
/// [`crate::window`]'s.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_set_display_name(
        port.with(|name: SharedString| Action::SetDisplayName(name.trim().into())),
    );
    global.on_remove_avatar(port.always(Action::RemoveAvatar));
    global.on_change_password(port.maybe2(|old: SharedString, new: SharedString| {
        Some(Action::ChangePassword {
            old: old.into(),
            new: new.into(),
        })
    }));
    global.on_refresh_devices(port.always(Action::RefreshDevices));
    global.on_rename_device(port.maybe2(|device: SharedString, name: SharedString| {
        Some(Action::RenameDevice {
            device_id: device_id(&device),
            name: name.trim().into(),
        })
    }));
    global.on_remove_device(port.maybe2(|device: SharedString, password: SharedString| {
        Some(Action::RemoveDevice {
            device_id: device_id(&device),
            password: password.into(),
        })
    }));
    global.on_set_appearance(
        port.with(|data: views::AppearanceData| Action::SetAppearance(appearance(&data))),
    );
    global.on_set_calls(port.with(|data: views::CallSettingsData| {
        Action::SetCalls(CallSettings {
            strangers_ring: data.strangers_ring,
            relay_only: data.relay_only,
        })
    }));
    global.on_set_notifications(
        port.with(|data: views::NotificationsData| Action::SetNotifications(notifications(&data))),
    );
    global.on_unignore(
        port.maybe(|user: SharedString| Some(Action::Unignore(UserId::parse(user.as_str()).ok()?))),
    );
    global.on_share_own_server(port.with(Action::ShareOwnServer));
    global.on_sign_out(port.always(Action::SignOut));
}

fn device_id(text: &str) -> OwnedDeviceId {
    OwnedDeviceId::from(text)
}

/// A bound view model.
pub struct Settings {
    _tasks: Tasks,
    _listening: Listening,
}

/// Shows a view model until what it returns is dropped; `looks` hears the appearance now and after
/// each change, `tell` what went wrong.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    screen: Screen<SettingsState, Action, Notice>,
    looks: impl Fn(&Appearance) + 'static,
    tell: impl Fn(Notice) + 'static,
) -> Settings {
    port.bind(screen.send);
    let mut tasks = Tasks::default();
    let state = screen.state.clone();
    let show = Rc::new({
        let (ui, images) = (ui.as_weak(), images.clone());
        move |state: &SettingsState| {
            if let Some(ui) = ui.upgrade() {
                show(&Globals::get(&ui), state, &images);
            }
        }
    });
    let listening = images.listen({
        let show = show.clone();
        move |key| {
            let now = state.borrow().clone();
            if now
                .account
                .avatar
                .mxc
                .as_ref()
                .is_some_and(|mxc| mxc.as_str() == key)
            {
                show(&now);
            }
        }
    });
    tasks.effects(screen.effects, tell);
    tasks.watch(screen.state, move |state| {
        looks(&state.appearance);
        show(state);
    });
    Settings {
        _tasks: tasks,
        _listening: listening,
    }
}

fn show(global: &Globals<'_>, state: &SettingsState, images: &Images) {
    let account = &state.account;
    global.set_user_id(account.user_id.as_str().into());
    global.set_display_name(account.display_name.as_str().into());
    global.set_avatar(avatar_data(&account.avatar, images));
    global.set_homeserver(account.homeserver.as_str().into());
    global.set_account_pending(pending_data(&account.pending));
    global.set_password_pending(pending_data(&account.password_pending));
    show_list(
        &global.get_devices(),
        state.devices.iter().map(device_data),
        |devices| {
            global.set_devices(devices);
        },
    );
    global.set_devices_pending(pending_data(&state.devices_pending));
    global.set_appearance(appearance_data(&state.appearance));
    global.set_notifications(notifications_data(&state.notifications));
    global.set_calls(views::CallSettingsData {
        strangers_ring: state.calls.strangers_ring,
        relay_only: state.calls.relay_only,
    });
    let ignored = state
        .ignored
        .iter()
        .map(|user| SharedString::from(user.as_str()));
    show_list(&global.get_ignored(), ignored, |ignored| {
        global.set_ignored(ignored)
    });
    global.set_own_server(own_server_data(state.own_server.as_ref()));
    global.set_own_server_pending(pending_data(&state.own_server_pending));
    global.set_version(state.about.version.as_str().into());
    global.set_data_dir(state.about.data_dir.as_str().into());
    global.set_server(state.about.server.as_deref().unwrap_or_default().into());
}

fn own_server_data(details: Option<&OwnServerDetails>) -> views::OwnServerData {
    let Some(details) = details else {
        return views::OwnServerData::default();
    };
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    views::OwnServerData {
        name: details.server_name.as_str().into(),
        address: details.base_url.as_str().into(),
        token: text(&details.registration_token),
        shared: details.is_shared,
        network_address: text(&details.network_url),
    }
}

fn device_data(device: &DeviceRow) -> views::DeviceData {
    views::DeviceData {
        device_id: device.device_id.as_str().into(),
        name: device.name.as_str().into(),
        is_current: device.is_current,
        is_verified: device.is_verified,
        last_seen: device.last_seen.map(near_time).unwrap_or_default().into(),
    }
}

fn appearance_data(appearance: &Appearance) -> views::AppearanceData {
    views::AppearanceData {
        scheme: match appearance.scheme {
            Scheme::System => views::Scheme::System,
            Scheme::Light => views::Scheme::Light,
            Scheme::Dark => views::Scheme::Dark,
        },
        accent: appearance.accent.map_or(-1, i32::from),
        text_scale: appearance.text_scale.into(),
        compact: appearance.compact,
        reduced_motion: appearance.reduced_motion,
    }
}

fn appearance(data: &views::AppearanceData) -> Appearance {
    Appearance {
        scheme: match data.scheme {
            views::Scheme::System => Scheme::System,
            views::Scheme::Light => Scheme::Light,
            views::Scheme::Dark => Scheme::Dark,
        },
        accent: u8::try_from(data.accent).ok(),
        text_scale: u16::try_from(data.text_scale).unwrap_or(100).clamp(80, 200),
        compact: data.compact,
        reduced_motion: data.reduced_motion,
    }
}

fn notifications_data(notifications: &Notifications) -> views::NotificationsData {
    views::NotificationsData {
        enabled: notifications.enabled,
        show_text: notifications.show_text,
        sound: notifications.sound,
        autostart: notifications.autostart,
    }
}

fn notifications(data: &views::NotificationsData) -> Notifications {
    Notifications {
        enabled: data.enabled,
        show_text: data.show_text,
        sound: data.sound,
        autostart: data.autostart,
    }
}
