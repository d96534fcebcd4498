//! A program behind a window whose view models a test steers by hand.
#![allow(dead_code, reason = "each test uses a part")]

pub mod people;
pub mod screen;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex},
};

use eyeball_im::{ObservableVector, Vector};
use futures_util::StreamExt;
use hardline_app::{
    ids::{OwnedRoomId, RoomId},
    notice::Notice,
    view::{
        calls::{CallAction, CallEffect, CallsState},
        new_conversation::{NewConversationAction, NewConversationEffect, NewConversationState},
        onboarding::{OnboardingAction, OnboardingState},
        recovery::{RecoveryAction, RecoveryState},
        room::{RoomAction, RoomEffect, RoomState, Row},
        room_details::{MemberRow, RoomDetailsAction, RoomDetailsEffect, RoomDetailsState},
        room_list::{RoomListAction, RoomListEffect, RoomListState, RoomRow},
        settings::{SettingsAction, SettingsState},
        shell::{Connection, Phase, ShellAction, ShellEffect, ShellState},
        verification::{VerificationAction, VerificationState},
    },
};
use hardline_platform::Services;
use hardline_ui::{
    adapters::Screen,
    images::{Pixels, Source},
    models::Listing,
    window::Program,
};
use tokio::sync::{broadcast, watch};

/// The steering side of one view model.
pub struct Fake<S, A, E> {
    /// The snapshot.
    pub state: watch::Sender<S>,
    /// Effects.
    pub effects: broadcast::Sender<E>,
    /// What the window sent.
    pub sent: Arc<Mutex<Vec<A>>>,
}

impl<S, A: Clone + 'static, E: Clone> Fake<S, A, E> {
    /// With this snapshot.
    pub fn new(state: S) -> Self {
        Self {
            state: watch::Sender::new(state),
            effects: broadcast::Sender::new(16),
            sent: Arc::default(),
        }
    }

    /// The ends the window uses.
    pub fn screen(&self) -> Screen<S, A, E> {
        let sent = self.sent.clone();
        Screen {
            state: self.state.subscribe(),
            effects: self.effects.subscribe(),
            send: Rc::new(move |action| sent.lock().unwrap().push(action)),
        }
    }

    /// Takes what the window sent.
    pub fn take_sent(&self) -> Vec<A> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

/// A list a test changes.
pub struct FakeRows<T>(pub RefCell<ObservableVector<T>>);

impl<T: Clone + Send + Sync + 'static> FakeRows<T> {
    /// With these rows.
    pub fn new(rows: impl IntoIterator<Item = T>) -> Self {
        let mut list = ObservableVector::with_capacity(256);
        list.append(rows.into_iter().collect::<Vector<T>>());
        Self(RefCell::new(list))
    }

    fn listing(&self) -> Listing<T> {
        let (rows, diffs) = self.0.borrow().subscribe().into_values_and_batched_stream();
        Listing {
            rows: rows.into_iter().collect(),
            diffs: diffs.boxed_local(),
        }
    }
}

/// A program of fakes.
pub struct FakeProgram {
    pub shell: Fake<ShellState, ShellAction, ShellEffect>,
    pub onboarding: Fake<OnboardingState, OnboardingAction, ()>,
    pub room_list: Fake<RoomListState, RoomListAction, RoomListEffect>,
    pub rooms: FakeRows<RoomRow>,
    pub room: Fake<RoomState, RoomAction, RoomEffect>,
    pub timeline: FakeRows<Row>,
    pub opened: RefCell<Vec<OwnedRoomId>>,
    pub details: Fake<RoomDetailsState, RoomDetailsAction, RoomDetailsEffect>,
    pub members: FakeRows<MemberRow>,
    pub new_conversation: Fake<NewConversationState, NewConversationAction, NewConversationEffect>,
    pub verification: Fake<Option<VerificationState>, VerificationAction, ()>,
    pub recovery: Fake<RecoveryState, RecoveryAction, ()>,
    pub settings: Fake<SettingsState, SettingsAction, Notice>,
    pub calls: Fake<CallsState, CallAction, CallEffect>,
    services: Services,
    runtime: tokio::runtime::Runtime,
}

impl FakeProgram {
    /// Nobody is signed in.
    pub fn signed_out() -> Rc<Self> {
        let shell = ShellState {
            phase: Phase::SignedOut,
            connection: Connection::Online,
            banners: Vec::new(),
            unread: 0,
        };
        Rc::new(Self {
            shell: Fake::new(shell),
            onboarding: Fake::new(OnboardingState::default()),
            room_list: Fake::new(RoomListState {
                total: 4,
                ..RoomListState::default()
            }),
            rooms: FakeRows::new(people::rooms()),
            room: Fake::new(people::room_state()),
            timeline: FakeRows::new(people::timeline()),
            opened: RefCell::default(),
            details: Fake::new(people::details()),
            members: FakeRows::new(people::members()),
            new_conversation: Fake::new(NewConversationState::default()),
            verification: Fake::new(None),
            recovery: Fake::new(RecoveryState::default()),
            settings: Fake::new(people::settings()),
            calls: Fake::new(CallsState::default()),
            services: Services::fake(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .unwrap(),
        })
    }

    /// Somebody is signed in.
    pub fn signed_in() -> Rc<Self> {
        let program = Self::signed_out();
        program.sign_in();
        program
    }

    /// Goes on to the list of rooms.
    pub fn sign_in(&self) {
        self.shell.state.send_modify(|state| {
            state.phase = Phase::Ready {
                user_id: people::user("me"),
            }
        });
    }
}

impl Program for FakeProgram {
    fn shell(&self) -> Screen<ShellState, ShellAction, ShellEffect> {
        self.shell.screen()
    }

    fn onboarding(&self) -> Screen<OnboardingState, OnboardingAction, ()> {
        self.onboarding.screen()
    }

    fn room_list(
        &self,
    ) -> (
        Screen<RoomListState, RoomListAction, RoomListEffect>,
        Listing<RoomRow>,
    ) {
        (self.room_list.screen(), self.rooms.listing())
    }

    fn open_room(
        &self,
        room_id: &RoomId,
    ) -> Option<(Screen<RoomState, RoomAction, RoomEffect>, Listing<Row>)> {
        self.opened.borrow_mut().push(room_id.to_owned());
        self.room
            .state
            .send_modify(|state| state.room_id = room_id.to_owned());
        Some((self.room.screen(), self.timeline.listing()))
    }

    fn room_details(
        &self,
        _room_id: &RoomId,
    ) -> Option<(
        Screen<RoomDetailsState, RoomDetailsAction, RoomDetailsEffect>,
        Listing<MemberRow>,
    )> {
        Some((self.details.screen(), self.members.listing()))
    }

    fn new_conversation(
        &self,
    ) -> Screen<NewConversationState, NewConversationAction, NewConversationEffect> {
        self.new_conversation.screen()
    }

    fn verification(&self) -> Screen<Option<VerificationState>, VerificationAction, ()> {
        self.verification.screen()
    }

    fn recovery(&self) -> Screen<RecoveryState, RecoveryAction, ()> {
        self.recovery.screen()
    }

    fn calls(&self) -> Screen<CallsState, CallAction, CallEffect> {
        self.calls.screen()
    }

    fn settings(&self) -> Screen<SettingsState, SettingsAction, Notice> {
        self.settings.screen()
    }

    fn pictures(&self) -> Source {
        Box::new(|key, width, height| {
            let color = key.bytes().fold([90u8, 120, 150], |mut color, byte| {
                color[usize::from(byte) % 3] = color[usize::from(byte) % 3]
                    .wrapping_mul(31)
                    .wrapping_add(byte);
                color
            });
            let pixel = [color[0], color[1], color[2], 255];
            let (width, height) = (width.min(64), height.min(64));
            let rgba = pixel.repeat((width * height) as usize).into();
            Box::pin(std::future::ready(Some(Pixels {
                rgba,
                width,
                height,
            })))
        })
    }

    fn services(&self) -> &Services {
        &self.services
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }
}
