//! Presses that ask what can be done with something: the right button, and a finger (in a narrow window also the left
//! button) that stays where it is. Heard before Slint, since text with links keeps presses for itself.

use std::{cell::Cell, rc::Weak, time::Duration};

use hardline_views as views;
use slint::{
    ComponentHandle, Timer, TimerMode,
    winit_030::winit::event::{ElementState, MouseButton, TouchPhase, WindowEvent},
};

use super::main_window::Window;

/// How long a press stays before it asks. GTK waits 500 ms, Android 400 ms.
const STAYS: Duration = Duration::from_millis(420);
/// How far a finger that stays may move, in logical pixels.
const TREMBLES: f64 = 10.0;

/// What a press came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// A press that may stay.
    Begins,
    /// A press that means nothing here.
    Plain,
    /// It asks at once.
    Asks,
    /// It moved, ended, or another finger came.
    Ends,
}

/// A position in logical pixels.
type Place = (f64, f64);

/// Follows presses.
#[derive(Default)]
pub(super) struct Hold {
    pointer: Cell<Place>,
    began: Cell<Option<Place>>,
    timer: Timer,
}

impl Hold {
    /// Hears an event of the window.
    pub fn hear(&self, event: &WindowEvent, window: &Window) {
        let ui = window.ui();
        let scale = f64::from(ui.window().scale_factor());
        let narrow = ui.global::<views::Layout<'_>>().get_touch();
        let Some(turn) = self.turn(event, scale, narrow) else {
            return;
        };
        let holding = ui.global::<views::Holding<'_>>();
        if turn != Turn::Ends {
            holding.invoke_begin();
        }
        match turn {
            Turn::Begins => self.wait(window.weak()),
            Turn::Asks => holding.invoke_held(),
            Turn::Plain => {}
            Turn::Ends => self.timer.stop(),
        }
    }

    fn wait(&self, window: Weak<Window>) {
        self.timer.start(TimerMode::SingleShot, STAYS, move || {
            if let Some(window) = window.upgrade() {
                window.ui().global::<views::Holding<'_>>().invoke_held();
            }
        });
    }

    /// What an event means; `narrow` windows take the left button for a finger.
    fn turn(&self, event: &WindowEvent, scale: f64, narrow: bool) -> Option<Turn> {
        match event {
            WindowEvent::Touch(touch) => {
                let place = (touch.location.x / scale, touch.location.y / scale);
                match touch.phase {
                    TouchPhase::Started if self.began.get().is_none() => Some(self.begin(place)),
                    TouchPhase::Moved => self.moved(place),
                    _ => self.end(),
                }
            }
            WindowEvent::CursorMoved { position, .. } => {
                let place = (position.x / scale, position.y / scale);
                self.pointer.set(place);
                self.moved(place)
            }
            WindowEvent::MouseInput { state, button, .. } => match (state, button) {
                (ElementState::Pressed, MouseButton::Right) => Some(Turn::Asks),
                (ElementState::Pressed, MouseButton::Left) if narrow => {
                    Some(self.begin(self.pointer.get()))
                }
                (ElementState::Pressed, _) => Some(Turn::Plain),
                (ElementState::Released, _) => self.end(),
            },
            WindowEvent::MouseWheel { .. }
            | WindowEvent::CursorLeft { .. }
            | WindowEvent::Focused(false) => self.end(),
            _ => None,
        }
    }

    fn begin(&self, place: Place) -> Turn {
        self.began.set(Some(place));
        Turn::Begins
    }

    fn moved(&self, (x, y): Place) -> Option<Turn> {
        let (from_x, from_y) = self.began.get()?;
        if (x - from_x).hypot(y - from_y) > TREMBLES {
            return self.end();
        }
        None
    }

    fn end(&self) -> Option<Turn> {
        self.began.take().map(|_| Turn::Ends)
    }
}

#[cfg(test)]
mod tests {
    use slint::winit_030::winit::{
        dpi::PhysicalPosition,
        event::{DeviceId, Touch},
    };

    use super::*;

    fn touch(id: u64, phase: TouchPhase, x: f64, y: f64) -> WindowEvent {
        WindowEvent::Touch(Touch {
            device_id: DeviceId::dummy(),
            phase,
            location: PhysicalPosition::new(x, y),
            force: None,
            id,
        })
    }

    fn button(state: ElementState, button: MouseButton) -> WindowEvent {
        WindowEvent::MouseInput {
            device_id: DeviceId::dummy(),
            state,
            button,
        }
    }

    #[test]
    fn a_finger_may_tremble_but_not_travel() {
        let hold = Hold::default();
        let hear = |event| hold.turn(&event, 2.0, true);
        assert_eq!(
            hear(touch(1, TouchPhase::Started, 100.0, 100.0)),
            Some(Turn::Begins)
        );
        // 14 physical pixels are 7 logical ones
        assert_eq!(hear(touch(1, TouchPhase::Moved, 114.0, 100.0)), None);
        assert_eq!(
            hear(touch(1, TouchPhase::Moved, 124.0, 100.0)),
            Some(Turn::Ends)
        );
        assert_eq!(hear(touch(1, TouchPhase::Moved, 100.0, 100.0)), None);
        assert_eq!(hear(touch(1, TouchPhase::Ended, 100.0, 100.0)), None);
    }

    #[test]
    fn a_second_finger_or_a_short_tap_asks_nothing() {
        let hold = Hold::default();
        let hear = |event| hold.turn(&event, 1.0, true);
        hear(touch(1, TouchPhase::Started, 10.0, 10.0));
        assert_eq!(
            hear(touch(1, TouchPhase::Ended, 10.0, 10.0)),
            Some(Turn::Ends)
        );
        hear(touch(1, TouchPhase::Started, 10.0, 10.0));
        assert_eq!(
            hear(touch(2, TouchPhase::Started, 90.0, 10.0)),
            Some(Turn::Ends)
        );
    }

    #[test]
    fn the_right_button_asks_at_once_and_the_left_only_where_it_is_a_finger() {
        let hold = Hold::default();
        let right = button(ElementState::Pressed, MouseButton::Right);
        let left = button(ElementState::Pressed, MouseButton::Left);
        assert_eq!(hold.turn(&right, 1.0, false), Some(Turn::Asks));
        assert_eq!(hold.turn(&left, 1.0, false), Some(Turn::Plain));
        assert_eq!(hold.turn(&left, 1.0, true), Some(Turn::Begins));
        let up = button(ElementState::Released, MouseButton::Left);
        assert_eq!(hold.turn(&up, 1.0, true), Some(Turn::Ends));
    }
}
