//! What a backup is made of: the database, the uploaded files, the configuration, and a list that is written last.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of this layout.
const FORMAT: u32 = 1;

/// Names in the folder of a backup.
pub const DATABASE: &str = "hardline-server.db";
/// The copy of the configuration.
pub const CONFIG: &str = "hardline-server.toml";
/// Uploaded files, as in the data folder.
pub const CONTENT: &str = "media/content";
/// The list; a folder without it is no backup.
const MANIFEST: &str = "backup.json";

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The server it is of.
    pub server_name: String,
    /// The program that made it.
    pub program_version: String,
    /// When, in milliseconds since 1970.
    pub created_at: i64,
    database_sha256: String,
    /// The size of the database.
    pub database_bytes: u64,
    /// How many uploaded files.
    pub files: u64,
    /// Their size.
    pub file_bytes: u64,
}

impl Manifest {
    /// The list of what lies in `dir`.
    pub fn of(dir: &Path, server_name: &str, created_at: i64) -> anyhow::Result<Self> {
        let database = dir.join(DATABASE);
        let files = uploads(&open(&database)?)?;
        Ok(Self {
            format: FORMAT,
            server_name: server_name.to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at,
            database_sha256: sha256(&database)?,
            database_bytes: fs::metadata(&database)?.len(),
            files: files.len() as u64,
            file_bytes: files.values().sum(),
        })
    }

    /// Writes the list: from now on the folder is a backup.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let partial = dir.join("backup.partial");
        let mut file = private(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&partial, dir.join(MANIFEST))?;
        sync_dir(dir)
    }

    /// Reads the list of a backup.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        let text =
            fs::read(&path).with_context(|| format!("{} is no finished backup", dir.display()))?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(
            manifest.format == FORMAT,
            "this backup is of a newer hardline-server ({}); use that version",
            manifest.program_version
        );
        Ok(manifest)
    }

    /// Checks that the backup is what its list says: the database byte by byte and in itself, each file by its size and,
    /// if `thorough`, by its content.
    pub fn verify(&self, dir: &Path, thorough: bool) -> anyhow::Result<()> {
        let database = dir.join(DATABASE);
        if sha256(&database)? != self.database_sha256 {
            bail!("the database of the backup has changed since it was made");
        }
        let connection = open(&database)?;
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(
            sound == "ok",
            "the database of the backup is damaged: {sound}"
        );
        let name: String =
            connection.query_row("SELECT server_name FROM server", [], |row| row.get(0))?;
        ensure!(
            name == self.server_name,
            "the database of the backup is of another server, {name}"
        );
        let content = dir.join(CONTENT);
        for (hash, size) in uploads(&connection)? {
            let path = content.join(&hash[..2]).join(&hash[2..]);
            let found = fs::metadata(&path).map(|metadata| metadata.len());
            let found = found.with_context(|| format!("the file {hash} is missing"))?;
            ensure!(
                found == size,
                "the file {hash} has {found} bytes, not {size}"
            );
            ensure!(
                !thorough || sha256(&path)? == hash,
                "the file {hash} is damaged"
            );
        }
        Ok(())
    }
}

/// Opens a database that nobody writes to, without making files beside it.
fn open(path: &Path) -> anyhow::Result<Connection> {
    let shown = path.display().to_string();
    ensure!(path.is_file(), "{shown} is missing");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let mut uri = url::Url::from_file_path(fs::canonicalize(path)?)
        .map_err(|()| anyhow::anyhow!("{shown} cannot be named"))?;
    uri.set_query(Some("immutable=1"));
    Connection::open_with_flags(uri.as_str(), flags).with_context(|| shown)
}

/// The files a database names: SHA-256 in hexadecimal digits, and size.
pub fn uploads(connection: &Connection) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut statement = connection.prepare(
        "SELECT lower(hex(sha256)), max(size) FROM media WHERE sha256 IS NOT NULL GROUP BY sha256",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is wrong with the files a database names, a sentence each.
pub fn missing_files(connection: &Connection, media: &Path) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (hash, size) in uploads(connection)? {
        let path = media.join("content").join(&hash[..2]).join(&hash[2..]);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == size => {}
            Ok(metadata) => wrong.push(format!("{hash} has {} bytes, not {size}", metadata.len())),
            Err(error) => wrong.push(format!("{hash}: {error}")),
        }
    }
    Ok(wrong)
}

/// Puts a file at another place too: as a second name for the same content where the file system can, else as a copy.
/// Uploaded files never change, so a second name is as good. Returns whether it had to be copied.
pub fn link_or_copy(from: &Path, to: &Path) -> anyhow::Result<bool> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let named = |error: io::Error| {
        anyhow::Error::new(error).context(format!("{} → {}", from.display(), to.display()))
    };
    match fs::hard_link(from, to) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(named(error)),
        Err(_) => {
            copy(from, to).map_err(named)?;
            Ok(true)
        }
    }
}

/// Copies a file; it is on disk when this returns.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let partial = to.with_extension("partial");
    fs::copy(from, &partial)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, to)
}

/// Makes a file for its owner alone.
pub fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Makes the names in a folder last.
pub fn sync_dir(dir: &Path) -> anyhow::Result<()> {
    Ok(File::open(dir)?.sync_all()?)
}

/// The folders below `dir`, itself included.
pub fn folders(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![dir.to_owned()];
    let mut idx = 0;
    while let Some(dir) = found.get(idx).cloned() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        idx += 1;
    }
    Ok(found)
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        digest.update(&buffer[..n]);
    }
    let digest = digest.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
