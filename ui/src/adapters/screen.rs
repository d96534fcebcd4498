//! What every adapter is made of: the ends of its view model, tasks that end with it, and a port for actions.

use std::{cell::RefCell, future::Future, rc::Rc};

use hardline_app::view::handle::Handle;
use tokio::sync::{broadcast, watch};

/// The ends of a view model as an adapter uses them.
pub struct Screen<S, A, E> {
    /// The snapshot.
    pub state: watch::Receiver<S>,
    /// One-shot effects.
    pub effects: broadcast::Receiver<E>,
    /// Takes actions.
    pub send: Rc<dyn Fn(A)>,
}

impl<S, A: 'static, E: Clone + 'static> From<Handle<S, A, E>> for Screen<S, A, E>
where
    S: 'static,
{
    fn from(handle: Handle<S, A, E>) -> Self {
        Self {
            state: handle.state(),
            effects: handle.effects(),
            send: Rc::new(move |action| handle.send(action)),
        }
    }
}

/// Where the callbacks of a screen send their actions: the view model that is bound now, if there is one.
///
/// Callbacks are set once a window; view models come and go (a room closed, a session ended).
pub struct Port<A>(Rc<RefCell<Option<Action<A>>>>);

/// Where an action goes.
type Action<A> = Rc<dyn Fn(A)>;

impl<A> Clone for Port<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> Default for Port<A> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<A> Port<A> {
    /// Sends to the view model bound now.
    pub fn send(&self, action: A) {
        let bound = self.0.borrow().clone();
        if let Some(send) = bound {
            send(action);
        }
    }

    /// A callback that sends `action`.
    pub fn always(&self, action: A) -> impl Fn() + use<A>
    where
        A: Clone + 'static,
    {
        let port = self.clone();
        move || port.send(action.clone())
    }

    /// A callback of one argument that sends what `make` makes of it.
    pub fn with<T, F>(&self, make: F) -> impl Fn(T) + use<A, T, F>
    where
        A: 'static,
        F: Fn(T) -> A + 'static,
    {
        let port = self.clone();
        move |value| port.send(make(value))
    }

    /// Like [`Self::with`]; nothing is sent where `make` has nothing (an id that is none).
    pub fn maybe<T, F>(&self, make: F) -> impl Fn(T) + use<A, T, F>
    where
        A: 'static,
        F: Fn(T) -> Option<A> + 'static,
    {
        let port = self.clone();
        move |value| {
            if let Some(action) = make(value) {
                port.send(action);
            }
        }
    }

    /// Like [`Self::maybe`], for callbacks of two arguments.
    pub fn maybe2<T, U, F>(&self, make: F) -> impl Fn(T, U) + use<A, T, U, F>
    where
        A: 'static,
        F: Fn(T, U) -> Option<A> + 'static,
    {
        let port = self.clone();
        move |one, two| {
            if let Some(action) = make(one, two) {
                port.send(action);
            }
        }
    }

    /// Binds a view model.
    pub fn bind(&self, send: Rc<dyn Fn(A)>) {
        *self.0.borrow_mut() = Some(send);
    }

    /// Lets the view model go.
    pub fn unbind(&self) {
        let bound = self.0.borrow_mut().take();
        drop(bound);
    }
}

/// Tasks on the window's thread that end when this is dropped.
#[derive(Default)]
pub struct Tasks(Vec<slint::JoinHandle<()>>);

impl Tasks {
    /// Runs `future` on the window's thread.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.0.retain(|task| !task.is_finished());
        match slint::spawn_local(future) {
            Ok(task) => self.0.push(task),
            Err(error) => tracing::error!(%error, "no event loop for a task of the window"),
        }
    }

    /// Takes over the tasks of another.
    pub fn adopt(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Calls `apply` with the snapshot now and after each change.
    pub fn watch<S: Clone + 'static>(
        &mut self,
        mut state: watch::Receiver<S>,
        apply: impl Fn(&S) + 'static,
    ) {
        let now = state.borrow_and_update().clone();
        apply(&now);
        self.spawn(async move {
            while state.changed().await.is_ok() {
                let now = state.borrow_and_update().clone();
                apply(&now);
            }
        });
    }

    /// Calls `apply` with each effect.
    pub fn effects<E: Clone + 'static>(
        &mut self,
        mut effects: broadcast::Receiver<E>,
        apply: impl Fn(E) + 'static,
    ) {
        self.spawn(async move {
            loop {
                match effects.recv().await {
                    Ok(effect) => apply(effect),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "effects came faster than the window took them");
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
        });
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.drain(..).for_each(slint::JoinHandle::abort);
    }
}
