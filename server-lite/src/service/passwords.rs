//! Password hashes: argon2id, computed on a thread of their own.
//!
//! Each hash works on 19 MiB. One thread with one buffer keeps that from adding up on a small board, whatever number of
//! people log in at once. Once nobody has logged in for a while the thread ends, and with it goes all its memory: an
//! allocator keeps what a living thread has freed.

use std::{
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{Ident, Output, ParamsString, Salt, SaltString, rand_core::OsRng},
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// The longest password taken: hashing reads all of it.
const MAX_LENGTH: usize = 512;
/// How long the thread waits for more work.
const KEPT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Hasher) + Send>;

/// Where the thread takes its work from; none while there is no thread.
type Desk = Arc<Mutex<Option<mpsc::Sender<Job>>>>;

/// Hashes and checks passwords.
#[derive(Clone, Default)]
pub struct Passwords {
    desk: Desk,
    fast: bool,
}

impl Passwords {
    /// `fast` hashes are for tests: they cost nothing to make, nor to guess.
    pub fn new(fast: bool) -> Self {
        Self {
            desk: Desk::default(),
            fast,
        }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `M_WEAK_PASSWORD` if it is empty or longer than 512 bytes.
    pub async fn hash(&self, password: String) -> Result<String> {
        check(&password)?;
        let params = if self.fast { fast_params() } else { params() };
        self.run(move |hasher| hasher.hash_with(&password, &params))
            .await?
    }

    /// Whether the password fits the hash. Without a hash it takes as long and is false.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.run(move |hasher| hasher.verify(&password, hash.as_deref()))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Hasher) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |hasher| {
            // Nobody waits any more: hashing would only keep others waiting.
            if !answer.is_closed() {
                let _ = answer.send(work(hasher));
            }
        });
        self.hand_in(job)?;
        answered.await.map_err(Error::internal)
    }

    fn hand_in(&self, job: Job) -> Result<()> {
        let mut desk = self.desk.lock();
        let left = match &*desk {
            Some(jobs) => jobs.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = left {
            let (jobs, queue) = mpsc::channel();
            jobs.send(job).map_err(Error::internal)?;
            let shared = self.desk.clone();
            std::thread::Builder::new()
                .name("passwords".to_owned())
                .stack_size(1 << 20)
                .spawn(move || serve(&queue, &shared))
                .map_err(Error::internal)?;
            *desk = Some(jobs);
        }
        Ok(())
    }
}

/// Works until nothing has come for a while.
fn serve(queue: &mpsc::Receiver<Job>, desk: &Desk) {
    let mut hasher = Hasher::default();
    loop {
        let job = queue.recv_timeout(KEPT).ok().or_else(|| {
            // Looked at once more while nobody can hand anything in.
            let mut desk = desk.lock();
            let last = queue.try_recv().ok();
            if last.is_none() {
                *desk = None;
            }
            last
        });
        match job {
            Some(job) => job(&mut hasher),
            None => return,
        }
    }
}

/// Checks that a new password is one we take.
pub fn check(password: &str) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::bad_request(
            ruma::api::error::ErrorKind::WeakPassword,
            why,
        ))
    };
    match password.len() {
        0 => refuse("The password is empty."),
        1..=MAX_LENGTH => Ok(()),
        _ => refuse("The password is longer than 512 bytes."),
    }
}

/// Hashes a password on this thread.
pub fn hash(password: &str) -> Result<String> {
    Hasher::default().hash(password)
}

/// argon2id with the memory it works on.
#[derive(Default)]
struct Hasher {
    blocks: Vec<Block>,
}

impl Hasher {
    fn hash(&mut self, password: &str) -> Result<String> {
        self.hash_with(password, &params())
    }

    fn hash_with(&mut self, password: &str, params: &Params) -> Result<String> {
        let salt = SaltString::generate(&mut OsRng);
        let hash = PasswordHash {
            algorithm: Ident::from(Algorithm::Argon2id),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).map_err(Error::internal)?,
            salt: Some(salt.as_salt()),
            hash: None,
        };
        let output = self
            .output(password, &hash, Params::DEFAULT_OUTPUT_LEN)
            .map_err(Error::internal)?;
        let hash = PasswordHash {
            hash: Some(output),
            ..hash
        };
        Ok(hash.to_string())
    }

    fn verify(&mut self, password: &str, stored: Option<&str>) -> bool {
        let parsed = stored.and_then(|stored| PasswordHash::new(stored).ok());
        let known = parsed.is_some();
        let Some(reference) = parsed.or_else(|| self.decoy()) else {
            return false;
        };
        // A password too long to have been set is not hashed whole, but costs the same.
        let taken = if password.len() > MAX_LENGTH {
            ""
        } else {
            password
        };
        let Some(expected) = reference.hash else {
            return false;
        };
        // `Output` compares in constant time.
        let matches = self
            .output(taken, &reference, expected.len())
            .is_ok_and(|output| output == expected);
        matches && known && taken.len() == password.len()
    }

    /// The hash of `password` with salt and parameters of `like`.
    fn output(
        &mut self,
        password: &str,
        like: &PasswordHash<'_>,
        length: usize,
    ) -> argon2::password_hash::Result<Output> {
        use argon2::password_hash::Error;
        let algorithm = Algorithm::try_from(like.algorithm)?;
        let version = like.version.map_or(Ok(Version::default()), |version| {
            Version::try_from(version).map_err(|_| Error::Version)
        })?;
        let params = Params::try_from(like)?;
        if self.blocks.len() < params.block_count() {
            self.blocks.resize(params.block_count(), Block::default());
        }
        let mut buffer = [0; Salt::MAX_LENGTH];
        let salt = like.salt.ok_or(Error::SaltInvalid(
            argon2::password_hash::errors::InvalidValue::TooShort,
        ))?;
        let salt = salt.decode_b64(&mut buffer)?;
        let argon2 = Argon2::new(algorithm, version, params);
        Output::init_with(length, |out| {
            argon2
                .hash_password_into_with_memory(password.as_bytes(), salt, out, &mut self.blocks)
                .map_err(Into::into)
        })
    }

    /// A hash of nothing anybody knows, so that unknown accounts take the same time as known ones.
    fn decoy(&mut self) -> Option<PasswordHash<'static>> {
        static DECOY: OnceLock<Option<String>> = OnceLock::new();
        let text = DECOY
            .get_or_init(|| self.hash(&super::random::token()).ok())
            .as_deref()?;
        PasswordHash::new(text).ok()
    }
}

/// The parameters OWASP recommends for argon2id: 19 MiB, two passes, one lane.
fn params() -> Params {
    Params::new(19 * 1024, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN)).unwrap_or_default()
}

/// The least there is: 8 KiB, one pass.
fn fast_params() -> Params {
    let least = Params::MIN_M_COST;
    Params::new(least, 1, 1, Some(Params::DEFAULT_OUTPUT_LEN)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Hasher, Passwords, check, hash};

    #[tokio::test]
    async fn a_thread_that_ended_is_replaced() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(passwords.desk.lock().is_some());
        let started = std::time::Instant::now();
        while passwords.desk.lock().is_some() {
            assert!(started.elapsed() < super::KEPT * 4);
            tokio::time::sleep(super::KEPT / 20).await;
        }
        let password = "correct horse".to_owned();
        assert!(passwords.verify(password, Some(stored)).await.unwrap());
    }

    #[test]
    fn a_hash_fits_its_password_only() {
        let mut hasher = Hasher::default();
        let stored = hasher.hash("correct horse").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(hasher.verify("correct horse", Some(&stored)));
        assert!(!hasher.verify("correct horsf", Some(&stored)));
        assert!(!hasher.verify("correct horse", None));
        assert!(!hasher.verify("correct horse", Some("not a hash")));
    }

    #[test]
    fn what_was_hashed_with_a_memory_of_its_own_still_fits() {
        use argon2::{Argon2, PasswordHasher, password_hash::SaltString};
        let salt = SaltString::encode_b64(b"sixteen bytes ok").unwrap();
        let stored = Argon2::default()
            .hash_password(b"correct horse", &salt)
            .unwrap();
        let mut hasher = Hasher::default();
        // What the buffer still holds of another hash must not matter.
        hasher.hash("another").unwrap();
        assert!(hasher.verify("correct horse", Some(&stored.to_string())));
    }

    #[test]
    fn a_too_long_password_never_fits() {
        let longest = "x".repeat(512);
        let stored = hash(&longest).unwrap();
        let mut hasher = Hasher::default();
        assert!(hasher.verify(&longest, Some(&stored)));
        assert!(!hasher.verify(&format!("{longest}y"), Some(&stored)));
    }

    #[test]
    fn empty_and_endless_passwords_are_refused() {
        assert!(check("").is_err());
        assert!(check(&"x".repeat(513)).is_err());
        assert!(check("x").is_ok());
    }
}
