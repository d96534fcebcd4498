//! The sizes thumbnails come in: few, so that nobody can fill the disk with variants.

use ruma::UInt;

use crate::error::{Error, Result};

/// Each side of a thumbnail is one of these, in pixels.
const STEPS: [u32; 10] = [32, 64, 96, 128, 192, 256, 320, 480, 640, 800];

/// How a picture is made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Fills the box; what juts out is cut off.
    Crop,
    /// Fits into the box whole.
    Scale,
}

/// A box and how to fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How the picture is made to fit.
    pub method: Method,
    /// Whether it shall move, if the picture does.
    pub animated: bool,
}

impl ThumbnailSize {
    /// The smallest size on offer that is not below what is asked for.
    ///
    /// # Errors
    /// `M_INVALID_PARAM` for a side of 0.
    pub fn at_least(width: UInt, height: UInt, method: Method) -> Result<Self> {
        Ok(Self {
            width: step(width)?,
            height: step(height)?,
            method,
            animated: false,
        })
    }

    /// The same, moving or not.
    pub fn moving(self, animated: bool) -> Self {
        Self { animated, ..self }
    }

    /// For file names, such as `96x96-crop` or `96x96-crop-moving`.
    pub(super) fn name(self) -> String {
        let method = match self.method {
            Method::Crop => "crop",
            Method::Scale => "scale",
        };
        let moving = if self.animated { "-moving" } else { "" };
        format!("{}x{}-{method}{moving}", self.width, self.height)
    }
}

fn step(asked: UInt) -> Result<u32> {
    let asked = u64::from(asked);
    if asked == 0 {
        return Err(Error::invalid_param(
            "A thumbnail has at least one pixel a side.",
        ));
    }
    let fits = STEPS.into_iter().find(|step| u64::from(*step) >= asked);
    Ok(fits.unwrap_or(STEPS[STEPS.len() - 1]))
}

#[cfg(test)]
mod tests {
    use ruma::uint;

    use super::{Method, ThumbnailSize};

    #[test]
    fn sizes_are_rounded_up_and_bounded() {
        let size = ThumbnailSize::at_least(uint!(33), uint!(5000), Method::Crop).unwrap();
        assert_eq!((size.width, size.height), (64, 800));
        assert!(ThumbnailSize::at_least(uint!(0), uint!(1), Method::Scale).is_err());
    }
}
