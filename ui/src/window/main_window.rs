//! One window: its screens, what is open in it, and where it goes from there.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};

use hardline_app::{
    ids::{OwnedRoomId, RoomId},
    view::{
        calls::CallAction,
        new_conversation::NewConversationAction,
        onboarding::OnboardingAction,
        recovery::RecoveryAction,
        room::{RoomAction, RoomEffect},
        room_details::{RoomDetailsAction, RoomDetailsEffect},
        room_list::{RoomListAction, RoomListEffect},
        settings::SettingsAction,
        shell::{Phase, ShellAction, ShellState},
        verification::VerificationAction,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, PlatformError, Timer};

use super::{
    WindowOptions, appearance::Looks, caret::Caret, connect, files, focus, hold::Hold, placement,
    program::Program,
};
use crate::{
    adapters::{
        Port, Tasks,
        calls::{self, CallScreens},
        new_conversation::{self, NewConversation},
        onboarding, recovery,
        room::{self, Room},
        room_details::{self, RoomDetails},
        room_list::{self, RoomList},
        settings::{self, Settings},
        shell::{self, Toasts},
        verification,
    },
    format::until_tomorrow,
    images::{Images, Listening},
    renderer,
};

/// Where the callbacks of each screen send their actions.
#[derive(Default)]
pub(super) struct Ports {
    pub shell: Port<ShellAction>,
    pub onboarding: Port<OnboardingAction>,
    pub room_list: Port<RoomListAction>,
    pub room: Port<RoomAction>,
    pub room_details: Port<RoomDetailsAction>,
    pub new_conversation: Port<NewConversationAction>,
    pub verification: Port<VerificationAction>,
    pub recovery: Port<RecoveryAction>,
    pub settings: Port<SettingsAction>,
    pub calls: Port<CallAction>,
}

/// The screens of a session, bound while somebody is signed in.
struct Session {
    user_id: String,
    room_list: RoomList,
    _new_conversation: NewConversation,
    _settings: Settings,
    _calls: CallScreens,
    _others: [Tasks; 2],
}

/// One window.
pub struct Window {
    pub(super) ui: views::MainWindow,
    pub(super) program: Rc<dyn Program>,
    pub(super) ports: Ports,
    pub(super) images: Rc<Images>,
    pub(super) looks: Rc<Looks>,
    toasts: Rc<Toasts>,
    session: RefCell<Option<Session>>,
    room: RefCell<Option<Room>>,
    details: RefCell<Option<RoomDetails>>,
    pub(super) path_question: RefCell<Option<files::PathQuestion>>,
    /// Waits for the picture that is shown large.
    pub(super) viewing: RefCell<Option<Listening>>,
    active: Cell<bool>,
    /// The lowest row shown while the window was not in front.
    unseen: RefCell<Option<String>>,
    midnight: Timer,
    caret: Caret,
    pub(super) hold: Hold,
    placement_file: std::path::PathBuf,
    tasks: RefCell<Tasks>,
    this: Weak<Self>,
}

impl Window {
    /// Makes the window without showing it. `closed` is called when the person closes it.
    pub fn new(
        program: Rc<dyn Program>,
        options: &WindowOptions,
        closed: impl Fn() + 'static,
    ) -> Result<Rc<Self>, PlatformError> {
        let ui = views::MainWindow::new()?;
        renderer::prepare(&ui);
        placement::restore(&ui, &options.placement_file);
        let window = Rc::new_cyclic(|this| Self {
            images: Images::new(program.pictures()),
            looks: Looks::new(&ui),
            toasts: Toasts::new(&ui),
            ports: Ports::default(),
            session: RefCell::default(),
            room: RefCell::default(),
            details: RefCell::default(),
            path_question: RefCell::default(),
            viewing: RefCell::default(),
            active: Cell::new(false),
            unseen: RefCell::default(),
            midnight: Timer::default(),
            caret: Caret::default(),
            hold: Hold::default(),
            placement_file: options.placement_file.clone(),
            tasks: RefCell::default(),
            this: this.clone(),
            program,
            ui,
        });
        connect::connect(&window);
        window.ui.window().on_close_requested({
            let closed = Rc::new(closed);
            move || {
                // not from inside the window's own event
                let closed = closed.clone();
                Timer::single_shot(Duration::ZERO, move || closed());
                slint::CloseRequestResponse::HideWindow
            }
        });
        window.bind_shell();
        window.wait_for_midnight();
        Ok(window)
    }

    /// Shows the window and asks for the focus.
    pub fn raise(&self) -> Result<(), PlatformError> {
        self.ui.show()?;
        self.images.set_scale(self.ui.window().scale_factor());
        self.spawn(placement::settle(
            self.ui.as_weak(),
            self.placement_file.clone(),
        ));
        renderer::focus(&self.ui);
        Ok(())
    }

    /// Leaves what is open and takes the window off the screen.
    pub fn close(&self) {
        placement::keep(&self.ui, &self.placement_file);
        self.set_active(false);
        self.leave_session();
        // Slint keeps for the next window which keys are held (Alt of Alt+F4); their release is for nobody.
        let inactive = slint::platform::WindowEvent::WindowActiveChanged(false);
        self.ui.window().dispatch_event(inactive);
        if let Err(error) = self.ui.hide() {
            tracing::warn!(%error, "the window could not be hidden");
        }
    }

    /// The Slint component, for tests.
    pub fn ui(&self) -> &views::MainWindow {
        &self.ui
    }

    /// The short messages of this window.
    pub fn toasts(&self) -> &Toasts {
        &self.toasts
    }

    /// The window came to the front or left it.
    pub fn set_active(&self, active: bool) {
        self.used();
        if self.active.replace(active) != active {
            self.ports.shell.send(ShellAction::WindowActive(active));
            if let Some(row) = self.unseen.take().filter(|_| active) {
                self.ports.room.send(RoomAction::Seen { row });
            }
        }
    }

    /// Somebody did something with the window.
    pub(super) fn used(&self) {
        focus::ensure(&self.ui);
        self.caret.used(self.weak());
    }

    /// A row is on the screen: it counts as seen as soon as the window is in front.
    pub(super) fn row_shown(&self, row: String) {
        if self.active.get() {
            self.ports.room.send(RoomAction::Seen { row });
        } else {
            self.unseen.replace(Some(row));
        }
    }

    fn bind_shell(&self) {
        let screen = self.program.shell();
        self.ports.shell.bind(screen.send);
        let mut tasks = self.tasks.borrow_mut();
        let this = self.this.clone();
        tasks.watch(screen.state, move |state| {
            if let Some(window) = this.upgrade() {
                window.show_shell(state);
            }
        });
        let onboarding =
            onboarding::bind(&self.ui, &self.ports.onboarding, self.program.onboarding());
        tasks.adopt(onboarding);
        let this = self.this.clone();
        tasks.watch(self.program.services().appearance.watch(), move |system| {
            if let Some(window) = this.upgrade() {
                window.looks.set_system(&window.ui, *system);
            }
        });
    }

    fn show_shell(&self, state: &ShellState) {
        shell::show(&self.ui, state);
        match &state.phase {
            Phase::Ready { user_id } => {
                let bound = self
                    .session
                    .borrow()
                    .as_ref()
                    .is_some_and(|session| session.user_id == *user_id);
                if !bound {
                    self.leave_session();
                    self.enter_session(user_id.as_str());
                }
            }
            _ => self.leave_session(),
        }
    }

    fn enter_session(&self, user_id: &str) {
        let (ui, ports, program) = (&self.ui, &self.ports, &self.program);
        let (screen, rows) = program.room_list();
        let room_list = room_list::bind(
            ui,
            &ports.room_list,
            &self.images,
            screen,
            rows,
            self.then(|window, effect| match effect {
                RoomListEffect::Open(room_id) => window.go_to_room(&room_id),
                RoomListEffect::Toast(notice) => window.toasts.notice(&notice),
            }),
        );
        let new_conversation = new_conversation::bind(
            ui,
            &ports.new_conversation,
            &self.images,
            program.new_conversation(),
            self.then(|window, room_id: OwnedRoomId| {
                window
                    .ui
                    .global::<views::ShellAdapter<'_>>()
                    .invoke_close_overlay();
                window.go_to_room(&room_id);
            }),
        );
        let looks = self.then(
            |window, appearance: hardline_app::view::settings::Appearance| {
                window.looks.set_chosen(&window.ui, &appearance);
            },
        );
        let settings = settings::bind(
            ui,
            &ports.settings,
            &self.images,
            program.settings(),
            move |appearance| looks(appearance.clone()),
            self.then(|window, notice| window.toasts.notice(&notice)),
        );
        let calls = calls::bind(
            ui,
            &ports.calls,
            &self.images,
            program.calls(),
            self.then(|window, notice| window.toasts.notice(&notice)),
        );
        tracing::info!("the window is drawn by {}", renderer::name(ui));
        ui.global::<views::SettingsAdapter<'_>>()
            .set_renderer(renderer::name(ui).into());
        let others = [
            verification::bind(ui, &ports.verification, program.verification()),
            recovery::bind(ui, &ports.recovery, program.recovery()),
        ];
        *self.session.borrow_mut() = Some(Session {
            user_id: user_id.to_owned(),
            room_list,
            _new_conversation: new_conversation,
            _settings: settings,
            _calls: calls,
            _others: others,
        });
    }

    fn leave_session(&self) {
        let left = self.session.borrow_mut().take();
        if left.is_none() {
            return;
        }
        let shell = self.ui.global::<views::ShellAdapter<'_>>();
        shell.invoke_close_overlay();
        shell.invoke_close_room();
        // whoever signs in next begins with the chats
        shell.invoke_go_to(views::Section::Chats);
        self.room_closed();
        let ports = &self.ports;
        ports.room_list.unbind();
        ports.new_conversation.unbind();
        ports.verification.unbind();
        ports.recovery.unbind();
        ports.settings.unbind();
        ports.calls.unbind();
        self.images.clear();
    }

    /// A callback that gets the window, if it is still there.
    fn then<T>(&self, act: impl Fn(&Self, T) + 'static) -> impl Fn(T) + 'static {
        let this = self.this.clone();
        move |value| {
            if let Some(window) = this.upgrade() {
                act(&window, value);
            }
        }
    }

    /// Goes to a room, from wherever we are.
    pub fn go_to_room(&self, room_id: &RoomId) {
        self.ui
            .global::<views::ShellAdapter<'_>>()
            .invoke_open_room(room_id.as_str().into());
    }

    /// Shows a verification that another device began.
    pub fn open_verification(&self, flow_id: String) {
        self.ports
            .verification
            .send(VerificationAction::Open { flow_id });
        self.ui
            .global::<views::ShellAdapter<'_>>()
            .invoke_open_overlay(views::Overlay::Verification);
    }

    /// The Slint side went to a room: binds its view model.
    pub(super) fn room_opened(&self, room_id: &str) {
        self.room_closed();
        let Ok(room_id) = RoomId::parse(room_id) else {
            return;
        };
        self.show_header_from_list(&room_id);
        let Some((screen, rows)) = self.program.open_room(&room_id) else {
            self.toasts
                .notice(&hardline_app::notice::Notice::RoomNotFound);
            return;
        };
        let rest = self.then(Self::take_room_effect);
        let opened = room::bind(&self.ui, &self.ports.room, &self.images, screen, rows, rest);
        *self.room.borrow_mut() = Some(opened);
    }

    /// The header at once, from what the list knows.
    fn show_header_from_list(&self, room_id: &RoomId) {
        let session = self.session.borrow();
        let row = session
            .as_ref()
            .and_then(|session| session.room_list.find(room_id.as_str()));
        if let Some(row) = row {
            let global = self.ui.global::<views::RoomAdapter<'_>>();
            global.set_name(row.name.as_str().into());
            global.set_avatar(crate::adapters::avatar_data(&row.avatar, &self.images));
        }
    }

    /// The Slint side left the room: its view model goes.
    pub(super) fn room_closed(&self) {
        self.details_closed();
        self.ports.room.unbind();
        self.unseen.take();
        let closed = self.room.borrow_mut().take();
        drop(closed);
    }

    fn take_room_effect(&self, effect: RoomEffect) {
        match effect {
            RoomEffect::OpenFile { path, .. } => files::open(self, path),
            RoomEffect::Copy(text) => {
                self.ui
                    .global::<views::ShellAdapter<'_>>()
                    .invoke_copy_text(text.into());
            }
            RoomEffect::Open(room_id) => self.go_to_room(&room_id),
            RoomEffect::Left => self
                .ui
                .global::<views::ShellAdapter<'_>>()
                .invoke_close_room(),
            RoomEffect::Toast(notice) => self.toasts.notice(&notice),
            // these stay in the room's adapter
            RoomEffect::SetText { .. }
            | RoomEffect::ScrollTo { .. }
            | RoomEffect::ScrollToEnd
            | RoomEffect::OfferFile { .. }
            | RoomEffect::Focus(_) => {}
        }
    }

    /// Does something with the open room.
    pub(super) fn with_room<T>(&self, act: impl FnOnce(&Room) -> T) -> Option<T> {
        self.room.borrow().as_ref().map(act)
    }

    /// Does something with the list of rooms.
    pub(super) fn with_room_list<T>(&self, act: impl FnOnce(&RoomList) -> T) -> Option<T> {
        self.session
            .borrow()
            .as_ref()
            .map(|session| act(&session.room_list))
    }

    /// Our own id, while signed in.
    pub(super) fn user_id(&self) -> Option<String> {
        self.session
            .borrow()
            .as_ref()
            .map(|session| session.user_id.clone())
    }

    /// The details of the open room are shown.
    pub(super) fn details_opened(&self, room_id: &str) {
        self.details_closed();
        let (Ok(room_id), Some(own_id)) = (RoomId::parse(room_id), self.user_id()) else {
            return;
        };
        let Some((screen, members)) = self.program.room_details(&room_id) else {
            return;
        };
        let bound = room_details::bind(
            &self.ui,
            &self.ports.room_details,
            &self.images,
            &own_id,
            screen,
            members,
            self.then(|window, effect| match effect {
                RoomDetailsEffect::Left => window
                    .ui
                    .global::<views::ShellAdapter<'_>>()
                    .invoke_close_room(),
                RoomDetailsEffect::Toast(notice) => window.toasts.notice(&notice),
            }),
        );
        *self.details.borrow_mut() = Some(bound);
    }

    /// They are no longer shown.
    pub(super) fn details_closed(&self) {
        self.ports.room_details.unbind();
        let closed = self.details.borrow_mut().take();
        drop(closed);
    }

    /// At midnight "Today" becomes "Yesterday"; one wake-up a day.
    fn wait_for_midnight(&self) {
        let this = self.this.clone();
        self.midnight
            .start(slint::TimerMode::SingleShot, until_tomorrow(), move || {
                let Some(window) = this.upgrade() else { return };
                window.with_room_list(RoomList::refresh_times);
                window.with_room(Room::refresh_times);
                window.wait_for_midnight();
            });
    }

    /// Runs a task on the window's thread that ends with the window.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().spawn(future);
    }

    /// A weak pointer to itself, for callbacks.
    pub(super) fn weak(&self) -> Weak<Self> {
        self.this.clone()
    }
}
