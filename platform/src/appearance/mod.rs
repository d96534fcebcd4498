//! What the desktop says about looks: light or dark, accent, contrast, text size, motion.

mod fake;
mod portal;

use tokio::sync::watch;

pub use self::{fake::FakeAppearance, portal::PortalAppearance};

/// The desktop's wishes; the default is what holds where nobody states any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SystemAppearance {
    /// Light, dark, or no preference.
    pub scheme: SystemScheme,
    /// Accent colour as 8-bit red, green, blue.
    pub accent: Option<[u8; 3]>,
    /// More contrast is asked for.
    pub high_contrast: bool,
    /// Text size factor, 1.0 normal, within 0.5 and 3.0.
    pub text_scale: f32,
    /// No motion is asked for.
    pub reduced_motion: bool,
}

impl Default for SystemAppearance {
    fn default() -> Self {
        Self {
            scheme: SystemScheme::NoPreference,
            accent: None,
            high_contrast: false,
            text_scale: 1.0,
            reduced_motion: false,
        }
    }
}

/// Light or dark, as the desktop says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemScheme {
    /// Nothing is asked for.
    #[default]
    NoPreference,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// Where the desktop's wishes come from.
pub trait AppearanceSource: Send + Sync + std::fmt::Debug {
    /// The wishes now, and as they change.
    fn watch(&self) -> watch::Receiver<SystemAppearance>;
}
