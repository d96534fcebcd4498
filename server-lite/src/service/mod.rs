//! The services. Each owns its tables and its SQL; functions take `&Connection` (reads) or
//! `&WriteTx` (writes), so that a handler can do several things in one transaction.

pub mod account_data;
pub mod accounts;
pub mod appservices;
pub mod backup;
pub mod check;
pub mod clock;
pub mod dehydrated_devices;
pub mod delayed_events;
pub mod devices;
pub mod disk;
pub mod filters;
pub mod glob;
pub mod guests;
pub mod ignores;
pub mod invites;
pub mod json;
pub mod keys;
pub mod login_tokens;
pub mod media;
pub mod nonces;
pub mod notifications;
pub mod notifier;
pub mod outbound;
pub mod passwords;
pub mod presence;
pub mod profiles;
pub mod push_gateway;
pub mod push_outbox;
pub mod push_rules;
pub mod pushers;
pub mod random;
pub mod rate_limit;
pub mod registration_tokens;
pub mod reports;
pub mod rooms;
pub mod safety;
pub mod search;
pub mod server_notices;
pub mod sessions;
pub mod signing;
pub mod sync;
pub mod to_device;
pub mod uia;
pub mod url_preview;
pub mod user_directory;

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use self::{
    appservices::{Appservices, registration::RegistrationError},
    delayed_events::DelayedEvents,
    devices::LastSeen,
    disk::Disk,
    media::Media,
    nonces::Nonces,
    notifier::Notifier,
    outbound::Outbound,
    passwords::Passwords,
    presence::Presence,
    push_gateway::PushGateway,
    push_rules::RulesetCache,
    rate_limit::RateLimiter,
    rooms::typing::Typing,
    safety::Safety,
    signing::ServerKey,
    sync::sliding::Connections,
    uia::Uia,
    url_preview::UrlPreviews,
};
use crate::{
    config::Config,
    store::{Component, Step, Store, StoreError, StoreOptions, WriterStats},
    telemetry::Telemetry,
};

/// Every part of the schema, in the order in which the parts need each other.
pub const COMPONENTS: &[Component] = &[
    Component {
        name: "core",
        steps: &[Step::Sql(include_str!("../store/schema/core.sql"))],
    },
    sessions::COMPONENT,
    accounts::COMPONENT,
    registration_tokens::COMPONENT,
    profiles::COMPONENT,
    account_data::COMPONENT,
    filters::COMPONENT,
    keys::COMPONENT,
    to_device::COMPONENT,
    backup::COMPONENT,
    pushers::COMPONENT,
    rooms::COMPONENT,
    rooms::blocks::COMPONENT,
    media::COMPONENT,
    reports::COMPONENT,
    login_tokens::COMPONENT,
    presence::COMPONENT,
    delayed_events::COMPONENT,
    push_outbox::COMPONENT,
    dehydrated_devices::COMPONENT,
    search::COMPONENT,
    sync::device_lists::COMPONENT,
    ignores::COMPONENT,
    safety::rules::COMPONENT,
    server_notices::COMPONENT,
    appservices::COMPONENT,
];

/// What every handler gets: the store, the configuration, and the services with state of their own.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

/// The fields of [`Services`].
pub struct Inner {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Waking syncs.
    pub notifier: Notifier,
    /// Bridges and bots.
    pub appservices: Appservices,
    /// Token buckets.
    pub limiter: RateLimiter,
    /// The key this server signs with.
    pub key: ServerKey,
    /// Hashing passwords.
    pub passwords: Passwords,
    /// Parsed push rules.
    pub push_rules: Arc<RulesetCache>,
    /// Telling push gateways.
    pub push_gateway: PushGateway,
    /// Requests to addresses that users name.
    pub outbound: Outbound,
    /// Previews of web pages.
    pub url_previews: UrlPreviews,
    /// Uploaded files.
    pub media: Media,
    /// When devices were last noted as seen.
    pub last_seen: LastSeen,
    /// Numbers used once.
    pub nonces: Nonces,
    /// User-interactive authentication.
    pub uia: Uia,
    /// Events that wait to be sent.
    pub delayed_events: DelayedEvents,
    /// Who is there.
    pub presence: Presence,
    /// What is not wanted here, and who bothers many.
    pub safety: Safety,
    /// Who is typing.
    pub typing: Typing,
    /// Connections of sliding sync.
    pub sliding: Connections,
    /// Whether there is room on the disk.
    pub disk: Disk,
    /// What is counted.
    pub telemetry: Telemetry,
    /// Cancelled when the server stops: long polls answer at once.
    pub shutdown: CancellationToken,
}

impl Deref for Services {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Services {
    /// Reads the registrations of application services, opens the store and prepares all services.
    pub fn open(config: Config) -> Result<Self, StartError> {
        let appservices = Appservices::load(&config)?;
        Self::open_with(config, appservices)
    }

    /// The same with registrations that are read already.
    pub fn open_with(config: Config, appservices: Appservices) -> Result<Self, StartError> {
        std::fs::create_dir_all(&config.storage.path)?;
        let notifier = Notifier::default();
        let stats = WriterStats {
            slow: Duration::from_millis(config.log.slow_commit_ms.into()),
            ..WriterStats::default()
        };
        let options = StoreOptions {
            stats,
            max_pages: config
                .storage
                .max_database_mib
                .map(|mib| mib.get().saturating_mul(256)),
            ..StoreOptions::default()
        };
        let store = Store::open(&config.database(), &options, COMPONENTS, notifier.clone())?;
        let media = Media::open(config.storage.path.join("media"))?;
        let key = signing::prepare(&config)?;
        let limiter = RateLimiter::new(&config.rate_limits);
        let shutdown = CancellationToken::new();
        let outbound = Outbound::new(
            config.testing.private_addresses,
            config.tls.extra_ca_files.clone(),
        );
        let passwords = Passwords::new(config.testing.fast_password_hash);
        let disk = Disk::new(&config);
        let inner = Inner {
            config,
            store,
            notifier,
            appservices,
            limiter,
            key,
            passwords,
            push_rules: Arc::default(),
            push_gateway: PushGateway::default(),
            outbound,
            url_previews: UrlPreviews::default(),
            media,
            last_seen: LastSeen::default(),
            nonces: Nonces::default(),
            uia: Uia::default(),
            delayed_events: DelayedEvents::default(),
            presence: Presence::default(),
            safety: Safety::default(),
            typing: Typing::default(),
            sliding: Connections::default(),
            disk,
            telemetry: Telemetry::default(),
            shutdown,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The registration of an application service.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The first things to be stored could not be.
    #[error(transparent)]
    Prepare(#[from] crate::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another server runs on the data.
    #[error(transparent)]
    Lock(#[from] crate::serve::lock::LockError),
    /// The file system or the network.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The database belongs to another server name.
    #[error(
        "this database belongs to the server \"{stored}\", but the configuration says \
         \"{configured}\"; a server's name is for life, so put the old name back"
    )]
    NameChanged {
        /// The name in the database.
        stored: String,
        /// The name in the configuration.
        configured: String,
    },
    /// The signing key cannot be read.
    #[error("the signing key in the database is damaged: {0}")]
    Key(String),
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Milliseconds since 1970, as Matrix timestamps are.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as i64)
}
