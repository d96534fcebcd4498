//! What a window needs of the program behind it: view models, pictures, and the operating system.

use hardline_app::{
    ids::RoomId,
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
        shell::{ShellAction, ShellEffect, ShellState},
        verification::{VerificationAction, VerificationState},
    },
};
use hardline_platform::Services;

use crate::{adapters::Screen, images::Source, models::Listing};

/// The program behind a window. The real one is the core; tests bring their own.
///
/// The view models of a session are asked for only while the shell's phase is `Ready`.
pub trait Program {
    /// The frame around every screen.
    fn shell(&self) -> Screen<ShellState, ShellAction, ShellEffect>;
    /// Signing in.
    fn onboarding(&self) -> Screen<OnboardingState, OnboardingAction, ()>;
    /// The list of rooms.
    fn room_list(
        &self,
    ) -> (
        Screen<RoomListState, RoomListAction, RoomListEffect>,
        Listing<RoomRow>,
    );
    /// A room; it is open until what is returned is dropped.
    fn open_room(
        &self,
        room_id: &RoomId,
    ) -> Option<(Screen<RoomState, RoomAction, RoomEffect>, Listing<Row>)>;
    /// What a room is.
    fn room_details(
        &self,
        room_id: &RoomId,
    ) -> Option<(
        Screen<RoomDetailsState, RoomDetailsAction, RoomDetailsEffect>,
        Listing<MemberRow>,
    )>;
    /// Starting something.
    fn new_conversation(
        &self,
    ) -> Screen<NewConversationState, NewConversationAction, NewConversationEffect>;
    /// Comparing emoji; no state while nothing is compared.
    fn verification(&self) -> Screen<Option<VerificationState>, VerificationAction, ()>;
    /// The recovery key.
    fn recovery(&self) -> Screen<RecoveryState, RecoveryAction, ()>;
    /// Settings.
    fn settings(&self) -> Screen<SettingsState, SettingsAction, Notice>;
    /// Calls.
    fn calls(&self) -> Screen<CallsState, CallAction, CallEffect>;
    /// Pictures, decoded off the window's thread.
    fn pictures(&self) -> Source;
    /// The operating system.
    fn services(&self) -> &Services;
    /// Where futures that do input and output run.
    fn runtime(&self) -> &tokio::runtime::Handle;
}

/// Runs a future on the program's runtime and answers on the window's thread; nothing if it panicked.
pub fn elsewhere<T: Send + 'static>(
    program: &dyn Program,
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> + 'static {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    program.runtime().spawn(async move {
        // nobody waits any more: the window was closed
        let _ = sender.send(future.await);
    });
    async move { receiver.await.ok() }
}
