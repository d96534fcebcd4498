//! Finding and touching what is on the screen of a window.

use std::{path::Path, rc::Rc, time::Duration};

use hardline_ui::{
    renderer::Renderer,
    window::{Host, WindowOptions},
};
use hardline_views::MainWindow;
use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementRoot, TestingBackend, TestingBackendOptions,
};
use slint::{ComponentHandle, LogicalSize, platform::PointerEventButton};

use super::FakeProgram;

/// Slint without a display, drawing with the software renderer. Once a process.
pub fn start_slint() {
    let options = TestingBackendOptions {
        mock_time: false,
        threading: true,
        renderer_name: Some("software".into()),
    };
    slint::platform::set_platform(Box::new(TestingBackend::new(options))).unwrap();
}

/// How test windows are made.
pub fn options(dir: &Path) -> WindowOptions {
    WindowOptions {
        renderer: Renderer::Software,
        background: false,
        app_id: "im.hardline.Test".to_owned(),
        placement_file: dir.join("window.json"),
    }
}

/// Shows a window on this program and runs `test` in the event loop; ends after it.
pub fn run(program: &Rc<FakeProgram>, test: impl AsyncFnOnce(Rc<Host>) + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let effects = program.shell.effects.subscribe();
    let host = Host::new(program.clone(), options(dir.path()), effects);
    host.show().unwrap();
    let done = Rc::new(std::cell::Cell::new(false));
    slint::spawn_local({
        let (host, done) = (host.clone(), done.clone());
        async move {
            test(host).await;
            done.set(true);
            slint::quit_event_loop().unwrap();
        }
    })
    .unwrap();
    slint::Timer::single_shot(Duration::from_secs(60), || {
        slint::quit_event_loop().unwrap()
    });
    slint::run_event_loop_until_quit().unwrap();
    assert!(done.get(), "the test did not end in a minute");
}

/// Lets the window take what was sent to it and lay itself out.
pub async fn settle() {
    for _ in 0..3 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        slint::Timer::single_shot(Duration::from_millis(30), move || {
            let _ = sender.send(());
        });
        receiver.await.unwrap();
    }
}

/// Gives the window another size.
pub fn resize(ui: &MainWindow, width: f32, height: f32) {
    ui.window().set_size(LogicalSize::new(width, height));
}

/// All labels on the screen.
pub fn labels(ui: &MainWindow) -> Vec<String> {
    ui.root_element()
        .query_descendants()
        .find_all()
        .iter()
        .filter_map(|element| element.accessible_label())
        .map(String::from)
        .collect()
}

/// The element of this role whose label contains `label`.
pub fn find(ui: &MainWindow, role: AccessibleRole, label: &str) -> Option<ElementHandle> {
    ui.root_element()
        .query_descendants()
        .match_accessible_role(role)
        .find_all()
        .into_iter()
        .find(|element| {
            element
                .accessible_label()
                .is_some_and(|text| text.contains(label))
        })
}

/// Clicks the element of this role whose label contains `label`.
pub async fn click(ui: &MainWindow, role: AccessibleRole, label: &str) {
    let element = find(ui, role, label)
        .unwrap_or_else(|| panic!("no {role:?} \"{label}\" among {:?}", labels(ui)));
    element.single_click(PointerEventButton::Left).await;
    settle().await;
}

/// Keeps a picture of the window where `HARDLINE_TEST_PICTURES` says, if it says.
pub fn picture(ui: &MainWindow, name: &str) {
    let picture = ui.window().take_snapshot().unwrap();
    if let Some(dir) = std::env::var_os("HARDLINE_TEST_PICTURES") {
        image::save_buffer(
            Path::new(&dir).join(name),
            picture.as_bytes(),
            picture.width(),
            picture.height(),
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    }
}
