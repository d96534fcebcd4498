//! The root: owns the runtime, the services and the stores of one profile.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hardline_platform::{
    Services,
    dirs::{DirsError, ProfileDirs, ProgramDirs},
    instance::{LockError, ProfileLock},
};
use tokio::{
    runtime::Runtime,
    sync::{broadcast, watch},
};
use zeroize::Zeroizing;

use crate::{
    calls::CallsService,
    encryption::{
        recovery::{self, RecoveryViewModel},
        verification::{self, VerificationViewModel},
    },
    ids::RoomId,
    media::MediaService,
    notice::Notice,
    own_server::OwnServerService,
    runtime::{self, Tasks},
    session::{Session, SessionConfig, SessionService, SessionState},
    store::{Store, StoreError},
    view::{
        new_conversation::NewConversationViewModel,
        onboarding::OnboardingViewModel,
        room::RoomViewModel,
        room_details::RoomDetailsViewModel,
        room_list::RoomListViewModel,
        settings::SettingsViewModel,
        shell::{ShellEffect, ShellViewModel},
    },
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

/// What every service and view model may use. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) tasks: Tasks,
    pub(crate) store: Store,
    pub(crate) sessions: SessionService,
    pub(crate) own_server: OwnServerService,
    pub(crate) platform: Services,
    pub(crate) config: Arc<CoreConfig>,
    /// Whether the window is in front.
    pub(crate) window_active: watch::Sender<bool>,
}

/// The core of one profile. Cheap to clone; [`Core::shutdown`] ends it for all clones.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

/// A [`Core`] that may be gone.
#[derive(Clone)]
pub(crate) struct WeakCore {
    inner: std::sync::Weak<Inner>,
}

impl WeakCore {
    pub(crate) fn upgrade(&self) -> Option<Core> {
        self.inner.upgrade().map(|inner| Core { inner })
    }
}

struct Inner {
    shared: Shared,
    views: Views,
    /// Dropped last, and by [`runtime::end`] only.
    runtime: Mutex<Option<Runtime>>,
    lock: Mutex<Option<ProfileLock>>,
}

/// The view models that exist as long as the core.
struct Views {
    shell: ShellViewModel,
    shell_effects: broadcast::Sender<ShellEffect>,
    onboarding: OnboardingViewModel,
    room_list: RoomListViewModel,
    new_conversation: NewConversationViewModel,
    settings: SettingsViewModel,
    verification: VerificationViewModel,
    recovery: RecoveryViewModel,
    media: MediaService,
    calls: CallsService,
}

impl Views {
    fn start(shared: &Shared) -> Self {
        let (shell, shell_effects) = crate::view::shell::model::start(shared);
        crate::notifications::start(shared, shell_effects.clone());
        let sessions = shared.sessions.clone();
        let client = move || Some(sessions.current()?.client().clone());
        let media = MediaService::new(shared.tasks.clone(), Arc::new(client));
        shared.tasks.detach(
            "forget-pictures",
            forget_pictures(shared.clone(), media.clone()),
        );
        Self {
            shell,
            calls: CallsService::start(shared),
            verification: verification::start(shared, shell_effects.clone()),
            recovery: recovery::start(shared),
            media,
            shell_effects,
            onboarding: crate::view::onboarding::model::start(shared),
            room_list: RoomListViewModel::start(shared),
            new_conversation: crate::view::new_conversation::model::start(shared),
            settings: crate::view::settings::model::start(shared),
        }
    }
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
        let runtime = runtime::build()?;
        let tasks = Tasks::new(runtime.handle().clone());
        let platform = {
            let _guard = runtime.enter();
            survive_file_limits();
            services()
        };
        let store = Store::open(&config.profile.data)?;
        let session_config = SessionConfig {
            profile: config.profile.data.clone(),
            keyring: platform.secrets.clone(),
            passphrase: config.passphrase.clone(),
            may_prompt: config.may_prompt,
            device_name: config.device_name.clone(),
        };
        let shared = Shared {
            sessions: SessionService::new(session_config, store.clone(), tasks.clone()),
            own_server: OwnServerService::new(
                config.dirs.own_server(),
                platform.processes.clone(),
                tasks.clone(),
            ),
            tasks,
            store,
            platform,
            config: Arc::new(config),
            window_active: watch::Sender::new(false),
        };
        let views = Views::start(&shared);
        shared
            .tasks
            .detach("reconnect", crate::sync::reconnect::run(shared.clone()));
        shared.tasks.detach("restore", restore(shared.clone()));
        let inner = Inner {
            shared,
            views,
            runtime: Mutex::new(Some(runtime)),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Where tasks run.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.shared.tasks
    }

    /// The profile's own database.
    pub fn store(&self) -> &Store {
        &self.inner.shared.store
    }

    /// The profile's session and every way to change it.
    pub fn sessions(&self) -> &SessionService {
        &self.inner.shared.sessions
    }

    /// The session, if signed in.
    pub fn session(&self) -> Option<Session> {
        self.inner.shared.sessions.current()
    }

    /// The homeserver on this device.
    pub fn own_server(&self) -> &OwnServerService {
        &self.inner.shared.own_server
    }

    /// What the operating system offers.
    pub fn platform(&self) -> &Services {
        &self.inner.shared.platform
    }

    /// What the core was started with.
    pub fn config(&self) -> &CoreConfig {
        &self.inner.shared.config
    }

    /// Whether the window is in front, as the shell was told.
    pub fn window_active(&self) -> watch::Receiver<bool> {
        self.inner.shared.window_active.subscribe()
    }

    /// The frame around every screen.
    pub fn shell(&self) -> ShellViewModel {
        self.inner.views.shell.clone()
    }

    /// Sends a one-shot effect to the frame: a toast, "open this room", "raise the window".
    pub fn shell_effect(&self, effect: ShellEffect) {
        let _ = self.inner.views.shell_effects.send(effect);
    }

    /// One-shot effects of the frame, for those who need no window.
    pub fn shell_effects(&self) -> broadcast::Receiver<ShellEffect> {
        self.inner.views.shell_effects.subscribe()
    }

    /// A handle that does not keep the core.
    pub(crate) fn downgrade(&self) -> WeakCore {
        WeakCore {
            inner: Arc::downgrade(&self.inner),
        }
    }

    /// Signing in.
    pub fn onboarding(&self) -> OnboardingViewModel {
        self.inner.views.onboarding.clone()
    }

    /// The list of rooms.
    pub fn room_list(&self) -> RoomListViewModel {
        self.inner.views.room_list.clone()
    }

    /// Starting a conversation.
    pub fn new_conversation(&self) -> NewConversationViewModel {
        self.inner.views.new_conversation.clone()
    }

    /// The settings.
    pub fn settings(&self) -> SettingsViewModel {
        self.inner.views.settings.clone()
    }

    /// An open room, if signed in; it is closed when the last clone is dropped.
    pub fn open_room(&self, room_id: &RoomId) -> Option<RoomViewModel> {
        let session = self.session()?;
        Some(RoomViewModel::open(
            &session,
            self.media(),
            room_id.to_owned(),
        ))
    }

    /// What a room is and who is in it, if signed in.
    pub fn room_details(&self, room_id: &RoomId) -> Option<RoomDetailsViewModel> {
        let session = self.session()?;
        RoomDetailsViewModel::open(&session, room_id.to_owned())
    }

    /// Comparing emoji.
    pub fn verification(&self) -> VerificationViewModel {
        self.inner.views.verification.clone()
    }

    /// The recovery key and the backup.
    pub fn recovery(&self) -> RecoveryViewModel {
        self.inner.views.recovery.clone()
    }

    /// Pictures and files.
    pub fn media(&self) -> &MediaService {
        &self.inner.views.media
    }

    /// Calls.
    pub fn calls(&self) -> &CallsService {
        &self.inner.views.calls
    }

    /// Runs a future to its end on the core's runtime. For `main` and the command line; never on the UI thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.inner.shared.tasks.runtime().block_on(future)
    }

    /// The profile's lock, for the control socket, which must not exist without it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<ProfileLock>> {
        self.inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends calls and syncing, waits a moment for tasks, gives the profile back. Call it once, outside the runtime.
    pub fn shutdown(self) {
        let sessions = self.inner.shared.sessions.clone();
        self.block_on(async move { sessions.suspend().await });
        self.inner.end();
    }
}

/// Pictures of a session that ended must not be kept for the next.
async fn forget_pictures(shared: Shared, media: MediaService) {
    let mut sessions = shared.sessions.state();
    while sessions.changed().await.is_ok() {
        if !matches!(*sessions.borrow_and_update(), SessionState::Ready(_)) {
            media.clear();
        }
    }
}

/// A limit on file sizes shall be an error told like a full disk, not a signal that ends the program: any handler does.
fn survive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    /// `SIGXFSZ` on every Linux we build for.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    if let Err(error) = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED)) {
        tracing::warn!(%error, "limits on file sizes would end the program");
    }
}

/// The session of the last run, and before it the server on this device if that is where the account is.
async fn restore(shared: Shared) {
    if let Ok(Some(account)) = shared.store.account()
        && shared.own_server.is_at(&account.homeserver)
    {
        let own_server = shared.own_server.clone();
        shared.tasks.detach("own-server-start", async move {
            if let Err(error) = own_server.start().await {
                tracing::error!(%error, "the server on this device did not start");
            }
        });
    }
    shared.sessions.restore().await;
}

impl Inner {
    fn end(&self) {
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime {
            runtime::end(runtime, &self.shared.tasks);
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

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("profile", &self.inner.shared.config.profile.data)
            .finish_non_exhaustive()
    }
}
