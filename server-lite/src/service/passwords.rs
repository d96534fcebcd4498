//! Password hashes: argon2id, computed off the runtime's threads, a bounded number at a time.

use std::sync::{Arc, OnceLock};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{SaltString, rand_core::OsRng},
};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Each hash works on 19 MiB; two at once is what a small board can spare.
const MAX_CONCURRENT: usize = 2;
/// The longest password taken: hashing reads all of it.
const MAX_LENGTH: usize = 512;

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
        }
    }
}

impl Passwords {
    /// Hashes a new password.
    ///
    /// # Errors
    /// `M_WEAK_PASSWORD` if it is empty or longer than 512 bytes.
    pub async fn hash(&self, password: String) -> Result<String> {
        check(&password)?;
        self.run(move || hash(&password)).await?
    }

    /// Whether the password fits the hash. Without a hash it takes as long and is false.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.run(move || verify(&password, hash.as_deref())).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::internal)
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
    let salt = SaltString::generate(&mut OsRng);
    let hash = hasher()
        .hash_password(password.as_bytes(), &salt)
        .map_err(Error::internal)?;
    Ok(hash.to_string())
}

fn verify(password: &str, stored: Option<&str>) -> bool {
    let parsed = stored.and_then(|stored| PasswordHash::new(stored).ok());
    let Some(reference) = parsed.or_else(decoy) else {
        return false;
    };
    // A password too long to have been set is not hashed whole, but costs the same.
    let taken = if password.len() > MAX_LENGTH {
        ""
    } else {
        password
    };
    let matches = hasher()
        .verify_password(taken.as_bytes(), &reference)
        .is_ok();
    matches && stored.is_some() && taken.len() == password.len()
}

/// A hash of nothing anybody knows, so that unknown accounts take the same time as known ones.
fn decoy<'a>() -> Option<PasswordHash<'a>> {
    static DECOY: OnceLock<Option<String>> = OnceLock::new();
    let text = DECOY
        .get_or_init(|| hash(&super::random::token()).ok())
        .as_deref()?;
    PasswordHash::new(text).ok()
}

/// The parameters OWASP recommends for argon2id: 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::{check, hash, verify};

    #[test]
    fn a_hash_fits_its_password_only() {
        let stored = hash("correct horse").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horsf", Some(&stored)));
        assert!(!verify("correct horse", None));
        assert!(!verify("correct horse", Some("not a hash")));
    }

    #[test]
    fn a_too_long_password_never_fits() {
        let longest = "x".repeat(512);
        let stored = hash(&longest).unwrap();
        assert!(verify(&longest, Some(&stored)));
        assert!(!verify(&format!("{longest}y"), Some(&stored)));
    }

    #[test]
    fn empty_and_endless_passwords_are_refused() {
        assert!(check("").is_err());
        assert!(check(&"x".repeat(513)).is_err());
        assert!(check("x").is_ok());
    }
}
