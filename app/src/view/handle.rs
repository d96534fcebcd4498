//! The two ends of a view model: the handle a screen holds, and the side that does the work.

use tokio::sync::{broadcast, mpsc, watch};

/// Effects kept for a screen that is slow to take them.
const EFFECTS: usize = 32;

/// What a screen holds: a snapshot to watch, one-shot effects, and a way to send actions.
pub struct Handle<S, A, E> {
    state: watch::Receiver<S>,
    effects: broadcast::Sender<E>,
    actions: mpsc::UnboundedSender<A>,
}

impl<S, A, E> Clone for Handle<S, A, E> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            effects: self.effects.clone(),
            actions: self.actions.clone(),
        }
    }
}

impl<S, A, E: Clone> Handle<S, A, E> {
    /// The snapshot, and a way to wait for the next.
    pub fn state(&self) -> watch::Receiver<S> {
        self.state.clone()
    }

    /// One-shot effects from now on.
    pub fn effects(&self) -> broadcast::Receiver<E> {
        self.effects.subscribe()
    }

    /// Hands an action over. Never blocks; an action for a view model that has ended is dropped.
    pub fn send(&self, action: A) {
        let _ = self.actions.send(action);
    }
}

/// The working side of a view model.
pub struct Driver<S, A, E> {
    /// The snapshot shown.
    pub state: watch::Sender<S>,
    /// One-shot effects.
    pub effects: broadcast::Sender<E>,
    /// What the person did.
    pub actions: mpsc::UnboundedReceiver<A>,
}

impl<S: PartialEq, A, E: Clone> Driver<S, A, E> {
    /// Changes the snapshot; watchers wake only if it differs afterwards.
    pub fn update(&self, change: impl FnOnce(&mut S))
    where
        S: Clone,
    {
        update(&self.state, change);
    }

    /// Sends an effect; nobody listening is fine.
    pub fn effect(&self, effect: E) {
        let _ = self.effects.send(effect);
    }
}

/// Changes a watched snapshot; watchers wake only if it differs afterwards.
pub fn update<S: Clone + PartialEq>(state: &watch::Sender<S>, change: impl FnOnce(&mut S)) {
    state.send_if_modified(|current| {
        let before = current.clone();
        change(current);
        *current != before
    });
}

/// Both ends, beginning with this snapshot.
pub fn pair<S, A, E: Clone>(initial: S) -> (Handle<S, A, E>, Driver<S, A, E>) {
    let (state_in, state) = watch::channel(initial);
    let (actions, actions_out) = mpsc::unbounded_channel();
    let effects = broadcast::Sender::new(EFFECTS);
    (
        Handle {
            state,
            effects: effects.clone(),
            actions,
        },
        Driver {
            state: state_in,
            effects,
            actions: actions_out,
        },
    )
}
