//! A file that holds a secret under a passphrase, for machines without a keyring.
//!
//! Layout, integers little-endian: magic (8) · version (1) · argon2id memory in KiB (4), passes (4), lanes (4) ·
//! salt (16) · check (16) · nonce (24) · XChaCha20-Poly1305 of the secret, the header before it authenticated.
//! `check` is half of what argon2id yields beyond the key: it tells a wrong passphrase from a damaged file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::RngCore;
use zeroize::Zeroizing;

use super::{Secret, SecretError};

const MAGIC: &[u8; 8] = b"HLSECRET";
const VERSION: u8 = 1;
const SALT: usize = 16;
const CHECK: usize = 16;
const NONCE: usize = 24;
const KEY: usize = 32;
const HEADER: usize = MAGIC.len() + 1 + 3 * 4 + SALT + CHECK + NONCE;
/// More than any secret of ours; a larger file is not one.
const MAX_FILE: u64 = 1 << 20;
/// RFC 9106's second recommended choice: 64 MiB, three passes; what a phone bears.
const COST: Cost = Cost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};
/// A damaged header must not make us claim gigabytes.
const MAX_COST: Cost = Cost {
    memory_kib: 1024 * 1024,
    passes: 64,
    lanes: 64,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A secret file at a path. Deriving the key takes a good part of a second: call it off the UI thread.
#[derive(Clone, Debug)]
pub struct PassphraseFile {
    path: PathBuf,
    cost: Cost,
}

impl PassphraseFile {
    /// The file at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            cost: COST,
        }
    }

    /// As [`PassphraseFile::new`], with a key that is cheap to derive and to guess: for tests.
    pub fn weak_for_tests(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            cost: Cost {
                memory_kib: 64,
                passes: 1,
                lanes: 1,
            },
        }
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Opens it; `None` if there is no file.
    pub fn read(&self, passphrase: &str) -> Result<Option<Secret>, SecretError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(SecretError::Damaged("the file is too long".into()));
        }
        open(&bytes, passphrase).map(Some)
    }

    /// Replaces it at once or not at all; readable by its owner alone.
    pub fn write(&self, passphrase: &str, secret: &Secret) -> Result<(), SecretError> {
        let bytes = seal(self.cost, passphrase, secret)?;
        write_atomically(&self.path, &bytes)?;
        Ok(())
    }

    /// Removes it; removing what is not there is fine.
    pub fn delete(&self) -> Result<(), SecretError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

struct Derived {
    key: Zeroizing<[u8; KEY]>,
    check: [u8; CHECK],
}

fn derive(cost: Cost, salt: &[u8], passphrase: &str) -> Result<Derived, SecretError> {
    let failed = |error: argon2::Error| SecretError::Damaged(format!("key derivation: {error}"));
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY + CHECK)).map_err(failed)?;
    let mut output = Zeroizing::new([0; KEY + CHECK]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, output.as_mut_slice())
        .map_err(failed)?;
    let mut derived = Derived {
        key: Zeroizing::new([0; KEY]),
        check: [0; CHECK],
    };
    derived.key.copy_from_slice(&output[..KEY]);
    derived.check.copy_from_slice(&output[KEY..]);
    Ok(derived)
}

fn seal(cost: Cost, passphrase: &str, secret: &Secret) -> Result<Vec<u8>, SecretError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    rand::rng().fill_bytes(&mut salt);
    rand::rng().fill_bytes(&mut nonce);
    let derived = derive(cost, &salt, passphrase)?;
    let mut bytes = Vec::with_capacity(HEADER + secret.expose().len() + 16);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&salt);
    bytes.extend_from_slice(&derived.check);
    bytes.extend_from_slice(&nonce);
    let sealed = XChaCha20Poly1305::new((&*derived.key).into())
        .encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: secret.expose(),
                aad: &bytes,
            },
        )
        .map_err(|_| SecretError::Failed("the secret could not be encrypted".into()))?;
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

fn open(bytes: &[u8], passphrase: &str) -> Result<Secret, SecretError> {
    let damaged = |what: &str| SecretError::Damaged(what.to_owned());
    let (magic, rest) = bytes
        .split_at_checked(MAGIC.len())
        .ok_or_else(|| damaged("too short"))?;
    if magic != MAGIC {
        return Err(damaged("not a secret file"));
    }
    let (&version, rest) = rest.split_first().ok_or_else(|| damaged("too short"))?;
    if version > VERSION {
        return Err(SecretError::TooNew {
            found: version,
            known: VERSION,
        });
    }
    if version != VERSION || bytes.len() < HEADER {
        return Err(damaged("too short"));
    }
    let (cost, rest) = read_cost(rest).ok_or_else(|| damaged("key derivation out of range"))?;
    let (salt, rest) = rest.split_at(SALT);
    let (check, rest) = rest.split_at(CHECK);
    let (nonce, sealed) = rest.split_at(NONCE);
    let derived = derive(cost, salt, passphrase)?;
    if derived.check != check {
        return Err(SecretError::WrongPassphrase);
    }
    XChaCha20Poly1305::new((&*derived.key).into())
        .decrypt(
            XNonce::from_slice(nonce),
            Payload {
                msg: sealed,
                aad: &bytes[..HEADER],
            },
        )
        .map(Secret::new)
        .map_err(|_| damaged("the content was changed"))
}

/// The three costs and what follows them; `None` if they are beyond what we ever write.
fn read_cost(bytes: &[u8]) -> Option<(Cost, &[u8])> {
    let mut rest = bytes;
    let mut next = || {
        let (number, tail) = rest.split_first_chunk::<4>()?;
        rest = tail;
        Some(u32::from_le_bytes(*number))
    };
    let cost = Cost {
        memory_kib: next()?,
        passes: next()?,
        lanes: next()?,
    };
    let fits = cost.memory_kib <= MAX_COST.memory_kib
        && cost.passes <= MAX_COST.passes
        && cost.lanes <= MAX_COST.lanes;
    fits.then_some((cost, rest))
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidInput)?
        .to_string_lossy();
    let temporary = dir.join(format!(".{name}.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Case {
        dir: tempfile::TempDir,
        file: PassphraseFile,
    }

    fn case() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let file = PassphraseFile::weak_for_tests(dir.path().join("secret"));
        file.write("correct horse", &Secret::new("battery staple"))
            .unwrap();
        Case { dir, file }
    }

    impl Case {
        fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
            let mut bytes = fs::read(&self.file.path).unwrap();
            change(&mut bytes);
            fs::write(&self.file.path, bytes).unwrap();
        }
    }

    #[test]
    fn the_right_passphrase_gives_the_secret_back() {
        let secret = case().file.read("correct horse").unwrap().unwrap();
        assert_eq!(secret.expose(), b"battery staple");
    }

    #[test]
    fn a_wrong_passphrase_is_told_from_a_damaged_file() {
        let case = case();
        assert!(matches!(
            case.file.read("wrong"),
            Err(SecretError::WrongPassphrase)
        ));
        case.change(|bytes| *bytes.last_mut().unwrap() ^= 1);
        assert!(matches!(
            case.file.read("correct horse"),
            Err(SecretError::Damaged(_))
        ));
    }

    #[test]
    fn no_file_is_no_secret() {
        let case = case();
        case.file.delete().unwrap();
        case.file.delete().unwrap();
        assert!(!case.file.exists());
        assert!(case.file.read("correct horse").unwrap().is_none());
    }

    #[test]
    fn a_newer_version_is_refused_by_number() {
        let case = case();
        case.change(|bytes| bytes[MAGIC.len()] = 9);
        let error = case.file.read("correct horse").unwrap_err();
        assert!(
            matches!(error, SecretError::TooNew { found: 9, known: 1 }),
            "{error}"
        );
    }

    #[test]
    fn every_truncation_is_damage_and_none_a_panic() {
        let case = case();
        let whole = fs::read(&case.file.path).unwrap();
        for length in 0..whole.len() {
            fs::write(&case.file.path, &whole[..length]).unwrap();
            let error = case.file.read("correct horse").unwrap_err();
            assert!(
                matches!(error, SecretError::Damaged(_)),
                "{length}: {error}"
            );
        }
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let case = case();
        let whole = fs::read(&case.file.path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x80;
            fs::write(&case.file.path, &bytes).unwrap();
            assert!(case.file.read("correct horse").is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_header_that_asks_for_gigabytes_is_refused_at_once() {
        let case = case();
        case.change(|bytes| bytes[9..13].copy_from_slice(&u32::MAX.to_le_bytes()));
        assert!(matches!(
            case.file.read("correct horse"),
            Err(SecretError::Damaged(_))
        ));
    }

    #[test]
    fn the_file_is_private_and_replaced_in_one_step() {
        let case = case();
        case.file.write("other", &Secret::new("second")).unwrap();
        let mode = fs::metadata(&case.file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);
        assert_eq!(
            case.file.read("other").unwrap().unwrap().expose(),
            b"second"
        );
    }

    #[test]
    fn two_files_of_one_secret_share_no_bytes_after_the_costs() {
        let case = case();
        let first = fs::read(&case.file.path).unwrap();
        case.file
            .write("correct horse", &Secret::new("battery staple"))
            .unwrap();
        let second = fs::read(&case.file.path).unwrap();
        assert_ne!(first[21..37], second[21..37], "salt");
        assert_ne!(first[HEADER..], second[HEADER..], "content");
    }

    #[test]
    fn the_full_cost_is_within_what_we_accept() {
        let dir = tempfile::tempdir().unwrap();
        let file = PassphraseFile::new(dir.path().join("secret"));
        file.write("p", &Secret::new("s")).unwrap();
        assert_eq!(file.read("p").unwrap().unwrap().expose(), b"s");
    }
}
