//! The timeline: stands at the end, stays there, keeps its place when older rows come, goes where it is told; 5,000 rows.

#[path = "snapshots/data.rs"]
#[allow(dead_code)]
mod data;

use data::{ADA, many, s, say};
use hardline_views::*;
use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions,
};
use slint::{ComponentHandle, LogicalSize, Model, ModelRc, VecModel};
use std::{cell::RefCell, rc::Rc, time::Duration};

fn settle(window: &MainWindow) {
    for _ in 0..5 {
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(50));
        let _ = window.window().take_snapshot();
    }
}

/// Message rows in sight: their number in the text, and where they stand.
fn seen_rows(window: &MainWindow) -> Vec<(i64, f32, f32)> {
    let mut rows: Vec<_> = ElementQuery::from_root(window)
        .match_descendants()
        .match_accessible_role(AccessibleRole::ListItem)
        .find_all()
        .iter()
        .filter_map(|e: &ElementHandle| {
            let label = e.accessible_label()?;
            let rest = &label[label.find("Message ")? + 8..];
            let number = rest[..rest.find('.')?].parse().ok()?;
            Some((number, e.absolute_position().y, e.size().height))
        })
        .collect();
    rows.sort_by_key(|r| r.0);
    rows.dedup_by_key(|r| r.0);
    rows
}

fn place_of(rows: &[(i64, f32, f32)], number: i64) -> Option<f32> {
    rows.iter().find(|r| r.0 == number).map(|r| r.1)
}

fn scroll(window: &MainWindow, by: f32) {
    window
        .window()
        .dispatch_event(slint::platform::WindowEvent::PointerScrolled {
            position: slint::LogicalPosition::new(180., 300.),
            delta_x: 0.,
            delta_y: by,
        });
    settle(window);
}

#[test]
fn the_timeline_keeps_its_place() {
    slint::platform::set_platform(Box::new(TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    })))
    .expect("platform");
    let window = MainWindow::new().expect("window");
    window.window().set_size(LogicalSize::new(360., 640.));
    window.show().expect("show");
    window.global::<ShellAdapter>().set_phase(Phase::Ready);
    let room = window.global::<RoomAdapter>();
    let rows = Rc::new(VecModel::from(many(5000)));
    let (asked, seen) = (
        Rc::new(RefCell::new(0)),
        Rc::new(RefCell::new(Vec::<String>::new())),
    );
    let counter = asked.clone();
    room.on_paginate_back(move || *counter.borrow_mut() += 1);
    let list = seen.clone();
    room.on_seen(move |id| list.borrow_mut().push(id.to_string()));
    room.set_is_encrypted(true);
    room.set_room_id(s("!r"));
    room.set_rows(ModelRc::from(rows.clone()));
    window.global::<ShellAdapter>().invoke_open_room(s("!r"));
    settle(&window);
    settle(&window);

    // Opened: the newest row stands at the foot, just over the composer, and few rows were made.
    let at_end = seen_rows(&window);
    let last = at_end.last().expect("rows");
    assert_eq!(last.0, 4999, "the newest row is in sight: {at_end:?}");
    let foot = last.1 + last.2;
    assert!(
        (540.0..=600.0).contains(&foot),
        "the newest row ends at {foot}"
    );
    assert!(at_end.len() < 30, "{} rows were made", at_end.len());
    assert!(
        seen.borrow().iter().any(|id| id == "m4999"),
        "the newest row was told as seen: {:?}",
        seen.borrow()
    );

    // A new row comes while at the end: it is shown.
    rows.push(say("m5000", &ADA, "Message 5000. It just came.", "12:01"));
    settle(&window);
    let now = seen_rows(&window);
    assert_eq!(now.last().map(|r| r.0), Some(5000), "{now:?}");
    assert!(
        (now.last().expect("row").1 + now.last().expect("row").2 - foot).abs() < 12.0,
        "{now:?}"
    );

    // The keyboard halves the height: still at the end.
    window.window().set_size(LogicalSize::new(360., 320.));
    settle(&window);
    assert_eq!(seen_rows(&window).last().map(|r| r.0), Some(5000));
    window.window().set_size(LogicalSize::new(360., 640.));
    settle(&window);

    // Scrolled away: neither a new row below nor older ones above move what is read.
    scroll(&window, 900.0);
    let before = seen_rows(&window);
    let (number, y, _) = before[before.len() / 2];
    assert!(number < 4999);
    rows.push(say("m5001", &ADA, "Message 5001. Unseen.", "12:02"));
    settle(&window);
    let shift = place_of(&seen_rows(&window), number).expect("still there") - y;
    assert!(shift.abs() < 1.0, "a new row moved the text by {shift}");
    for i in 0..50 {
        rows.insert(0, say(&format!("older{i}"), &ADA, "Older. Words.", "09:00"));
    }
    settle(&window);
    let shift = place_of(&seen_rows(&window), number).expect("still there") - y;
    assert!(shift.abs() < 1.0, "older rows moved the text by {shift}");

    // Told to go to a row far away, and back to the end.
    let index = rows.iter().position(|r| r.id == "m1234").expect("row") as i32;
    room.invoke_scroll_to(s("m1234"), index);
    settle(&window);
    settle(&window);
    let there = seen_rows(&window);
    let at = place_of(&there, 1234).unwrap_or_else(|| panic!("row 1234 is in sight: {there:?}"));
    assert!((56.0..=560.0).contains(&at), "row 1234 stands at {at}");
    room.invoke_scroll_to_end();
    settle(&window);
    settle(&window);
    assert_eq!(seen_rows(&window).last().map(|r| r.0), Some(5001));

    // Near the first row older ones are asked for; when they come at the very top, the text stays.
    assert_eq!(*asked.borrow(), 0);
    room.invoke_scroll_to(s("older49"), 0);
    settle(&window);
    settle(&window);
    scroll(&window, 400.0);
    assert!(*asked.borrow() >= 1, "older rows were asked for");
    assert_eq!(rows.row_count(), 5052);
}
