//! What the frame shows of a running session: connection, unread messages, whether this device is verified.

use futures_util::StreamExt as _;
use matrix_sdk::encryption::{VerificationState, recovery::RecoveryState};
use tokio::sync::watch;

use super::{Banner, Connection};
use crate::{
    core::Shared,
    notice::Notice,
    session::{Session, SessionState},
    sync::clock,
    view::handle::update,
};

/// The facts; the default is that of no session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    pub(super) connection: Connection,
    pub(super) unread: u64,
    verification: Known,
    recovery: RecoveryKnown,
    clock_off_by: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Known {
    #[default]
    Unknown,
    Verified,
    Unverified,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum RecoveryKnown {
    #[default]
    Unknown,
    Enabled,
    Disabled,
    Incomplete,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            connection: Connection::Connecting,
            unread: 0,
            verification: Known::default(),
            recovery: RecoveryKnown::default(),
            clock_off_by: None,
        }
    }
}

impl Facts {
    /// Lasting banners, most urgent first. Entering the recovery key verifies the device too, so it is said alone.
    pub(super) fn banners(&self) -> Vec<Banner> {
        let mut banners = Vec::new();
        if let Some(seconds) = self.clock_off_by {
            banners.push(Banner::Notice(Notice::ClockWrong { seconds }));
        }
        match (self.recovery, self.verification) {
            (RecoveryKnown::Incomplete, _) => banners.push(Banner::EnterRecoveryKey),
            (_, Known::Unverified) => banners.push(Banner::VerifyThisDevice),
            (RecoveryKnown::Disabled, _) => banners.push(Banner::SetUpRecovery),
            (RecoveryKnown::Unknown | RecoveryKnown::Enabled, _) => {}
        }
        banners
    }
}

/// Follows whatever session there is.
pub(super) async fn follow(shared: Shared, facts: watch::Sender<Facts>) {
    let mut sessions = shared.sessions.state();
    loop {
        let session = match &*sessions.borrow_and_update() {
            SessionState::Ready(session) => Some(session.clone()),
            _ => None,
        };
        facts.send_replace(Facts::default());
        let changed = match session {
            Some(session) => tokio::select! {
                () = follow_session(session, &facts) => sessions.changed().await,
                changed = sessions.changed() => changed,
            },
            None => sessions.changed().await,
        };
        if changed.is_err() || facts.is_closed() {
            return;
        }
    }
}

async fn follow_session(session: Session, facts: &watch::Sender<Facts>) {
    let client = session.client().clone();
    tokio::join!(
        follow_connection(&session, facts),
        follow_unread(&session, facts),
        async {
            let mut state = client.encryption().verification_state();
            let set = |state| {
                update(facts, |facts| {
                    facts.verification = match state {
                        VerificationState::Unknown => Known::Unknown,
                        VerificationState::Verified => Known::Verified,
                        VerificationState::Unverified => Known::Unverified,
                    };
                });
            };
            set(state.get());
            while let Some(state) = state.next().await {
                set(state);
            }
        },
        async {
            let recovery = client.encryption().recovery();
            let mut states = std::pin::pin!(recovery.state_stream());
            let set = |state| {
                update(facts, |facts| {
                    facts.recovery = match state {
                        RecoveryState::Unknown => RecoveryKnown::Unknown,
                        RecoveryState::Enabled => RecoveryKnown::Enabled,
                        RecoveryState::Disabled => RecoveryKnown::Disabled,
                        RecoveryState::Incomplete => RecoveryKnown::Incomplete,
                    };
                });
            };
            set(recovery.state());
            while let Some(state) = states.next().await {
                set(state);
            }
        },
        async {
            clock::watch(&session, |off_by| {
                update(facts, |facts| facts.clock_off_by = off_by);
            })
            .await;
        },
    );
}

async fn follow_connection(session: &Session, facts: &watch::Sender<Facts>) {
    let mut state = session.sync().state();
    loop {
        let connection = state.borrow_and_update().connection;
        update(facts, |facts| facts.connection = connection);
        if state.changed().await.is_err() {
            return;
        }
    }
}

async fn follow_unread(session: &Session, facts: &watch::Sender<Facts>) {
    let mut rooms = session.rooms().rooms();
    loop {
        let unread = rooms
            .borrow_and_update()
            .rows()
            .map(|row| if row.muted { row.mentions } else { row.unread })
            .sum();
        update(facts, |facts| facts.unread = unread);
        if rooms.changed().await.is_err() {
            return;
        }
    }
}
