//! The keyboard alone: jump, shortcuts, Esc, send, a new line, the last message.

#[path = "snapshots/data.rs"]
#[allow(dead_code)]
mod data;

use data::{conversation, model, rooms, s};
use hardline_views::*;
use i_slint_backend_testing::{AccessibleRole, ElementQuery};
use slint::{
    ComponentHandle, LogicalSize, SharedString,
    platform::{Key, WindowEvent},
};
use std::{cell::RefCell, rc::Rc, time::Duration};

fn tap(window: &MainWindow, text: impl Into<SharedString>) {
    let text = text.into();
    window
        .window()
        .dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    window
        .window()
        .dispatch_event(WindowEvent::KeyReleased { text });
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(250));
}

fn with(window: &MainWindow, modifier: Key, text: impl Into<SharedString>) {
    window.window().dispatch_event(WindowEvent::KeyPressed {
        text: modifier.into(),
    });
    tap(window, text);
    window.window().dispatch_event(WindowEvent::KeyReleased {
        text: modifier.into(),
    });
}

/// Tab and Shift+Tab go round in a dialog and never reach the composer or the search behind it.
fn stays_in_what_is_open(window: &MainWindow) {
    let list = window.global::<RoomListAdapter>();
    let room = window.global::<RoomAdapter>();
    let jumped = Rc::new(RefCell::new(0));
    list.on_jump_changed({
        let jumped = jumped.clone();
        move |_| *jumped.borrow_mut() += 1
    });
    let before = room.get_text();
    for back in [false, true] {
        with(window, Key::Control, "k");
        let opened = *jumped.borrow();
        for _ in 0..12 {
            if back {
                with(window, Key::Shift, Key::Backtab);
            } else {
                tap(window, Key::Tab);
            }
            tap(window, "q");
        }
        let typed = *jumped.borrow() - opened;
        assert!(
            typed >= 2,
            "the field of the dialog was reached {typed} times"
        );
        assert_eq!(room.get_text(), before, "the composer was reached");
        assert_eq!(list.get_search(), "", "the search behind was reached");
        tap(window, Key::Escape);
        assert_eq!(window.global::<ShellAdapter>().get_overlay(), Overlay::None);
    }
}

#[test]
fn everything_is_reached_by_keys() {
    i_slint_backend_testing::init_no_event_loop();
    let window = MainWindow::new().expect("window");
    window.window().set_size(LogicalSize::new(1200., 800.));
    window.show().expect("show");
    let shell = window.global::<ShellAdapter>();
    let room = window.global::<RoomAdapter>();
    let list = window.global::<RoomListAdapter>();
    shell.set_phase(Phase::Ready);
    list.set_rows(model(rooms()));
    list.set_jump_rows(model(rooms()));
    room.set_is_encrypted(true);
    room.set_can_submit(true);
    room.set_rows(model(conversation()));
    let log = Rc::new(RefCell::new(Vec::<String>::new()));
    let note = |what: &'static str| {
        let log = log.clone();
        move || log.borrow_mut().push(what.into())
    };
    room.on_send(note("send"));
    room.on_edit_last(note("edit-last"));
    room.on_cancel_mode(note("cancel-mode"));
    let neighbours = log.clone();
    list.on_open_neighbour(move |step| neighbours.borrow_mut().push(format!("neighbour {step}")));
    let typed = log.clone();
    room.on_text_changed(move |text, cursor| typed.borrow_mut().push(format!("{text}|{cursor}")));
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(250));

    with(&window, Key::Control, "k");
    assert_eq!(shell.get_overlay(), Overlay::Jump);
    tap(&window, Key::DownArrow);
    tap(&window, Key::Return);
    assert_eq!(shell.get_overlay(), Overlay::None);
    assert!(shell.get_room_open());
    assert_eq!(
        shell.get_current_room(),
        "!Field team:example.org",
        "the second row was opened"
    );

    room.set_room_id(s("!Field team:example.org"));
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(250));
    tap(&window, Key::UpArrow);
    tap(&window, "H");
    tap(&window, "i");
    with(&window, Key::Shift, Key::Return);
    tap(&window, "x");
    assert_eq!(
        room.get_text(),
        "Hi\nx",
        "Shift+Enter makes a new line: {:?}",
        log.borrow()
    );
    tap(&window, Key::Return);
    assert_eq!(log.borrow().iter().filter(|l| *l == "send").count(), 1);
    assert_eq!(
        log.borrow().iter().filter(|l| *l == "edit-last").count(),
        1,
        "{:?}",
        log.borrow()
    );
    assert!(
        log.borrow().iter().any(|l| l == "Hi|2"),
        "{:?}",
        log.borrow()
    );

    with(&window, Key::Alt, Key::DownArrow);
    with(&window, Key::Alt, Key::UpArrow);
    assert!(
        log.borrow().iter().any(|l| l == "neighbour 1")
            && log.borrow().iter().any(|l| l == "neighbour -1")
    );

    with(&window, Key::Control, "i");
    assert!(shell.get_details_open());
    tap(&window, Key::Escape);
    assert!(!shell.get_details_open(), "Esc closes the details");

    stays_in_what_is_open(&window);

    with(&window, Key::Control, "f");
    let finder = ElementQuery::from_root(&window)
        .match_descendants()
        .match_accessible_role(AccessibleRole::TextInput)
        .find_all()
        .into_iter()
        .find(|e| e.accessible_label().as_deref() == Some("Find in this conversation"));
    assert!(finder.is_some(), "Ctrl+F shows the field to find");
    tap(&window, Key::Escape);

    with(&window, Key::Control, ",");
    assert_eq!(shell.get_section(), Section::Settings);
    tap(&window, Key::F1);
    assert_eq!(shell.get_overlay(), Overlay::Shortcuts);
    tap(&window, Key::Escape);
    assert_eq!(shell.get_overlay(), Overlay::None);
}
