//! The root: owns the runtime, the services and the stores of one profile.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use hardline_platform::{
    Services,
    dirs::{DirsError, ProfileDirs, ProgramDirs},
    instance::{LockError, ProfileLock},
};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::{
    notice::Notice,
    runtime::{self, Tasks},
    session::{Session, SessionConfig, SessionService},
    store::{Store, StoreError},
};

/// What a core is started with.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The program's directories.
    pub dirs: ProgramDirs,
    /// The profile to own.
    pub profile: ProfileDirs,
    /// What other devices see this one as.
    pub device_name: String,
    /// Protect the session's secrets by this passphrase, in a file, instead of the keyring.
    pub passphrase: Option<Zeroizing<String>>,
    /// Whether the keyring may ask the person (a window is there, or a terminal).
    pub may_prompt: bool,
}

/// Why a core did not start.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The profile's folders could not be made.
    #[error(transparent)]
    Dirs(#[from] DirsError),
    /// The profile is owned by another process, or cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The profile's database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Threads could not be started.
    #[error("the runtime could not be started: {0}")]
    Runtime(#[from] std::io::Error),
}

impl CoreError {
    /// What the person is told.
    pub fn notice(&self) -> Notice {
        match self {
            Self::Lock(LockError::Held { .. }) => Notice::ProfileBusy,
            Self::Store(error) => error.notice(),
            other => crate::failure::of_any(other),
        }
    }
}

/// The core of one profile. Cheap to clone; [`Core::shutdown`] ends it for all clones.
#[derive(Clone, Debug)]
pub struct Core {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tasks: Tasks,
    store: Store,
    sessions: SessionService,
    platform: Services,
    config: CoreConfig,
    /// Dropped last, and by [`runtime::end`] only.
    runtime: Mutex<Option<Runtime>>,
    lock: Mutex<Option<ProfileLock>>,
}

impl Core {
    /// Takes the profile's lock, opens its store and begins restoring the session. Returns at once after that.
    /// `services` gives the operating system's services, real or fake; it is called inside the runtime.
    pub fn start(
        config: CoreConfig,
        services: impl FnOnce() -> Services,
    ) -> Result<Self, CoreError> {
        config.profile.create()?;
        let lock = ProfileLock::acquire(&config.profile.data)?;
        let store = Store::open(&config.profile.data)?;
        let runtime = runtime::build()?;
        let tasks = Tasks::new(runtime.handle().clone());
        let platform = {
            let _guard = runtime.enter();
            services()
        };
        let session_config = SessionConfig {
            profile: config.profile.data.clone(),
            keyring: platform.secrets.clone(),
            passphrase: config.passphrase.clone(),
            may_prompt: config.may_prompt,
            device_name: config.device_name.clone(),
        };
        let sessions = SessionService::new(session_config, store.clone(), tasks.clone());
        let restoring = sessions.clone();
        tasks.detach("restore", async move { restoring.restore().await });
        let inner = Inner {
            tasks,
            store,
            sessions,
            platform,
            config,
            runtime: Mutex::new(Some(runtime)),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Where tasks run.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// The profile's own database.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The profile's session and every way to change it.
    pub fn sessions(&self) -> &SessionService {
        &self.inner.sessions
    }

    /// The session, if signed in.
    pub fn session(&self) -> Option<Session> {
        self.inner.sessions.current()
    }

    /// What the operating system offers.
    pub fn platform(&self) -> &Services {
        &self.inner.platform
    }

    /// What the core was started with.
    pub fn config(&self) -> &CoreConfig {
        &self.inner.config
    }

    /// Runs a future to its end on the core's runtime. For `main` and the command line; never on the UI thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.inner.tasks.runtime().block_on(future)
    }

    /// Ends syncing, waits a moment for tasks, gives the profile back. Call it once, outside the runtime.
    pub fn shutdown(self) {
        let sessions = self.inner.sessions.clone();
        self.block_on(async move { sessions.suspend().await });
        self.inner.end();
    }
}

impl Inner {
    fn end(&self) {
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime {
            runtime::end(runtime);
        }
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}
