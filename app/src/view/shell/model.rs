//! The view model of the frame around every screen.

use std::collections::HashSet;

use tokio::sync::{broadcast, watch};
use zeroize::Zeroizing;

use super::{
    Banner, Connection, Phase, ShellAction, ShellEffect, ShellState,
    facts::{self, Facts},
};
use crate::{
    core::Shared,
    notice::Notice,
    session::{SessionError, SessionState},
    view::{
        Pending,
        handle::{self, Driver, Handle},
    },
};

/// The frame. Cheap to clone.
pub type ShellViewModel = Handle<ShellState, ShellAction, ShellEffect>;

pub(crate) fn start(shared: &Shared) -> (ShellViewModel, broadcast::Sender<ShellEffect>) {
    let (handle, driver) = handle::pair(ShellState {
        phase: Phase::Starting,
        connection: Connection::Connecting,
        banners: Vec::new(),
        unread: 0,
    });
    let effects = driver.effects.clone();
    let (facts_in, facts) = watch::channel(Facts::default());
    shared
        .tasks
        .detach("shell-facts", facts::follow(shared.clone(), facts_in));
    let model = Model {
        shared: shared.clone(),
        driver,
        facts,
        dismissed: HashSet::new(),
        pending: watch::Sender::new(Pending::Idle),
    };
    shared.tasks.detach("shell", model.run());
    (handle, effects)
}

struct Model {
    shared: Shared,
    driver: Driver<ShellState, ShellAction, ShellEffect>,
    facts: watch::Receiver<Facts>,
    dismissed: HashSet<&'static str>,
    /// The attempt to unlock or to sign in again.
    pending: watch::Sender<Pending>,
}

impl Model {
    async fn run(mut self) {
        let mut sessions = self.shared.sessions.state();
        let mut pending = self.pending.subscribe();
        let mut failures = self.shared.tasks.failures();
        loop {
            let session = sessions.borrow_and_update().clone();
            let facts = self.facts.borrow_and_update().clone();
            let attempt = pending.borrow_and_update().clone();
            self.show(&session, &facts, &attempt);
            tokio::select! {
                changed = sessions.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.entered(&sessions.borrow());
                }
                changed = self.facts.changed() => if changed.is_err() { return },
                _ = pending.changed() => {}
                Ok(notice) = failures.recv() => self.driver.effect(ShellEffect::Toast(notice)),
                action = self.driver.actions.recv() => match action {
                    Some(action) => self.act(action),
                    None => return,
                },
            }
        }
    }

    fn show(&self, session: &SessionState, facts: &Facts, attempt: &Pending) {
        let phase = phase_of(session, attempt);
        let banners = facts
            .banners()
            .into_iter()
            .filter(|banner| !self.dismissed.contains(kind(banner)))
            .collect();
        self.driver.update(|state| {
            state.phase = phase;
            state.connection = facts.connection;
            state.banners = banners;
            state.unread = facts.unread;
        });
    }

    /// A change of the session worth a word, and an end to attempts that concerned the one before.
    fn entered(&self, session: &SessionState) {
        match session {
            SessionState::SignedOut {
                because: Some(notice),
            } => {
                self.driver.effect(ShellEffect::Toast(notice.clone()));
            }
            SessionState::SignInAgain { .. } => {
                self.driver
                    .effect(ShellEffect::Toast(Notice::SignedOutByServer { soft: true }));
            }
            SessionState::Ready(_) => drop(self.pending.send_replace(Pending::Idle)),
            _ => {}
        }
    }

    fn act(&mut self, action: ShellAction) {
        let sessions = self.shared.sessions.clone();
        match action {
            ShellAction::RetryKeyring => {
                self.attempt(async move { sessions.retry_keyring().await })
            }
            ShellAction::Unlock { passphrase } => {
                let passphrase = Zeroizing::new(passphrase);
                self.attempt(async move { sessions.unlock(passphrase).await });
            }
            ShellAction::SignInAgain { password } => {
                let (password, pending) = (Zeroizing::new(password), self.pending.clone());
                self.attempt(async move {
                    let waiting = move |left: Option<u32>| {
                        let _ = pending.send_replace(Pending::waiting(left));
                    };
                    sessions.sign_in_again(password, &waiting).await
                });
            }
            ShellAction::Forget => self.attempt(async move { sessions.forget().await }),
            ShellAction::Dismiss(banner) => drop(self.dismissed.insert(kind(&banner))),
            ShellAction::WindowActive(active) => {
                self.shared.window_active.send_replace(active);
            }
            ShellAction::Quit => self.driver.effect(ShellEffect::Quit),
        }
    }

    fn attempt(&self, future: impl Future<Output = Result<(), SessionError>> + Send + 'static) {
        let pending = self.pending.clone();
        pending.send_replace(Pending::Busy);
        self.shared.tasks.detach("unlock", async move {
            pending.send_replace(match future.await {
                Ok(()) => Pending::Idle,
                // said where the person tried
                Err(error) => Pending::Failed(error.notice()),
            });
        });
    }
}

fn phase_of(session: &SessionState, attempt: &Pending) -> Phase {
    match session {
        SessionState::Starting => Phase::Starting,
        SessionState::SignedOut { .. } | SessionState::Unprotected { .. } => Phase::SignedOut,
        SessionState::Locked {
            user_id,
            source,
            busy,
            failed,
        } => Phase::Locked {
            user_id: Some(user_id.clone()),
            source: *source,
            pending: match (busy, failed, attempt) {
                // No failure: it is asked for.
                (false, Some(Notice::PassphraseNeeded), Pending::Idle) => Pending::Idle,
                (true, _, _) | (false, _, Pending::Busy) => Pending::Busy,
                (false, Some(notice), _) => Pending::Failed(notice.clone()),
                (false, None, attempt) => attempt.clone(),
            },
        },
        SessionState::SignInAgain { user_id } => Phase::SignInAgain {
            user_id: user_id.clone(),
            pending: attempt.clone(),
        },
        SessionState::StoreTrouble(notice) => Phase::StoreTrouble(notice.clone()),
        SessionState::Ready(session) => Phase::Ready {
            user_id: session.user_id().to_owned(),
        },
    }
}

/// What is put away for this run when a banner is dismissed.
fn kind(banner: &Banner) -> &'static str {
    match banner {
        Banner::VerifyThisDevice => "verify",
        Banner::SetUpRecovery => "set-up-recovery",
        Banner::EnterRecoveryKey => "enter-recovery-key",
        Banner::Notice(Notice::ClockWrong { .. }) => "clock",
        Banner::Notice(_) => "notice",
    }
}
