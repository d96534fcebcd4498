//! Which renderer draws, and the fonts it needs.

use std::{fmt, str::FromStr, sync::Arc};

use slint::fontique_011::fontique::{Blob, Collection, GenericFamily};

/// How the window is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renderer {
    /// OpenGL ES 2 where a real graphics processor draws it, else software.
    #[default]
    Auto,
    /// OpenGL ES 2 or newer.
    Gl,
    /// The processor alone.
    Software,
}

/// The text names no renderer.
#[derive(Debug, thiserror::Error)]
#[error("no renderer is called \"{0}\"; there are auto, gl and software")]
pub struct UnknownRenderer(String);

impl FromStr for Renderer {
    type Err = UnknownRenderer;

    fn from_str(text: &str) -> Result<Self, UnknownRenderer> {
        match text {
            "auto" => Ok(Self::Auto),
            "gl" => Ok(Self::Gl),
            "software" => Ok(Self::Software),
            other => Err(UnknownRenderer(other.to_owned())),
        }
    }
}

impl fmt::Display for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Gl => "gl",
            Self::Software => "software",
        })
    }
}

/// Lets emoji be seen with the software renderer, which draws outlines only and would leave gaps where the system's
/// emoji font holds pictures: a monochrome font of outlines stands in for it. Call once Slint's platform is chosen.
pub fn use_outline_emoji() {
    let mut fonts: Collection = slint::fontique_011::shared_collection();
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> =
        Arc::new(epaint_default_fonts::NOTO_EMOJI_REGULAR);
    let families = fonts.register_fonts(Blob::new(bytes), None);
    fonts.set_generic_families(
        GenericFamily::Emoji,
        families.iter().map(|(family, _)| *family),
    );
}
