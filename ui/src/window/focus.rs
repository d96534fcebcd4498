//! Keys go to what has the focus. A window in which nothing has it, as when what had it went away, would take none.

use hardline_views::MainWindow;
use i_slint_core::window::WindowInner;
use slint::ComponentHandle;

/// Gives the focus to the window's shortcuts unless something has it.
pub(super) fn ensure(ui: &MainWindow) {
    let focused = WindowInner::from_pub(ui.window())
        .focus_item
        .borrow()
        .upgrade();
    if !focused.is_some_and(|item| item.is_visible()) {
        ui.invoke_take_keys();
    }
}
