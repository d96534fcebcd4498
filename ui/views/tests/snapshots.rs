//! Draws every screen in every state into `target/snapshots`, and checks what must hold on each: nothing to tap is smaller
//! than a finger (or a pointer) needs, everything to tap has a name, and the composer is in sight.
//!
//! `make test` draws the phone light and the desk dark; `make soak` three sizes, light and dark.
//! `SNAPSHOTS=11-room` draws only what begins so; `SNAPSHOT_SIZES=phone,desk` only these sizes.

#[path = "snapshots/calls.rs"]
mod calls;
#[path = "snapshots/data.rs"]
mod data;
#[path = "snapshots/scenes.rs"]
mod scenes;

use hardline_views::{Layout, MainWindow, Theme};
use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions,
};
use slint::{ComponentHandle, LogicalSize};
use std::{path::PathBuf, time::Duration};

const SIZES: [(&str, f32, f32); 3] = [
    ("phone", 360., 720.),
    ("side", 720., 360.),
    ("desk", 1200., 800.),
];

fn elapse(ms: u64) {
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(ms));
}

fn folder() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../snapshots");
    std::fs::create_dir_all(&dir).expect("target/snapshots");
    dir
}

fn shoot(window: &MainWindow, name: &str) {
    let buffer = window.window().take_snapshot().expect("snapshot");
    let picture =
        image::RgbaImage::from_raw(buffer.width(), buffer.height(), buffer.as_bytes().to_vec())
            .expect("size");
    picture
        .save(folder().join(format!("{name}.png")))
        .expect("png");
}

/// Elements that can be tapped and are on the screen.
fn controls(window: &MainWindow) -> Vec<ElementHandle> {
    let roles = [
        AccessibleRole::Button,
        AccessibleRole::Tab,
        AccessibleRole::Switch,
        AccessibleRole::RadioButton,
        AccessibleRole::TextInput,
    ];
    let mut found = Vec::new();
    for role in roles {
        found.extend(
            ElementQuery::from_root(window)
                .match_descendants()
                .match_accessible_role(role)
                .find_all(),
        );
    }
    found.retain(|e| e.size().width > 0. && e.size().height > 0. && e.computed_opacity() > 0.);
    found
}

fn check(window: &MainWindow, what: &str, width: f32, height: f32, problems: &mut Vec<String>) {
    let touch = width < 1024.;
    let least = if touch { 44. } else { 32. };
    for control in controls(window) {
        let (at, size) = (control.absolute_position(), control.size());
        let label = control.accessible_label().unwrap_or_default();
        let role = control.accessible_role();
        if label.is_empty() {
            problems.push(format!(
                "{what}: {role:?} at {at:?} {size:?} {:?} has no label",
                control.type_name()
            ));
        }
        // A text field is as high as its frame; rows of a list scrolled out of sight do not count.
        if role != Some(AccessibleRole::TextInput)
            && (size.height < least - 0.5 || size.width < least - 0.5)
        {
            problems.push(format!(
                "{what}: {role:?} {label:?} is only {}×{}",
                size.width, size.height
            ));
        }
        if at.x < -1. || at.x + size.width > width + 1. {
            // What scrolls sideways (chips, attachments) may stand outside.
            if role != Some(AccessibleRole::Tab)
                && !label.starts_with("Leave out")
                && size.width <= width
            {
                problems.push(format!(
                    "{what}: {role:?} {label:?} stands outside: x {} width {}",
                    at.x, size.width
                ));
            }
        }
    }
    let composer = ElementHandle::find_by_accessible_label(window, "Message to Field team")
        .find(|e| e.accessible_role() == Some(AccessibleRole::TextInput));
    if what.contains("keyboard") {
        let composer = composer.expect("the composer is there");
        let bottom = composer.absolute_position().y + composer.size().height;
        if bottom > height || composer.absolute_position().y < 90. {
            problems.push(format!(
                "{what}: the composer ends at {bottom} of {height}, begins at {}",
                composer.absolute_position().y
            ));
        }
    }
}

#[test]
fn every_screen_is_drawn_and_can_be_used() {
    every_scene(|size, dark| matches!((size, dark), ("phone", false) | ("desk", true)));
}

#[test]
fn soak_every_screen_in_every_size_and_scheme() {
    every_scene(|_, _| true);
}

/// Draws all scenes in the sizes and schemes `wanted`; fails with what is wrong with them.
fn every_scene(wanted: fn(&str, bool) -> bool) {
    // Two threads, each with a platform of its own: drawing is slow in a debug build.
    let halves: Vec<_> = (0..2)
        .map(|half| std::thread::spawn(move || draw(half, wanted)))
        .collect();
    let problems: Vec<String> = halves
        .into_iter()
        .flat_map(|half| half.join().expect("drawn"))
        .collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Draws every second scene; returns what is wrong with them.
fn draw(half: usize, wanted: fn(&str, bool) -> bool) -> Vec<String> {
    use_testing_platform();
    let only = std::env::var("SNAPSHOTS").unwrap_or_default();
    let sizes = std::env::var("SNAPSHOT_SIZES").unwrap_or_else(|_| "phone,side,desk".into());
    let mut problems = Vec::new();
    for scene in scenes::all()
        .into_iter()
        .chain(calls::scenes())
        .filter(|s| s.name.starts_with(&only))
        .skip(half)
        .step_by(2)
    {
        for (size, width, height) in SIZES.into_iter().filter(|s| sizes.contains(s.0)) {
            let height = if scene.keyboard && size != "side" {
                height / 2.
            } else {
                height
            };
            // On its side, a phone's keyboard leaves about 200 px.
            let height = if scene.keyboard && size == "side" {
                200.
            } else {
                height
            };
            for dark in [false, true].into_iter().filter(|&dark| wanted(size, dark)) {
                let window = MainWindow::new().expect("window");
                window.global::<Theme>().set_dark(dark);
                window.window().set_size(LogicalSize::new(width, height));
                window.global::<Layout>().set_width(width);
                window.global::<Layout>().set_height(height);
                window.show().expect("show");
                (scene.load)(&window);
                for _ in 0..3 {
                    elapse(200);
                    let _ = window.window().take_snapshot();
                }
                if let Some(act) = scene.act {
                    act(&window);
                    elapse(200);
                    let _ = window.window().take_snapshot();
                    elapse(200);
                }
                let scheme = if dark { "dark" } else { "light" };
                let name = format!("{}_{size}_{scheme}", scene.name);
                shoot(&window, &name);
                check(&window, &name, width, height, &mut problems);
                window.hide().expect("hide");
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

fn use_testing_platform() {
    slint::platform::set_platform(Box::new(TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    })))
    .expect("platform");
}
