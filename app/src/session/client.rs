//! Building the SDK's client: a probe that stores nothing, and the one that owns the stores.

use std::{path::Path, time::Duration};

use matrix_sdk::{
    Client, ClientBuildError, SqliteStoreConfig, ThreadingSupport,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    sliding_sync::VersionBuilder,
};
use zeroize::Zeroizing;

/// How long a server may take to answer while it is being looked for.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections a database at most: one writes, the others read. They are opened when that many are in use at once.
const CONNECTIONS: usize = 6;
/// Page cache a connection, bytes.
const PAGE_CACHE: u32 = 512 * 1024;
/// The most a write-ahead log keeps after a checkpoint, bytes.
const WAL_LIMIT: u32 = 2 * 1024 * 1024;

/// The key of the SDK's stores. Random, so no key derivation is needed to open them.
pub(crate) type StoreKey = Zeroizing<[u8; 32]>;

/// A client that stores nothing and gives up soon.
pub(crate) async fn probe(base_url: &str) -> Result<Client, ClientBuildError> {
    Client::builder()
        .homeserver_url(base_url)
        .sliding_sync_version_builder(VersionBuilder::None)
        .respect_login_well_known(false)
        .request_config(RequestConfig::new().disable_retry().timeout(PROBE_TIMEOUT))
        .user_agent(user_agent())
        .build()
        .await
}

/// The client of a session, with its stores in `dir`.
pub(crate) async fn open(
    base_url: &str,
    dir: &Path,
    key: &StoreKey,
) -> Result<Client, ClientBuildError> {
    let store = SqliteStoreConfig::new(dir)
        .key(Some(key))
        .pool_max_size(CONNECTIONS)
        .cache_size(PAGE_CACHE)
        .journal_size_limit(WAL_LIMIT);
    Client::builder()
        .homeserver_url(base_url)
        .sliding_sync_version_builder(VersionBuilder::Native)
        .sqlite_store_with_config_and_cache_path(store, None::<&Path>)
        .respect_login_well_known(false)
        .handle_refresh_tokens()
        .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
        .with_threading_support(ThreadingSupport::Enabled {
            with_subscriptions: false,
        })
        .with_encryption_settings(EncryptionSettings {
            auto_enable_cross_signing: true,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
            auto_enable_backups: true,
        })
        .user_agent(user_agent())
        .build()
        .await
}

fn user_agent() -> String {
    format!("Hardline/{}", env!("CARGO_PKG_VERSION"))
}
