//! Random tokens and names.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng, TryRngCore, distr::Alphanumeric, rngs::OsRng};
use sha2::{Digest, Sha256};

/// A secret of 256 bits that fits into headers and URLs.
pub fn token() -> String {
    let mut bytes = [0_u8; 32];
    // The system's generator fails only before it is seeded; the thread's generator is seeded from it as well.
    if OsRng.try_fill_bytes(&mut bytes).is_err() {
        rand::rng().fill(&mut bytes);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A random name of letters and digits.
pub fn name(length: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

/// A random device id: ten capital letters.
pub fn device_id() -> String {
    let mut rng = rand::rng();
    (0..10)
        .map(|_| char::from(rng.random_range(b'A'..=b'Z')))
        .collect()
}

/// Whether two secrets are the same, in a time that does not tell how far they agree.
pub fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
