//! The callbacks of the Slint side: plain actions go to their ports, the rest is done here.

use std::rc::Rc;

use hardline_app::{
    ids::{OwnedDeviceId, UserId},
    view::{
        new_conversation::NewConversationAction,
        shell::{Banner, ShellAction},
        verification::VerificationAction,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, SharedString};

use super::{files, links, main_window::Window, pasting, viewer};
use crate::adapters::{
    calls, new_conversation, onboarding, recovery, room, room_details, room_list, settings, shell,
    verification,
};
use crate::renderer::WindowNews;

/// Sets all callbacks of a window.
pub fn connect(window: &Rc<Window>) {
    let (ui, ports) = (&window.ui, &window.ports);
    shell::connect(ui, &ports.shell);
    onboarding::connect(ui, &ports.onboarding);
    room_list::connect(ui, &ports.room_list);
    room::connect(ui, &ports.room);
    room_details::connect(ui, &ports.room_details);
    new_conversation::connect(ui, &ports.new_conversation);
    verification::connect(ui, &ports.verification);
    recovery::connect(ui, &ports.recovery);
    settings::connect(ui, &ports.settings);
    calls::connect(ui, &ports.calls);
    connect_shell(window);
    connect_list(window);
    connect_room(window);
    connect_people(window);
    connect_path(window);
    let weak = window.weak();
    crate::renderer::on_event(
        ui,
        move |event| {
            if let Some(window) = weak.upgrade() {
                window.hold.hear(event, &window);
            }
        },
        on(window, |window, event| match event {
            WindowNews::Active(active) => window.set_active(active),
            WindowNews::FilesOver(over) => files::over(window, over),
            WindowNews::Dropped(path) => files::dropped(window, path),
            WindowNews::Used => window.used(),
        }),
    );
}

/// A callback that does something with the window.
fn on<T>(window: &Rc<Window>, act: impl Fn(&Window, T) + 'static) -> impl Fn(T) + 'static {
    let window = window.weak();
    move |value| {
        if let Some(window) = window.upgrade() {
            act(&window, value);
        }
    }
}

fn connect_shell(window: &Rc<Window>) {
    let global = window.ui.global::<views::ShellAdapter<'_>>();
    global.on_quit(window.ports.shell.always(ShellAction::Quit));
    global.on_tell(on(window, |window, text: SharedString| {
        window.toasts().text(&text);
    }));
    global.on_dismiss_banner(on(window, |window, index: i32| {
        if let Some(banner) = banner_at(window, index) {
            window.ports.shell.send(ShellAction::Dismiss(banner));
        }
    }));
    global.on_open_link(on(window, |window, url: SharedString| {
        links::open(window, &url)
    }));
    global.on_room_opened(on(window, |window, room_id: SharedString| {
        window.room_opened(&room_id)
    }));
    global.on_room_closed({
        let closed = on(window, |window, ()| window.room_closed());
        move || closed(())
    });
    global.on_details_toggled(on(window, |window, open| {
        if open {
            let room_id = window
                .ui
                .global::<views::ShellAdapter<'_>>()
                .get_current_room();
            window.details_opened(&room_id);
        } else {
            window.details_closed();
        }
    }));
    global.on_overlay_opened(on(window, |window, overlay| match overlay {
        views::Overlay::NewConversation => window
            .ports
            .new_conversation
            .send(NewConversationAction::Reset),
        views::Overlay::Jump => {
            window.with_room_list(|list| list.jump(""));
        }
        _ => {}
    }));
    global.on_overlay_closed(on(window, |window, overlay| {
        if overlay == views::Overlay::Verification {
            // ends a flow that still runs; one that has ended does not mind
            window.ports.verification.send(VerificationAction::Cancel);
        }
    }));
}

fn banner_at(window: &Window, index: i32) -> Option<Banner> {
    let banners = window.program.shell().state.borrow().banners.clone();
    banners.into_iter().nth(usize::try_from(index).ok()?)
}

fn connect_list(window: &Rc<Window>) {
    let global = window.ui.global::<views::RoomListAdapter<'_>>();
    global.on_open_neighbour(on(window, |window, step| {
        let shell = window.ui.global::<views::ShellAdapter<'_>>();
        let open = shell.get_current_room();
        let next = window
            .with_room_list(|list| list.neighbour(&open, step))
            .flatten();
        if let Some(next) = next {
            shell.invoke_open_room(next.into());
        }
    }));
    global.on_jump_changed(on(window, |window, text: SharedString| {
        window.with_room_list(|list| list.jump(&text));
    }));
}

fn connect_room(window: &Rc<Window>) {
    let global = window.ui.global::<views::RoomAdapter<'_>>();
    global.on_attach({
        let attach = on(window, |window, ()| files::attach(window));
        move || attach(())
    });
    global.on_paste_picture({
        let paste = on(window, |window, ()| pasting::paste_picture(window));
        move || {
            paste(());
            // the clipboard is asked on another thread, which leaves text alone
            false
        }
    });
    global.on_save_as(on(window, |window, row: SharedString| {
        files::save_as(window, row.into())
    }));
    global.on_view(on(window, |window, row: SharedString| {
        viewer::view_row(window, &row)
    }));
    global.on_open_image(on(window, |window, mxc: SharedString| {
        viewer::view_address(window, &mxc)
    }));
    global.on_viewer_closed({
        let closed = on(window, |window, ()| viewer::close(window));
        move || closed(())
    });
    global.on_reveal(on(window, |window, row: SharedString| {
        window.with_room(|room| room.reveal(&row));
    }));
    global.on_seen(on(window, |window, row: SharedString| {
        window.row_shown(row.into())
    }));
    global.on_find({
        let window = window.weak();
        move |text, backwards| {
            if let Some(window) = window.upgrade() {
                window.with_room(|room| room.find(&text, backwards));
            }
        }
    });
}

/// The dialog that asks for a path.
fn connect_path(window: &Rc<Window>) {
    let global = window.ui.global::<views::PathAdapter<'_>>();
    global.on_accepted(on(window, |window, path: SharedString| {
        files::path_typed(window, &path)
    }));
    global.on_cancelled({
        let cancelled = on(window, |window, ()| drop(files::path_dropped(window)));
        move || cancelled(())
    });
}

/// What is about a person or a device, and goes to another screen than where it began.
fn connect_people(window: &Rc<Window>) {
    let details = window.ui.global::<views::RoomDetailsAdapter<'_>>();
    details.on_set_avatar({
        let choose = on(window, |window, ()| files::choose_room_avatar(window));
        move || choose(())
    });
    details.on_verify(on(window, |window, user: SharedString| {
        if let Some(action) = verification::request_user(&user) {
            verify(window, action);
        }
    }));
    details.on_message(on(window, |window, user: SharedString| {
        if let Ok(user) = UserId::parse(user.as_str()) {
            window
                .ports
                .new_conversation
                .send(NewConversationAction::StartDirect(user));
        }
    }));
    let settings = window.ui.global::<views::SettingsAdapter<'_>>();
    settings.on_set_avatar({
        let choose = on(window, |window, ()| files::choose_own_avatar(window));
        move || choose(())
    });
    settings.on_verify_device(on(window, |window, device: SharedString| {
        let own = window.user_id().and_then(|user| UserId::parse(user).ok());
        if let Some(own) = own {
            verify(
                window,
                VerificationAction::RequestDevice(own, OwnedDeviceId::from(device.as_str())),
            );
        }
    }));
}

fn verify(window: &Window, action: VerificationAction) {
    window.ports.verification.send(action);
    window
        .ui
        .global::<views::ShellAdapter<'_>>()
        .invoke_open_overlay(views::Overlay::Verification);
}
