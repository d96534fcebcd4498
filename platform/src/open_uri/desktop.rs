//! Opening by the portal, and where there is none by `xdg-open`.
//!
//! Specification: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.OpenURI.html>

use std::{ffi::OsString, path::Path, process::Stdio};

use ashpd::{
    Uri,
    desktop::{ResponseError, open_uri::OpenFileRequest},
};

use super::{OpenError, Opener, may_open};
use crate::{bus::Bus, portal};

/// The portal, or `xdg-open`.
#[derive(Clone, Debug)]
pub struct DesktopOpener {
    bus: Bus,
    fallback: OsString,
}

impl DesktopOpener {
    /// On this bus.
    pub fn new(bus: Bus) -> Self {
        Self::with_fallback(bus, "xdg-open")
    }

    /// With another program than `xdg-open` where there is no portal.
    pub fn with_fallback(bus: Bus, program: impl Into<OsString>) -> Self {
        Self {
            bus,
            fallback: program.into(),
        }
    }

    async fn run_fallback(&self, argument: &std::ffi::OsStr) -> Result<(), OpenError> {
        let status = tokio::process::Command::new(&self.fallback)
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .status()
            .await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(OpenError::Failed(status.to_string())),
            Err(error) => Err(OpenError::Failed(error.to_string())),
        }
    }
}

#[async_trait::async_trait]
impl Opener for DesktopOpener {
    async fn open_uri(&self, uri: &str) -> Result<(), OpenError> {
        if !may_open(uri) {
            return Err(OpenError::Refused);
        }
        let parsed = Uri::parse(uri).map_err(|_| OpenError::Refused)?;
        let bus = self.bus.clone();
        let asked = portal::ask(async move {
            let Ok(connection) = bus.connection().await else {
                return Ok(Asked::NoPortal);
            };
            let request = OpenFileRequest::default().connection(Some(connection));
            Ok(answer(request.send_uri(&parsed).await))
        });
        match asked.await.map_err(OpenError::Failed)? {
            Asked::Done(result) => result,
            Asked::NoPortal => self.run_fallback(uri.as_ref()).await,
        }
    }

    async fn open_file(&self, path: &Path) -> Result<(), OpenError> {
        let path = std::path::absolute(path).map_err(|e| OpenError::Failed(e.to_string()))?;
        let file = std::fs::File::open(&path).map_err(|e| OpenError::Failed(e.to_string()))?;
        let bus = self.bus.clone();
        let asked = portal::ask(async move {
            let Ok(connection) = bus.connection().await else {
                return Ok(Asked::NoPortal);
            };
            let request = OpenFileRequest::default().connection(Some(connection));
            Ok(answer(request.send_file(&file).await))
        });
        match asked.await.map_err(OpenError::Failed)? {
            Asked::Done(result) => result,
            Asked::NoPortal => self.run_fallback(path.as_os_str()).await,
        }
    }
}

enum Asked {
    Done(Result<(), OpenError>),
    NoPortal,
}

fn answer(sent: Result<ashpd::desktop::Request<()>, ashpd::Error>) -> Asked {
    match sent.and_then(|request| request.response()) {
        Ok(()) => Asked::Done(Ok(())),
        Err(ashpd::Error::Response(ResponseError::Cancelled)) => {
            Asked::Done(Err(OpenError::Cancelled))
        }
        // A portal without a backend, or none at all: the person still wants the link opened.
        Err(error) if !portal::is_sandboxed() => {
            tracing::debug!(%error, "the portal opened nothing");
            Asked::NoPortal
        }
        Err(error) => Asked::Done(Err(OpenError::Failed(error.to_string()))),
    }
}
