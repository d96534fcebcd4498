//! A caret that blinks while somebody writes and then rests: a blinking one wakes the processor twice a second for as
//! long as the window is in front.

use std::{rc::Weak, time::Duration};

use i_slint_core::{items::TextInput, window::WindowInner};
use slint::{ComponentHandle, Timer, TimerMode};

use super::main_window::Window;

/// How long it blinks after the last key, press or touch. GTK's default.
const BLINKING: Duration = Duration::from_secs(10);

/// Counts the time since somebody did something.
#[derive(Default)]
pub(super) struct Caret {
    timer: Timer,
}

impl Caret {
    /// Somebody did something: Slint lets the caret blink again by itself, and it rests later.
    pub fn used(&self, window: Weak<Window>) {
        if self.timer.running() {
            self.timer.restart();
            return;
        }
        self.timer.start(TimerMode::SingleShot, BLINKING, move || {
            if let Some(window) = window.upgrade() {
                rest(window.ui());
            }
        });
    }
}

/// Shows the caret of the focused field steadily. Slint's blinking ends with the binding that this value replaces, and
/// begins again at the next key.
pub fn rest(ui: &impl ComponentHandle) {
    let window = WindowInner::from_pub(ui.window());
    let focused = window.focus_item.borrow().upgrade();
    let Some(field) = focused.and_then(|item| item.downcast::<TextInput>()) else {
        return;
    };
    if field.as_pin_ref().has_focus() {
        field.cursor_visible.set(true);
    }
}

#[cfg(test)]
mod tests {
    #![allow(missing_docs, reason = "the window is generated")]

    use i_slint_backend_testing::{TestingBackend, TestingBackendOptions, mock_elapsed_time};
    use slint::platform::{WindowEvent, set_platform, update_timers_and_animations};

    use super::*;

    slint::slint! {
        export component Field inherits Window {
            forward-focus: input;
            out property <string> text <=> input.text;
            input := TextInput { width: 100px; height: 30px; }
        }
    }

    /// Whether anything is to happen within a second.
    fn is_busy() -> bool {
        update_timers_and_animations();
        slint::platform::duration_until_next_timer_update()
            .is_some_and(|wait| wait < Duration::from_secs(1))
    }

    #[test]
    fn a_caret_at_rest_wakes_nobody_and_a_key_wakes_it() {
        set_platform(Box::new(TestingBackend::new(TestingBackendOptions {
            mock_time: true,
            threading: false,
            renderer_name: Some("software".into()),
        })))
        .unwrap();
        let field = Field::new().unwrap();
        field.show().unwrap();
        field
            .window()
            .dispatch_event(WindowEvent::WindowActiveChanged(true));
        assert!(is_busy(), "the caret of a focused field blinks");
        rest(&field);
        mock_elapsed_time(Duration::from_secs(2));
        assert!(!is_busy(), "a caret at rest does not");
        field
            .window()
            .dispatch_event(WindowEvent::KeyPressed { text: "a".into() });
        assert_eq!(field.get_text(), "a");
        assert!(is_busy(), "a key lets it blink again");
    }
}
