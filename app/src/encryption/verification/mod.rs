//! The view model of verification: emoji compared with another device of ours, or with somebody else.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#short-authentication-string-sas-verification>
//!
//! It runs as long as the core and follows its session, so that requests from elsewhere are noticed; one flow is
//! shown at a time.

mod flow;
mod incoming;
pub(super) mod nudge;
mod repeat;

use tokio::sync::broadcast;

use crate::{
    core::Shared,
    session::SessionState,
    view::{
        handle::{self, Driver, Handle},
        shell::ShellEffect,
        verification::{VerificationAction, VerificationState},
    },
};

/// Verification: the flow shown, if there is one. Cheap to clone.
pub type VerificationViewModel = Handle<Option<VerificationState>, VerificationAction, ()>;

/// Begins to follow the session; requests from elsewhere are told to the frame.
pub(crate) fn start(
    shared: &Shared,
    frame: broadcast::Sender<ShellEffect>,
) -> VerificationViewModel {
    let (handle, driver) = handle::pair(None);
    shared
        .tasks
        .detach("verification", follow(shared.clone(), frame, driver));
    handle
}

async fn follow(
    shared: Shared,
    frame: broadcast::Sender<ShellEffect>,
    mut driver: Driver<Option<VerificationState>, VerificationAction, ()>,
) {
    let mut sessions = shared.sessions.state();
    loop {
        let session = match &*sessions.borrow_and_update() {
            SessionState::Ready(session) => Some(session.clone()),
            _ => None,
        };
        driver.update(|shown| *shown = None);
        let requested = |flow_id| {
            let _ = frame.send(ShellEffect::VerificationRequested { flow_id });
        };
        tokio::select! {
            () = flow::run(session, &mut driver, requested) => return,
            changed = sessions.changed() => if changed.is_err() { return },
        }
    }
}
