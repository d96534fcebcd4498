//! Size and state of the window, kept from one time to the next.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hardline_views::MainWindow;
use serde::{Deserialize, Serialize};
use slint::{
    ComponentHandle, LogicalSize, PhysicalSize,
    winit_030::{WinitWindowAccessor, winit},
};

/// What is kept, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Placement {
    width: f32,
    height: f32,
    maximized: bool,
}

impl Placement {
    /// Sizes no window of ours ever has are those of a damaged file.
    fn is_sane(&self) -> bool {
        let sane = 200.0..=20_000.0;
        sane.contains(&self.width) && sane.contains(&self.height)
    }
}

/// Gives the window the size it had; call it before the window is shown.
pub fn restore(ui: &MainWindow, file: &Path) {
    if let Some(placement) = read(file) {
        let size = LogicalSize::new(placement.width, placement.height);
        ui.window().set_size(size);
    }
}

/// Once the window is there: no larger than its screen, and maximized if it was. Window managers of X11 forget a wish to
/// be maximized that comes before the window.
pub async fn settle(ui: slint::Weak<MainWindow>, file: PathBuf) {
    let Some(ui) = ui.upgrade() else { return };
    let Ok(window) = ui.window().winit_window().await else {
        return;
    };
    if read(&file).is_some_and(|placement| placement.maximized) {
        ui.window().set_maximized(true);
    } else {
        fit_screen(&ui, &window);
    }
}

/// Makes the window no larger than the screen it is on: where nobody manages windows, nobody else does.
fn fit_screen(ui: &MainWindow, window: &winit::window::Window) {
    let screen = window
        .current_monitor()
        .or_else(|| window.primary_monitor())
        .or_else(|| window.available_monitors().next());
    let Some(screen) = screen.map(|screen| screen.size()) else {
        return;
    };
    let size = ui.window().size();
    let fit = within((size.width, size.height), (screen.width, screen.height));
    if fit != (size.width, size.height) {
        ui.window().set_size(PhysicalSize::new(fit.0, fit.1));
    }
}

/// `size` cut down to `screen`; a screen without a size is none.
fn within(size: (u32, u32), screen: (u32, u32)) -> (u32, u32) {
    if screen.0 == 0 || screen.1 == 0 {
        return size;
    }
    (size.0.min(screen.0), size.1.min(screen.1))
}

/// Keeps the size the window has now. A failure is logged; the window opens in its usual size then.
pub fn keep(ui: &MainWindow, file: &Path) {
    let window = ui.window();
    let maximized = window.is_maximized();
    let size = window.size().to_logical(window.scale_factor());
    let now = Placement {
        width: size.width,
        height: size.height,
        maximized,
    };
    // the size before it was maximized stays the one to return to
    let kept = match read(file) {
        Some(before) if maximized => Placement {
            maximized,
            ..before
        },
        _ => now,
    };
    if !kept.is_sane() {
        return;
    }
    if let Err(error) = write(file, &kept) {
        tracing::warn!(%error, "the size of the window could not be kept");
    }
}

fn read(file: &Path) -> Option<Placement> {
    let text = fs::read_to_string(file).ok()?;
    serde_json::from_str::<Placement>(&text)
        .ok()
        .filter(Placement::is_sane)
}

fn write(file: &Path, placement: &Placement) -> std::io::Result<()> {
    let text = serde_json::to_string(placement)?;
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_no_larger_than_its_screen() {
        assert_eq!(within((1100, 760), (360, 720)), (360, 720));
        assert_eq!(within((1100, 760), (720, 360)), (720, 360));
        assert_eq!(within((1100, 760), (1920, 1080)), (1100, 760));
        assert_eq!(within((1100, 760), (0, 0)), (1100, 760));
    }

    #[test]
    fn what_was_kept_is_read_and_nonsense_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("window.json");
        assert_eq!(read(&file), None);
        let placement = Placement {
            width: 800.0,
            height: 600.0,
            maximized: true,
        };
        write(&file, &placement).unwrap();
        assert_eq!(read(&file), Some(placement));
        for nonsense in ["", "{}", r#"{"width":1e30,"height":600,"maximized":false}"#] {
            fs::write(&file, nonsense).unwrap();
            assert_eq!(read(&file), None, "{nonsense}");
        }
    }
}
