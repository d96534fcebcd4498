//! Schema versions. Each part of the schema ("component") belongs to one service, which lists its
//! steps in order; the database remembers how far each component has come. A step that has landed
//! is never edited: add another.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::StoreError;

/// One step of a component's schema.
#[derive(Clone, Copy)]
pub enum Step {
    /// SQL statements.
    Sql(&'static str),
    /// Code, where SQL does not suffice.
    Rust(fn(&Connection) -> rusqlite::Result<()>),
}

/// A part of the schema with one owner.
#[derive(Clone, Copy)]
pub struct Component {
    /// Its name in the table `schema_versions`; never changes.
    pub name: &'static str,
    /// Version n is reached by the first n steps.
    pub steps: &'static [Step],
}

/// Brings every component up to date in one transaction.
pub(super) fn run(connection: &mut Connection, components: &[Component]) -> Result<(), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_versions (
             component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
    )?;
    refuse_newer(&tx, components)?;
    for component in components {
        let done = version(&tx, component.name)?;
        for (idx, step) in component.steps.iter().enumerate().skip(done as usize) {
            tracing::info!(
                component = component.name,
                version = idx + 1,
                "migrating the database"
            );
            match step {
                Step::Sql(sql) => tx.execute_batch(sql)?,
                Step::Rust(step) => step(&tx)?,
            }
        }
        tx.execute(
            "INSERT OR REPLACE INTO schema_versions (component, version) VALUES (?1, ?2)",
            (component.name, component.steps.len() as u32),
        )?;
    }
    tx.commit()?;
    Ok(())
}

/// Refuses a database of another version, newer or older.
pub(super) fn refuse_other(
    connection: &Connection,
    components: &[Component],
) -> Result<(), StoreError> {
    refuse_newer(connection, components)?;
    for component in components {
        let (found, known) = (
            version(connection, component.name)?,
            component.steps.len() as u32,
        );
        if found < known {
            return Err(StoreError::TooOld {
                component: component.name.to_owned(),
                found,
                known,
            });
        }
    }
    Ok(())
}

fn version(connection: &Connection, component: &str) -> Result<u32, StoreError> {
    Ok(connection
        .query_row(
            "SELECT version FROM schema_versions WHERE component = ?1",
            [component],
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(0))
}

fn refuse_newer(connection: &Connection, components: &[Component]) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT component, version FROM schema_versions")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in rows {
        let (name, found): (String, u32) = row?;
        let known = components
            .iter()
            .find(|component| component.name == name)
            .map_or(0, |component| component.steps.len() as u32);
        if found > known {
            return Err(StoreError::TooNew {
                component: name,
                found,
                known,
            });
        }
    }
    Ok(())
}
