//! Whether the database has changed.

use std::{collections::BTreeMap, hash::Hasher, path::Path, time::Duration};

use anyhow::Result;
use rusqlite::{Connection, OpenFlags, types::ValueRef};

/// When a device was last seen, and how far a bridge was looked after, is noted beside the requests; a position that was
/// taken and not used is no change.
const BESIDE: &[&str] = &["appservice_progress", "devices", "stream"];

/// Tables, with the number of their rows and, if it was asked for, a hash of all that is in them.
type Content = BTreeMap<String, (u64, u64)>;

/// How closely is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Numbers of rows.
    Counts,
    /// Every value.
    Values,
}

/// Looks at the database of a running server from outside.
pub struct Database {
    connection: Connection,
    version: i64,
    content: Content,
    /// How `content` was read; not at all if it is not what is there at `version`.
    look: Option<Look>,
}

impl Database {
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(256);
        Ok(Self {
            connection,
            version: 0,
            content: Content::new(),
            look: None,
        })
    }

    /// SQLite counts the commits of other connections.
    fn current_version(&self) -> Result<i64> {
        Ok(self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// Whatever has changed until now is as it should be.
    pub fn settle(&mut self, look: Look) -> Result<()> {
        let version = self.current_version()?;
        if self.look != Some(look) || version != self.version {
            self.content = self.read(look)?;
            self.version = self.current_version()?;
            self.look = Some(look);
        }
        Ok(())
    }

    /// Whether anything at all was written since [`Self::settle`].
    pub fn is_written(&self) -> Result<bool> {
        Ok(self.current_version()? != self.version)
    }

    /// The tables that have changed since [`Self::settle`].
    pub fn change(&mut self) -> Result<Option<String>> {
        let Some(look) = self.look.take() else {
            return Ok(None);
        };
        let now = self.read(look)?;
        let changed = now
            .iter()
            .filter(|(table, content)| self.content.get(*table) != Some(content));
        let changed: Vec<String> = changed
            .map(|(table, (n_rows, _))| {
                let before = self.content.get(table).map_or(0, |(n_rows, _)| *n_rows);
                format!("{table} ({before} rows before, {n_rows} now)")
            })
            .collect();
        Ok((!changed.is_empty()).then(|| changed.join(", ")))
    }

    fn read(&self, look: Look) -> Result<Content> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND sql NOT LIKE 'CREATE VIRTUAL%'",
        )?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut content = Content::new();
        for name in names {
            let name = name?;
            if !BESIDE.contains(&&*name) {
                let found = match look {
                    Look::Counts => (self.count(&name)?, 0),
                    Look::Values => self.table(&name)?,
                };
                content.insert(name, found);
            }
        }
        Ok(content)
    }

    fn count(&self, name: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM \"{name}\"");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let count: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    fn table(&self, name: &str) -> Result<(u64, u64)> {
        let sql = format!("SELECT * FROM \"{name}\"");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let n_columns = statement.column_count();
        let mut rows = statement.query([])?;
        let (mut n_rows, mut sum) = (0, 0_u64);
        while let Some(row) = rows.next()? {
            let mut hash = std::hash::DefaultHasher::new();
            for column in 0..n_columns {
                match row.get_ref(column)? {
                    ValueRef::Null => hash.write_u8(0),
                    ValueRef::Integer(n) => hash.write_i64(n),
                    ValueRef::Real(n) => hash.write_u64(n.to_bits()),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => hash.write(bytes),
                }
            }
            n_rows += 1;
            sum = sum.wrapping_add(hash.finish());
        }
        Ok((n_rows, sum))
    }
}
