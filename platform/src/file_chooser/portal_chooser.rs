//! The file chooser of the portal.
//!
//! Specification: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.FileChooser.html>

use std::path::PathBuf;

use ashpd::desktop::{
    Request, ResponseError,
    file_chooser::{FileFilter, SelectedFiles},
};

use super::{ChooserError, FileChooser, OpenQuestion};
use crate::{bus::Bus, portal};

/// The portal's chooser.
#[derive(Clone, Debug)]
pub struct PortalFileChooser {
    bus: Bus,
}

impl PortalFileChooser {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait::async_trait]
impl FileChooser for PortalFileChooser {
    async fn open(&self, question: OpenQuestion) -> Result<Vec<PathBuf>, ChooserError> {
        let connection = self
            .bus
            .connection()
            .await
            .map_err(|_| ChooserError::Absent)?;
        let asked = portal::ask(async move {
            let filters = question.filters.iter().map(|(name, types)| {
                types
                    .iter()
                    .fold(FileFilter::new(name), |filter, kind| filter.mimetype(kind))
            });
            let request = SelectedFiles::open_file()
                .title(question.title.as_str())
                .multiple(question.multiple)
                .modal(true)
                .filters(filters)
                .connection(Some(connection));
            Ok(chosen(request.send().await))
        });
        asked.await.map_err(ChooserError::Failed)?
    }

    async fn save(&self, title: &str, name: &str) -> Result<PathBuf, ChooserError> {
        let connection = self
            .bus
            .connection()
            .await
            .map_err(|_| ChooserError::Absent)?;
        let (title, name) = (title.to_owned(), name.to_owned());
        let asked = portal::ask(async move {
            let request = SelectedFiles::save_file()
                .title(title.as_str())
                .current_name(name.as_str())
                .modal(true)
                .connection(Some(connection));
            Ok(chosen(request.send().await))
        });
        let files = asked.await.map_err(ChooserError::Failed)??;
        files.into_iter().next().ok_or(ChooserError::Cancelled)
    }
}

fn chosen(
    sent: Result<Request<SelectedFiles>, ashpd::Error>,
) -> Result<Vec<PathBuf>, ChooserError> {
    match sent.and_then(|request| request.response()) {
        Ok(files) => files.uris().iter().map(|uri| path(uri.as_str())).collect(),
        Err(ashpd::Error::Response(ResponseError::Cancelled)) => Err(ChooserError::Cancelled),
        Err(ashpd::Error::PortalNotFound(_)) => Err(ChooserError::Absent),
        Err(ashpd::Error::Zbus(error) | ashpd::Error::Portal(ashpd::PortalError::ZBus(error)))
            if crate::bus::is_absent(&error) =>
        {
            Err(ChooserError::Absent)
        }
        Err(error) => Err(ChooserError::Failed(error.to_string())),
    }
}

/// The path of a `file:` address; others (a share, a phone) are not files we can read.
fn path(uri: &str) -> Result<PathBuf, ChooserError> {
    use std::os::unix::ffi::OsStringExt;
    let unreadable = || ChooserError::Failed("not a local file".to_owned());
    let rest = uri.strip_prefix("file://").ok_or_else(unreadable)?;
    let encoded = &rest[rest.find('/').ok_or_else(unreadable)?..];
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        match tail.get(..2).filter(|_| byte == b'%').and_then(hex) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_addresses_become_paths() {
        assert_eq!(
            path("file:///a%20b/%C3%A9").unwrap(),
            PathBuf::from("/a b/é")
        );
        assert_eq!(path("file://host/x").unwrap(), PathBuf::from("/x"));
        assert_eq!(path("file:///100%").unwrap(), PathBuf::from("/100%"));
        assert!(path("smb://host/x").is_err());
        assert!(path("file:").is_err());
    }
}
