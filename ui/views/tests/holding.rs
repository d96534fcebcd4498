//! A press that stays, and the right button: the menu of a message opens wherever in it the pointer is, also on marked
//! text, links and quotes; such a press is no tap.

#[path = "snapshots/data.rs"]
#[allow(dead_code)]
mod data;

use data::{conversation, formatted, model, s};
use hardline_views::*;
use i_slint_backend_testing::{AccessibleRole, ElementQuery, mock_elapsed_time};
use slint::{
    ComponentHandle, LogicalPosition, LogicalSize,
    platform::{PointerEventButton, WindowEvent},
};
use std::{cell::RefCell, rc::Rc, time::Duration};

fn settle(window: &MainWindow) {
    for _ in 0..3 {
        mock_elapsed_time(Duration::from_millis(100));
        let _ = window.window().take_snapshot();
    }
}

/// Where messages are: left, top, width, height.
fn messages(window: &MainWindow) -> Vec<(f32, f32, f32, f32)> {
    ElementQuery::from_root(window)
        .match_descendants()
        .match_accessible_role(AccessibleRole::ListItem)
        .find_all()
        .iter()
        .filter(|row| {
            row.accessible_label()
                .is_some_and(|label| label.contains(": "))
        })
        .map(|row| {
            let (place, size) = (row.absolute_position(), row.size());
            (place.x, place.y, size.width, size.height)
        })
        .collect()
}

fn has_menu(window: &MainWindow) -> bool {
    ElementQuery::from_root(window)
        .match_descendants()
        .match_accessible_role(AccessibleRole::Button)
        .find_all()
        .iter()
        .any(|button| {
            button
                .accessible_label()
                .is_some_and(|label| label == "Copy text")
        })
}

fn press(window: &MainWindow, position: LogicalPosition) {
    let button = PointerEventButton::Left;
    for event in [
        WindowEvent::PointerMoved { position },
        WindowEvent::PointerPressed { position, button },
    ] {
        window.window().dispatch_event(event);
    }
}

#[test]
fn every_place_in_a_message_opens_its_menu() {
    i_slint_backend_testing::init_no_event_loop();
    let window = MainWindow::new().expect("window");
    window.show().expect("show");
    window.global::<ShellAdapter>().set_phase(Phase::Ready);
    let (room, shell) = (
        window.global::<RoomAdapter>(),
        window.global::<ShellAdapter>(),
    );
    let tapped = Rc::new(RefCell::new(0));
    room.on_show_replied({
        let tapped = tapped.clone();
        move |_| *tapped.borrow_mut() += 1
    });
    shell.on_open_link({
        let tapped = tapped.clone();
        move |_| *tapped.borrow_mut() += 1
    });
    shell.invoke_open_room(s("!r"));
    let holding = window.global::<Holding>();
    for (width, height, rows) in [
        (360., 720., formatted()),
        (360., 720., conversation()),
        (1200., 800., formatted()),
    ] {
        {
            window.window().set_size(LogicalSize::new(width, height));
            room.set_rows(model(rows));
            settle(&window);
            let (mut tried, mut missed) = (0, Vec::new());
            for (left, top, wide, high) in messages(&window) {
                for part in [0.3] {
                    let mut y = top + 14.;
                    while y < (top + high - 6.).min(height - 130.) {
                        let position = LogicalPosition::new(left + wide * part, y);
                        y += 40.;
                        if position.y < 80. {
                            continue;
                        }
                        tried += 1;
                        holding.invoke_begin();
                        press(&window, position);
                        holding.invoke_held();
                        mock_elapsed_time(Duration::from_millis(50));
                        window
                            .window()
                            .dispatch_event(WindowEvent::PointerReleased {
                                position,
                                button: PointerEventButton::Left,
                            });
                        mock_elapsed_time(Duration::from_millis(300));
                        if !holding.get_answered() {
                            missed.push(position);
                        }
                        if tried == 1 {
                            assert!(has_menu(&window), "no menu at {position:?}");
                        }
                        window.window().dispatch_event(WindowEvent::KeyPressed {
                            text: slint::platform::Key::Escape.into(),
                        });
                        mock_elapsed_time(Duration::from_millis(300));
                    }
                }
            }
            assert!(tried > 5, "{tried} places");
            assert!(
                missed.is_empty(),
                "of {tried} places these opened nothing: {missed:?}"
            );
        }
    }
    assert_eq!(
        *tapped.borrow(),
        0,
        "a press that asked was taken for a tap"
    );
}
