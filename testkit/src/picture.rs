//! What is on a screen, pixel by pixel.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result, ensure};

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// A part of a picture: left, top, width, height.
pub type Area = (usize, usize, usize, usize);

/// A picture of a screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Picture {
    /// Reads the frame buffer that Xvfb keeps in a file (X11/XWDFile.h: big-endian words, then the color map, then
    /// 32-bit pixels, blue first).
    pub fn from_xwd(path: &Path) -> Result<Self> {
        let bytes = fs::read(path)?;
        let word = |at: usize| -> Result<usize> {
            let word = bytes.get(at * 4..at * 4 + 4).context("a short header")?;
            Ok(usize::try_from(u32::from_be_bytes(word.try_into()?))?)
        };
        ensure!(word(1)? == 7, "{} is no XWD file", path.display());
        let (width, height, stride) = (word(4)?, word(5)?, word(12)?);
        let start = word(0)? + word(19)? * 12;
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            let from = start + row * stride;
            let row = bytes.get(from..from + width * 4).context("short pixels")?;
            pixels.extend(row.chunks_exact(4).map(|p| [p[2], p[1], p[0]]));
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// Reads a PNG file.
    pub fn from_png(path: &Path) -> Result<Self> {
        let picture = image::open(path)
            .with_context(|| path.display().to_string())?
            .into_rgb8();
        Ok(Self {
            width: usize::try_from(picture.width())?,
            height: usize::try_from(picture.height())?,
            pixels: picture.pixels().map(|pixel| pixel.0).collect(),
        })
    }

    /// Writes it as PNG, to be looked at.
    pub fn save(&self, path: &Path) -> Result<()> {
        image::save_buffer(
            path,
            self.pixels.as_flattened(),
            u32::try_from(self.width)?,
            u32::try_from(self.height)?,
            image::ExtendedColorType::Rgb8,
        )?;
        Ok(())
    }

    /// The color at a place; black outside.
    pub fn at(&self, x: usize, y: usize) -> Rgb {
        let inside = x < self.width && y < self.height;
        let found = inside.then(|| self.pixels.get(y * self.width + x));
        found.flatten().copied().unwrap_or_default()
    }

    /// How many different colors an area has.
    pub fn colors(&self, area: Area) -> usize {
        self.of(area).collect::<HashSet<_>>().len()
    }

    /// How many pixels of an area `wanted` takes.
    pub fn count(&self, area: Area, wanted: impl Fn(Rgb) -> bool) -> usize {
        self.of(area).filter(|&rgb| wanted(rgb)).count()
    }

    /// The whole of it.
    pub fn whole(&self) -> Area {
        (0, 0, self.width, self.height)
    }

    fn of(&self, (x, y, width, height): Area) -> impl Iterator<Item = Rgb> {
        let rows = y.min(self.height)..(y + height).min(self.height);
        let (from, to) = (x.min(self.width), (x + width).min(self.width));
        rows.flat_map(move |row| {
            self.pixels[row * self.width + from..row * self.width + to]
                .iter()
                .copied()
        })
    }
}

/// Whether two colors are alike but for rounding.
pub fn alike(a: Rgb, b: Rgb) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 3)
}
