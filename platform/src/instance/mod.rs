//! One process a profile: the lock that says who owns the store, the control socket others reach it by, and
//! activation over D-Bus, by which a second start raises the first one's window.

mod activation;
mod fake;
mod lock;
mod socket;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::{
    activation::{Activation, ActivationError, ActivationRequest, DBusActivation},
    fake::FakeActivation,
    lock::{LockError, ProfileLock},
    socket::{ControlSocket, SocketError, connect, socket_path},
};
use crate::{dirs::ProfileDirs, identity};

/// A short name for a profile, the same for every path that leads to it.
pub fn profile_hash(profile: &Path) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    let canonical = std::fs::canonicalize(profile).unwrap_or_else(|_| profile.to_path_buf());
    let digest = Sha256::digest(canonical.as_os_str().as_bytes());
    digest.iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// The D-Bus name a profile's process owns: the application id, with a suffix unless it is the default profile.
pub fn bus_name(profile: &ProfileDirs) -> String {
    if profile.is_default {
        identity::APP_ID.to_owned()
    } else {
        format!("{}.p{}", identity::APP_ID, profile_hash(&profile.data))
    }
}

/// The object path that goes with [`bus_name`].
pub fn object_path(profile: &ProfileDirs) -> String {
    format!("/{}", bus_name(profile).replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dirs::ProgramDirs;

    #[test]
    fn the_default_profile_owns_the_bare_application_id() {
        let dirs = ProgramDirs::under(Path::new("/nowhere"));
        assert_eq!(bus_name(&dirs.default_profile()), identity::APP_ID);
        assert_eq!(object_path(&dirs.default_profile()), identity::OBJECT_PATH);
    }

    #[test]
    fn other_profiles_get_a_valid_name_of_their_own() {
        let dirs = ProgramDirs::under(Path::new("/nowhere"));
        let [a, b] = ["/a", "/b"].map(|path| bus_name(&dirs.profile_at(Path::new(path))));
        assert_ne!(a, b);
        zbus::names::WellKnownName::try_from(a.as_str()).unwrap();
    }

    #[test]
    fn a_link_to_a_profile_is_the_same_profile() {
        let temp = tempfile::tempdir().unwrap();
        let profile = temp.path().join("profile");
        let link = temp.path().join("link");
        std::fs::create_dir(&profile).unwrap();
        std::os::unix::fs::symlink(&profile, &link).unwrap();
        assert_eq!(profile_hash(&profile), profile_hash(&link));
    }
}
