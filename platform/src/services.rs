//! All services together, as the program gets them: chosen once, in `main` or in a test.

use std::{path::Path, sync::Arc};

use crate::{
    appearance::{AppearanceSource, FakeAppearance, PortalAppearance},
    background::{AutostartFile, Background, FakeBackground, PortalBackground},
    bus::Bus,
    dirs::ProgramDirs,
    file_chooser::{FakeFileChooser, FileChooser, PortalFileChooser},
    instance::{Activation, DBusActivation, FakeActivation},
    media::{ChildMedia, FakeMedia, Media},
    network::{FakeNetwork, Network, NetworkManager},
    notify::{FakeNotifier, FreedesktopNotifier, Notifier, PortalNotifier},
    open_uri::{DesktopOpener, FakeOpener, Opener},
    portal::is_sandboxed,
    process::{ChildProcesses, FakeProcesses, Processes},
    secrets::{FakeSecretStore, KeyringStore, SecretStore},
};

/// The operating system, as far as the program uses it.
#[derive(Clone, Debug)]
pub struct Services {
    /// The keyring.
    pub secrets: Arc<dyn SecretStore>,
    /// Finding, and being found by, other starts of the program.
    pub activation: Arc<dyn Activation>,
    /// The desktop's wishes about looks.
    pub appearance: Arc<dyn AppearanceSource>,
    /// Notifications.
    pub notifier: Arc<dyn Notifier>,
    /// Running in the background and starting with the session.
    pub background: Arc<dyn Background>,
    /// The hint about the network.
    pub network: Arc<dyn Network>,
    /// Child programs.
    pub processes: Arc<dyn Processes>,
    /// The media processes of calls.
    pub media: Arc<dyn Media>,
    /// Other programs for links and files.
    pub opener: Arc<dyn Opener>,
    /// The file chooser.
    pub file_chooser: Arc<dyn FileChooser>,
}

impl Services {
    /// The real ones. `program` is what autostart starts. Must be called inside a tokio runtime.
    pub fn system(dirs: &ProgramDirs, program: &Path) -> Self {
        let bus = Bus::session();
        let (notifier, background): (Arc<dyn Notifier>, Arc<dyn Background>) = if is_sandboxed() {
            let background = PortalBackground::new(bus.clone());
            (
                Arc::new(PortalNotifier::new(bus.clone())),
                Arc::new(background),
            )
        } else {
            let background = AutostartFile::new(&dirs.autostart, program);
            (
                Arc::new(FreedesktopNotifier::new(bus.clone())),
                Arc::new(background),
            )
        };
        Self {
            secrets: Arc::new(KeyringStore::new()),
            activation: Arc::new(DBusActivation::new(bus.clone())),
            appearance: Arc::new(PortalAppearance::start(bus.clone())),
            notifier,
            background,
            network: Arc::new(NetworkManager::start(Bus::system())),
            processes: Arc::new(ChildProcesses),
            media: Arc::new(ChildMedia::find(program)),
            opener: Arc::new(DesktopOpener::new(bus.clone())),
            file_chooser: Arc::new(PortalFileChooser::new(bus)),
        }
    }

    /// Fakes; keep a clone of one of your own in a field to steer it.
    pub fn fake() -> Self {
        Self {
            secrets: Arc::new(FakeSecretStore::default()),
            activation: Arc::new(FakeActivation::default()),
            appearance: Arc::new(FakeAppearance::default()),
            notifier: Arc::new(FakeNotifier::default()),
            background: Arc::new(FakeBackground::default()),
            network: Arc::new(FakeNetwork::default()),
            processes: Arc::new(FakeProcesses::default()),
            media: Arc::new(FakeMedia::default()),
            opener: Arc::new(FakeOpener::default()),
            file_chooser: Arc::new(FakeFileChooser::default()),
        }
    }
}
