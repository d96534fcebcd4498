use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Component, Step, Store, StoreError, StoreOptions, current_position};
use crate::{Error, service::notifier::Notifier};

const CORE: Component = Component {
    name: "core",
    steps: &[Step::Sql(include_str!("schema/core.sql"))],
};
const NOTES: Component = Component {
    name: "notes",
    steps: &[Step::Sql("CREATE TABLE notes (text TEXT)")],
};

fn open(dir: &tempfile::TempDir, components: &[Component]) -> Result<Store, StoreError> {
    let path = dir.path().join("test.db");
    Store::open(
        &path,
        &StoreOptions::default(),
        components,
        Notifier::default(),
    )
}

#[tokio::test]
async fn what_a_failed_job_wrote_is_undone_and_the_others_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE, NOTES]).unwrap();
    let good = store.write(|tx| {
        tx.execute("INSERT INTO notes VALUES ('good')", [])?;
        Ok(tx.next_position())
    });
    let bad = store.write(|tx| -> Result<(), Error> {
        tx.execute("INSERT INTO notes VALUES ('bad')", [])?;
        Err(Error::forbidden("no"))
    });
    let (good, bad) = tokio::join!(good, bad);
    assert_eq!(good.unwrap(), 1);
    assert!(bad.is_err());
    let texts: Vec<String> = store
        .read(|c| {
            let mut statement = c.prepare("SELECT text FROM notes")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    assert_eq!(texts, ["good"]);
}

#[tokio::test]
async fn positions_are_never_used_twice_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE]).unwrap();
    let first = store.write(|tx| Ok(tx.next_position())).await.unwrap();
    store.close();
    let store = open(&dir, &[CORE]).unwrap();
    let second = store.write(|tx| Ok(tx.next_position())).await.unwrap();
    assert!(second > first);
    assert_eq!(store.read(current_position).await.unwrap(), second);
}

#[tokio::test]
async fn a_panicking_job_does_not_stop_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE]).unwrap();
    let result: Result<(), _> = store.write(|_| panic!("on purpose")).await;
    assert!(result.is_err());
    store.write(|tx| Ok(tx.next_position())).await.unwrap();
}

#[tokio::test]
async fn whoever_shares_a_transaction_that_was_rolled_back_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE, NOTES]).unwrap();
    // While the first one sleeps the others queue up behind it, for the same commit.
    let first = store.write(|tx| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        Ok(tx.execute("INSERT INTO notes VALUES ('first')", [])?)
    });
    // What SQLite does by itself when the disk is full.
    let second = store.write(|tx| -> Result<(), Error> {
        tx.execute_batch("ROLLBACK")?;
        Err(Error::forbidden("no"))
    });
    let third = store.write(|tx| Ok(tx.execute("INSERT INTO notes VALUES ('third')", [])?));
    let (first, second, third) = tokio::join!(first, second, third);
    assert!(matches!(second, Err(Error::Matrix { .. })));
    for result in [first, third] {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, Error::Store(error) if error.is_full()),
            "{error}"
        );
    }
    store.write(|tx| Ok(tx.next_position())).await.unwrap();
}

#[tokio::test]
async fn hooks_run_after_the_commit_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE]).unwrap();
    let n_runs = Arc::new(AtomicUsize::new(0));
    let (kept, undone) = (n_runs.clone(), n_runs.clone());
    store
        .write(move |tx| {
            tx.after_commit(move || {
                kept.fetch_add(1, Ordering::SeqCst);
            });
            Ok(())
        })
        .await
        .unwrap();
    let _ = store
        .write(move |tx| -> Result<(), Error> {
            tx.after_commit(move || {
                undone.fetch_add(10, Ordering::SeqCst);
            });
            Err(Error::forbidden("no"))
        })
        .await;
    assert_eq!(n_runs.load(Ordering::SeqCst), 1);
}

#[test]
fn a_newer_schema_is_refused_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir, &[CORE, NOTES]).unwrap().close();
    let error = open(&dir, &[CORE]).err().unwrap();
    assert!(
        matches!(&error, StoreError::TooNew { component, found: 1, known: 0 } if component == "notes")
    );
    assert!(
        error.to_string().contains("newer hardline-server"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test.db"), vec![b'x'; 8192]).unwrap();
    assert!(matches!(open(&dir, &[CORE]), Err(StoreError::Damaged(_))));
}

#[test]
fn a_glance_sees_what_was_written_also_while_another_is_at_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, &[CORE, NOTES]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let n_notes = || {
        runtime.block_on(store.glance(|c| {
            Ok(c.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0))?)
        }))
    };
    runtime
        .block_on(store.write(|tx| Ok(tx.execute("INSERT INTO notes VALUES ('one')", [])?)))
        .unwrap();
    assert_eq!(n_notes().unwrap(), 1);
    let other = store.inner.glances.lock();
    assert_eq!(n_notes().unwrap(), 1);
    drop(other);
    store.close();
    assert!(n_notes().is_err());
}
