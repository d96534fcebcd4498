//! The way between a command that is being carried out and whoever gave it.

use tokio::sync::mpsc;
use zeroize::Zeroize;

/// Told while a command is carried out.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waiting for a rate limit, so many seconds more.
    Waiting(u32),
    /// A line of `watch`, a step of `verify`.
    Line(serde_json::Value),
}

/// What a command tells, and what the person types to it.
#[derive(Debug)]
pub struct Link {
    progress: mpsc::UnboundedSender<Progress>,
    input: mpsc::UnboundedReceiver<String>,
}

/// The other end of a [`Link`].
#[derive(Debug)]
pub struct Peer {
    /// What the command tells.
    pub progress: mpsc::UnboundedReceiver<Progress>,
    /// Lines typed to it; dropping it is the end of input.
    pub input: mpsc::UnboundedSender<String>,
}

impl Link {
    /// Both ends.
    pub fn pair() -> (Self, Peer) {
        let (progress, progress_out) = mpsc::unbounded_channel();
        let (input_in, input) = mpsc::unbounded_channel();
        (
            Self { progress, input },
            Peer {
                progress: progress_out,
                input: input_in,
            },
        )
    }

    /// Tells a line; false if nobody listens any more.
    pub(super) fn line(&self, value: serde_json::Value) -> bool {
        self.progress.send(Progress::Line(value)).is_ok()
    }

    /// Resolves when nobody listens any more.
    pub(super) async fn closed(&self) {
        self.progress.closed().await;
    }

    /// The next line typed; `None` at the end of input.
    pub(super) async fn input(&mut self) -> Option<String> {
        self.input.recv().await
    }

    /// For [`crate::rate_limit`]: told once a second.
    pub(super) fn waiting(&self) -> impl Fn(Option<u32>) + Send + Sync + 'static {
        let progress = self.progress.clone();
        move |left| {
            if let Some(seconds) = left {
                let _ = progress.send(Progress::Waiting(seconds));
            }
        }
    }
}

/// A password, key or token on its way; wiped when dropped, never shown by `Debug`.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text; do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
