//! Files of messages: opened in another program, or saved where the person says.

use std::path::{Path, PathBuf};

use matrix_sdk::{
    Client,
    media::{MediaFormat, MediaRequestParameters},
};
use ruma::events::room::MediaSource;

use super::MediaError;

/// Folder for files handed to other programs, inside the system's place for temporary files.
const OPENED: &str = "hardline-opened";

/// Fetches and decrypts a file.
pub(crate) async fn bytes(client: &Client, source: &MediaSource) -> Result<Vec<u8>, MediaError> {
    let request = MediaRequestParameters {
        source: source.clone(),
        format: MediaFormat::File,
    };
    Ok(client.media().get_media_content(&request, true).await?)
}

/// Saves a file where the person said. A file that was there stays whole until the new one is.
pub(crate) async fn save_as(
    client: &Client,
    source: &MediaSource,
    path: &Path,
) -> Result<(), MediaError> {
    let bytes = bytes(client, source).await?;
    let path = path.to_owned();
    let beside = path.with_file_name(format!(".{}.part", random_name()));
    tokio::fs::write(&beside, bytes).await?;
    if let Err(error) = tokio::fs::rename(&beside, &path).await {
        let _ = tokio::fs::remove_file(&beside).await;
        return Err(error.into());
    }
    Ok(())
}

/// Puts a file where another program can open it; only this user can read the folder.
pub(crate) async fn for_opening(
    client: &Client,
    source: &MediaSource,
    name: &str,
) -> Result<PathBuf, MediaError> {
    let bytes = bytes(client, source).await?;
    let folder = private_folder().await?.join(random_name());
    tokio::fs::create_dir(&folder).await?;
    let path = folder.join(file_name(name));
    tokio::fs::write(&path, bytes).await?;
    Ok(path)
}

async fn private_folder() -> Result<PathBuf, MediaError> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = base.join(format!("{OPENED}-{}", rustix::process::getuid().as_raw()));
    let made = folder.clone();
    tokio::task::spawn_blocking(move || {
        match std::fs::DirBuilder::new().mode(0o700).create(&made) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // Somebody else's folder of that name must not get our files.
                let found = std::fs::symlink_metadata(&made)?;
                let ours = found.is_dir() && found.uid() == rustix::process::getuid().as_raw();
                if ours && found.mode() & 0o077 == 0 {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    })
    .await
    .map_err(|_| MediaError::Gone)??;
    Ok(folder)
}

/// A sender's file name as a name in one folder, nothing else.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|c| !c.is_control() && !crate::text::turns_direction(*c))
        .collect();
    let clean = crate::text::cut(clean.trim().trim_start_matches('.'), 120).to_owned();
    if clean.is_empty() {
        "file".to_owned()
    } else {
        clean
    }
}

fn random_name() -> String {
    format!("{:016x}", rand::random::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_cannot_leave_the_folder() {
        for (name, expected) in [
            ("cat.png", "cat.png"),
            ("../../.bashrc", "bashrc"),
            ("/etc/passwd", "passwd"),
            ("C:\\x\\y.exe", "y.exe"),
            ("..", "file"),
            ("", "file"),
            ("a\nb\0.txt", "ab.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\u{2067}gpj.\u{202d}exe\u{2069}", "agpj.exe"),
        ] {
            assert_eq!(file_name(name), expected, "{name}");
        }
        assert!(file_name(&"é".repeat(500)).len() <= 120);
    }
}
