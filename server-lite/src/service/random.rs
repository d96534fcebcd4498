//! Random tokens and names.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng, TryRngCore, distr::Alphanumeric, rngs::OsRng};

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
