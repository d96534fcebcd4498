//! The window: made when it is first shown, given up when it is closed, while the program goes on behind it.

mod appearance;
mod caret;
mod connect;
mod core_program;
mod files;
mod focus;
mod hold;
mod links;
mod main_window;
mod pasting;
mod placement;
pub mod program;
mod viewer;

use std::{cell::RefCell, path::PathBuf, rc::Rc};

use hardline_app::{Core, view::shell::ShellEffect};
use hardline_platform::instance::bus_name;
use slint::PlatformError;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::main_window::Window;
pub use self::program::Program;
use crate::{
    adapters::Tasks,
    renderer::{self, Renderer},
};

/// How windows are made.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    /// How they are drawn.
    pub renderer: Renderer,
    /// Do not show one before it is asked for.
    pub background: bool,
    /// Application id, for the compositor.
    pub app_id: String,
    /// Where size and place are kept.
    pub placement_file: PathBuf,
}

/// Why no window can be shown.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// No display, or nothing that can draw on it.
    #[error("no window can be shown: {0}")]
    Platform(#[from] PlatformError),
}

/// Shows windows for a core until the program is told to quit; with `background`, none before it is asked for. Call it on
/// the main thread.
pub fn run_core(core: &Core, renderer: Renderer, background: bool) -> Result<(), WindowError> {
    let profile = &core.config().profile;
    let options = WindowOptions {
        renderer,
        background,
        app_id: bus_name(profile),
        placement_file: profile.data.join("window.json"),
    };
    run(Rc::new(core.clone()), options)
}

/// Runs the window until the program is told to quit. Call it on the main thread.
pub fn run(program: Rc<dyn Program>, options: WindowOptions) -> Result<(), WindowError> {
    let mut effects = program.shell().effects;
    let mut first = None;
    while options.background && first.is_none() {
        match wait_for_show(&mut effects) {
            Some(effect) if has_display() => first = Some(effect),
            Some(_) => tracing::warn!("a window was asked for, but there is no display"),
            None => return Ok(()),
        }
    }
    renderer::select(options.renderer)?;
    if let Err(error) = slint::set_xdg_app_id(options.app_id.as_str()) {
        tracing::warn!(%error, "the window has no application id");
    }
    let host = Host::new(program, options, effects);
    host.show()?;
    if let Some(effect) = first {
        host.take(effect);
    }
    slint::run_event_loop_until_quit()?;
    host.close();
    Ok(())
}

/// Whether a Wayland or X11 display is named. The windowing library can be started once a process, so it is not tried
/// where it cannot succeed.
fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Waits, without any event loop, until a window is wanted. Nothing when the program ends before that.
fn wait_for_show(effects: &mut Receiver<ShellEffect>) -> Option<ShellEffect> {
    loop {
        match effects.blocking_recv() {
            Ok(effect @ (ShellEffect::Raise | ShellEffect::OpenRoom(_))) => return Some(effect),
            Ok(ShellEffect::Quit) | Err(RecvError::Closed) => return None,
            Ok(ShellEffect::Toast(_) | ShellEffect::VerificationRequested { .. })
            | Err(RecvError::Lagged(_)) => {}
        }
    }
}

/// Has the window while there is one, and hears what the program wants of it.
pub struct Host {
    program: Rc<dyn Program>,
    options: WindowOptions,
    window: RefCell<Option<Rc<Window>>>,
    tasks: RefCell<Tasks>,
}

impl Host {
    /// Without a window yet. The event loop need not run yet.
    pub fn new(
        program: Rc<dyn Program>,
        options: WindowOptions,
        effects: Receiver<ShellEffect>,
    ) -> Rc<Self> {
        let host = Rc::new(Self {
            program,
            options,
            window: RefCell::default(),
            tasks: RefCell::default(),
        });
        let weak = Rc::downgrade(&host);
        host.tasks.borrow_mut().effects(effects, move |effect| {
            if let Some(host) = weak.upgrade() {
                host.take(effect);
            }
        });
        host
    }

    /// Shows the window, new if there is none.
    pub fn show(self: &Rc<Self>) -> Result<(), PlatformError> {
        if let Some(window) = self.window() {
            return window.raise();
        }
        let weak = Rc::downgrade(self);
        let closed = move || {
            if let Some(host) = weak.upgrade() {
                host.close();
            }
        };
        let window = Window::new(self.program.clone(), &self.options, closed)?;
        *self.window.borrow_mut() = Some(window.clone());
        window.raise()
    }

    /// The window, if there is one.
    pub fn window(&self) -> Option<Rc<Window>> {
        self.window.borrow().clone()
    }

    /// Gives the window up, with everything it kept in memory.
    pub fn close(&self) {
        let window = self.window.borrow_mut().take();
        if let Some(window) = window {
            window.close();
        }
    }

    fn take(self: &Rc<Self>, effect: ShellEffect) {
        match effect {
            ShellEffect::Quit => {
                if let Err(error) = slint::quit_event_loop() {
                    tracing::error!(%error, "the event loop did not end");
                }
            }
            ShellEffect::Raise | ShellEffect::OpenRoom(_) => {
                if let Err(error) = self.show() {
                    tracing::error!(%error, "the window could not be shown");
                    return;
                }
                if let (ShellEffect::OpenRoom(room_id), Some(window)) = (effect, self.window()) {
                    window.go_to_room(&room_id);
                }
            }
            ShellEffect::Toast(notice) => {
                if let Some(window) = self.window() {
                    window.toasts().notice(&notice);
                }
            }
            ShellEffect::VerificationRequested { flow_id } => {
                if let Some(window) = self.window() {
                    window.open_verification(flow_id);
                }
            }
        }
    }
}
