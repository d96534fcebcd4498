//! Starting with the session by an entry in the autostart directory.
//!
//! Specification: <https://specifications.freedesktop.org/autostart-spec/latest/>

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Background, BackgroundError};
use crate::identity;

/// The entry in a person's autostart directory.
#[derive(Clone, Debug)]
pub struct AutostartFile {
    path: PathBuf,
    program: PathBuf,
}

impl AutostartFile {
    /// An entry in `dir` that starts `program`.
    pub fn new(dir: &Path, program: impl Into<PathBuf>) -> Self {
        let path = dir.join(format!("{}.desktop", identity::APP_ID));
        Self {
            path,
            program: program.into(),
        }
    }

    fn entry(&self) -> String {
        format!(
            "[Desktop Entry]\nType=Application\nName={}\nExec={} --background\nIcon={}\nX-GNOME-Autostart-enabled=true\n",
            identity::NAME,
            quoted(&self.program.to_string_lossy()),
            identity::APP_ID,
        )
    }
}

#[async_trait::async_trait]
impl Background for AutostartFile {
    async fn request(&self, autostart: bool) -> Result<(), BackgroundError> {
        if autostart {
            if let Some(dir) = self.path.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(&self.path, self.entry())?;
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// An argument of an `Exec` line: quoted, and escaped once for the quotes and once for the string.
fn quoted(argument: &str) -> String {
    let mut line = String::from("\"");
    for character in argument.chars() {
        match character {
            '"' | '`' | '$' => line.extend(["\\\\", character.encode_utf8(&mut [0; 4])]),
            '\\' => line.push_str("\\\\\\\\"),
            '%' => line.push_str("%%"),
            other => line.push(other),
        }
    }
    line.push('"');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_entry_comes_and_goes() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("autostart");
        let background = AutostartFile::new(&dir, "/usr/bin/hardline");
        background.request(true).await.unwrap();
        let entry = fs::read_to_string(&background.path).unwrap();
        assert!(
            entry.contains("Exec=\"/usr/bin/hardline\" --background\n"),
            "{entry}"
        );
        background.request(false).await.unwrap();
        background.request(false).await.unwrap();
        assert!(!background.path.exists());
    }

    #[test]
    fn unusual_paths_are_escaped_as_the_specification_says() {
        assert_eq!(quoted("/a b"), "\"/a b\"");
        assert_eq!(quoted("/100%"), "\"/100%%\"");
        assert_eq!(quoted("/$x"), "\"/\\\\$x\"");
        assert_eq!(quoted("/a\\b"), "\"/a\\\\\\\\b\"");
    }
}
