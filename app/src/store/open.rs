//! Opening the database: version check, migrations, and setting a damaged file aside.

use std::{
    ffi::OsString,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, ErrorCode};

use super::StoreError;

/// Each entry takes the schema one version further; entries that landed never change.
const MIGRATIONS: &[&str] = &[
    // 1: the account of the profile and its settings.
    "CREATE TABLE account (
         id            INTEGER PRIMARY KEY CHECK (id = 1),
         user_id       TEXT NOT NULL,
         device_id     TEXT NOT NULL,
         homeserver    TEXT NOT NULL,
         secrets_in    TEXT NOT NULL CHECK (secrets_in IN ('keyring', 'file'))
     ) STRICT;
     CREATE TABLE setting (
         key   TEXT PRIMARY KEY,
         value TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;",
    // 2: calls that are over.
    "CREATE TABLE call_log (
         room_id       TEXT NOT NULL,
         call_id       TEXT NOT NULL,
         incoming      INTEGER NOT NULL CHECK (incoming IN (0, 1)),
         peer          TEXT,
         began         INTEGER NOT NULL,
         why           TEXT NOT NULL,
         missed        INTEGER NOT NULL CHECK (missed IN (0, 1)),
         connected_for INTEGER,
         PRIMARY KEY (room_id, call_id)
     ) STRICT;
     CREATE INDEX call_log_by_time ON call_log (began);",
];

/// Bytes written to see whether there is space.
const TRIAL: usize = 64 * 1024;
/// How long a locked database is waited for.
const BUSY: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    match try_open(path) {
        Err(StoreError::Sqlite(error)) if is_damage(&error) => Err(StoreError::Damaged {
            kept_as: set_aside(path)?,
        }),
        Err(StoreError::Sqlite(error)) if is_full(&error, path) => Err(StoreError::Full),
        other => other,
    }
}

/// SQLite tells a full disk from other trouble, but not a quota or a limit on file sizes: those are tried out.
fn is_full(error: &rusqlite::Error, path: &Path) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            let trial = path.with_extension("trial");
            let written = std::fs::write(&trial, [0; TRIAL]);
            let _ = std::fs::remove_file(&trial);
            written.is_err_and(|error| {
                matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
                )
            })
        }
        _ => false,
    }
}

fn try_open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -128)?;
    let check: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if check != "ok" {
        return Err(StoreError::Damaged {
            kept_as: set_aside(path)?,
        });
    }
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let supported = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > supported {
        return Err(StoreError::TooNew { found, supported });
    }
    for (version, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Moves a file or folder (and SQLite's companions) out of the way; says where it is now.
pub(crate) fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let with = |suffix: String| {
        let mut name = OsString::from(path.as_os_str());
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut kept_as = with(format!(".damaged-{seconds}"));
    for n in 2.. {
        if !kept_as.exists() {
            break;
        }
        kept_as = with(format!(".damaged-{seconds}-{n}"));
    }
    std::fs::rename(path, &kept_as)?;
    for companion in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(with(companion.to_owned()));
    }
    Ok(kept_as)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FILE, Store};

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let path = dir.path().join(FILE);
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(
            matches!(error, StoreError::TooNew { found: 99, .. }),
            "{error}"
        );
        assert!(path.exists());
    }

    /// One for every version that ever landed, the present one included.
    const FIXTURES: &[&str] = &[
        include_str!("fixtures/1.sql"),
        include_str!("fixtures/2.sql"),
    ];

    #[test]
    fn every_schema_that_ever_landed_is_opened_with_what_is_in_it() {
        assert_eq!(FIXTURES.len(), MIGRATIONS.len(), "a fixture a version");
        for (version, dump) in (1_u32..).zip(FIXTURES) {
            let dir = tempfile::tempdir().unwrap();
            let old = Connection::open(dir.path().join(FILE)).unwrap();
            old.execute_batch(dump).unwrap();
            let written: u32 = old
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .unwrap();
            assert_eq!(written, version);
            drop(old);
            let store = Store::open(dir.path()).unwrap();
            let account = store.account().unwrap().unwrap();
            assert_eq!(account.user_id, "@ada:harbor.example");
            assert_eq!(account.device_id, "CJFLGBEWVE");
            assert_eq!(account.homeserver, "https://harbor.example");
            assert_eq!(store.setting::<String>("fixture").unwrap(), "kept");
        }
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_the_next_start_is_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        std::fs::write(
            &path,
            b"this is no database, whatever its name says; ".repeat(200),
        )
        .unwrap();
        let StoreError::Damaged { kept_as } = Store::open(dir.path()).unwrap_err() else {
            panic!("expected damage");
        };
        assert!(kept_as.exists());
        assert!(!path.exists());
        Store::open(dir.path()).unwrap();
    }

    #[test]
    fn a_page_overwritten_in_the_middle_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for n in 0..500 {
            store
                .set_setting(&format!("key{n}"), &"x".repeat(100))
                .unwrap();
        }
        store
            .lock()
            .pragma_update(None, "wal_checkpoint", "truncate")
            .ok();
        drop(store);
        let path = dir.path().join(FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            Store::open(dir.path()).unwrap_err(),
            StoreError::Damaged { .. }
        ));
    }
}
