//! Which renderer draws, the fonts it needs, and what only the windowing system knows of a window.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use hardline_views::MainWindow;
use slint::{
    BackendSelector, ComponentHandle, PlatformError, SetRenderingNotifierError,
    fontique_011::fontique::{Blob, GenericFamily},
    winit_030::{EventResult, WinitWindowAccessor, winit::event::WindowEvent},
};

/// Noto Emoji, regular weight, all emoji of Unicode 15 (SIL Open Font License, `ui/assets/NotoEmoji-OFL.txt`). Mapped with
/// the program and paged in glyph by glyph.
const OUTLINE_EMOJI: &[u8] = include_bytes!("../assets/NotoEmoji-Regular.ttf");

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

/// Chooses Slint's backend and renderer; `SLINT_BACKEND` goes over `Auto`. Fails where there is no display.
pub fn select(renderer: Renderer) -> Result<(), PlatformError> {
    let renderer = match renderer {
        Renderer::Auto if std::env::var_os("SLINT_BACKEND").is_some() => {
            return BackendSelector::new().select();
        }
        Renderer::Auto if has_graphics_processor(Path::new("/sys/class/drm")) => Renderer::Gl,
        Renderer::Auto => Renderer::Software,
        chosen => chosen,
    };
    let name = if renderer == Renderer::Gl {
        "femtovg"
    } else {
        "software"
    };
    BackendSelector::new()
        .backend_name("winit".to_owned())
        .renderer_name(name.to_owned())
        .select()
}

/// Whether a processor for graphics draws OpenGL. Mesa's software OpenGL takes twice the memory of Slint's own
/// software renderer and is no faster, so it does not count.
fn has_graphics_processor(drm: &Path) -> bool {
    /// Drivers that show pictures and draw none.
    const SHOW_ONLY: [&str; 10] = [
        "vkms",
        "vgem",
        "bochs-drm",
        "qxl",
        "cirrus",
        "mgag200",
        "ast",
        "simpledrm",
        "udl",
        "virtio_gpu",
    ];
    if std::env::var("LIBGL_ALWAYS_SOFTWARE").is_ok_and(|value| value == "1" || value == "true") {
        return false;
    }
    let Ok(nodes) = fs::read_dir(drm) else {
        return false;
    };
    nodes
        .flatten()
        .filter(|node| node.file_name().to_string_lossy().starts_with("renderD"))
        .filter_map(|node| fs::read_link(node.path().join("device/driver")).ok())
        .filter_map(|driver| Some(driver.file_name()?.to_string_lossy().into_owned()))
        .any(|driver| !SHOW_ONLY.contains(&driver.as_str()))
}

/// Makes a new window ready to be shown by whichever renderer it got.
pub fn prepare(ui: &MainWindow) {
    if is_software(ui) {
        use_outline_emoji();
    }
}

/// What draws this window, for the "about" page.
pub fn name(ui: &MainWindow) -> &'static str {
    if is_software(ui) {
        "software"
    } else {
        "OpenGL ES"
    }
}

/// Only renderers that draw with a graphics interface let us listen to their frames; asked a second time they say that
/// somebody listens already.
fn is_software(ui: &MainWindow) -> bool {
    matches!(
        ui.window().set_rendering_notifier(|_, _| ()),
        Err(SetRenderingNotifierError::Unsupported)
    )
}

/// Lets emoji be seen with the software renderer, which draws outlines only and would leave gaps where the system's
/// emoji font holds pictures: a monochrome font of outlines stands in for it. Call once Slint's platform is chosen.
pub fn use_outline_emoji() {
    let mut fonts = slint::fontique_011::shared_collection();
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(OUTLINE_EMOJI);
    let registered = fonts.register_fonts(Blob::new(bytes), None);
    let emoji: Vec<_> = registered.iter().map(|(family, _)| *family).collect();
    fonts.set_generic_families(GenericFamily::Emoji, emoji.iter().copied());
    // The system's lists for text name its picture font as well, and are searched before the one for emoji.
    for generic in [
        GenericFamily::SansSerif,
        GenericFamily::SystemUi,
        GenericFamily::Monospace,
    ] {
        let first = fonts.generic_families(generic).next();
        fonts.set_generic_families(generic, first.into_iter().chain(emoji.iter().copied()));
    }
}

/// Asks for the keyboard focus, as far as the windowing system allows it.
pub fn focus(ui: &MainWindow) {
    ui.window().with_winit_window(|window| {
        window.set_minimized(false);
        window.focus_window();
    });
}

/// What the windowing system tells of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowNews {
    /// It came to the front or left it.
    Active(bool),
    /// Files are dragged over it, or no longer.
    FilesOver(bool),
    /// A file was dropped on it.
    Dropped(PathBuf),
    /// A key, a press or a touch.
    Used,
}

/// Calls `told` with what the windowing system tells of the window. Files are dropped on X11 only, so far: winit 0.30
/// does not do it on Wayland.
///
/// `heard` gets each event as it comes, before Slint does.
pub fn on_event(
    ui: &MainWindow,
    heard: impl Fn(&WindowEvent) + 'static,
    told: impl Fn(WindowNews) + 'static,
) {
    ui.window().on_winit_window_event(move |_, event| {
        heard(event);
        match event {
            WindowEvent::Focused(active) => told(WindowNews::Active(*active)),
            WindowEvent::HoveredFile(_) => told(WindowNews::FilesOver(true)),
            WindowEvent::HoveredFileCancelled => told(WindowNews::FilesOver(false)),
            WindowEvent::DroppedFile(path) => told(WindowNews::Dropped(path.clone())),
            WindowEvent::KeyboardInput { .. }
            | WindowEvent::Ime(_)
            | WindowEvent::MouseInput { .. }
            | WindowEvent::Touch(_) => told(WindowNews::Used),
            _ => {}
        }
        EventResult::Propagate
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drm_with(driver: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("renderD128/device");
        fs::create_dir_all(&device).unwrap();
        std::os::unix::fs::symlink(format!("../../../bus/{driver}"), device.join("driver"))
            .unwrap();
        dir
    }

    #[test]
    fn only_drivers_that_draw_count_as_graphics_processors() {
        assert!(has_graphics_processor(drm_with("etnaviv").path()));
        assert!(has_graphics_processor(drm_with("panfrost").path()));
        assert!(!has_graphics_processor(drm_with("vgem").path()));
        assert!(!has_graphics_processor(Path::new("/nowhere")));
    }

    #[test]
    fn renderers_have_the_names_the_command_line_takes() {
        for renderer in [Renderer::Auto, Renderer::Gl, Renderer::Software] {
            assert_eq!(renderer.to_string().parse::<Renderer>().unwrap(), renderer);
        }
        assert!("skia".parse::<Renderer>().is_err());
    }
}
