//! The picture on an Xvfb, read from its memory-mapped frame buffer (an XWD file).

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

/// A part of the screen, pixels.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub w: usize,
    /// Height.
    pub h: usize,
}

/// One look at the screen: the green of every second pixel of every second row, enough to tell text from none.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    width: usize,
    green: Vec<u8>,
}

impl Frame {
    /// The share of an area's pixels that are alike in both frames.
    pub fn alike(&self, other: &Self, area: Area) -> f64 {
        let (mut same, mut all) = (0_usize, 0_usize);
        for y in area.y / 2..(area.y + area.h) / 2 {
            let row = y * self.width;
            let range = row + area.x / 2..row + (area.x + area.w) / 2;
            let (Some(a), Some(b)) = (self.green.get(range.clone()), other.green.get(range)) else {
                continue;
            };
            same += a
                .iter()
                .zip(b)
                .filter(|(a, b)| a.abs_diff(**b) <= 12)
                .count();
            all += a.len();
        }
        if all == 0 {
            0.0
        } else {
            same as f64 / all as f64
        }
    }
}

/// The frame buffer.
#[derive(Debug)]
pub struct Screen {
    file: File,
    start: u64,
    stride: usize,
    width: usize,
    height: usize,
}

impl Screen {
    /// Opens the file Xvfb writes with `-fbdir`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0)?;
        // X11/XWDFile.h: 25 big-endian words; colour map entries of 12 bytes follow the header.
        let word = |i: usize| -> u64 {
            u64::from(u32::from_be_bytes([
                header[i * 4],
                header[i * 4 + 1],
                header[i * 4 + 2],
                header[i * 4 + 3],
            ]))
        };
        ensure!(word(1) == 7, "{} is no XWD file", path.display());
        Ok(Self {
            start: word(0) + word(19) * 12,
            width: usize::try_from(word(4))?,
            height: usize::try_from(word(5))?,
            stride: usize::try_from(word(12))?,
            file,
        })
    }

    /// Looks once.
    pub fn look(&self) -> Result<Frame> {
        let mut bytes = vec![0; self.stride * self.height];
        self.file.read_exact_at(&mut bytes, self.start)?;
        let width = self.width / 2;
        let mut green = Vec::with_capacity(width * self.height / 2);
        for row in bytes.chunks_exact(self.stride).step_by(2) {
            green.extend(row[..width * 8].chunks_exact(8).map(|pixels| pixels[1]));
        }
        Ok(Frame { width, green })
    }
}

/// The frames seen while a program ran, each with the time it was first seen.
#[derive(Debug)]
pub struct Film {
    /// Time and picture, oldest first; only changes are kept.
    pub frames: Vec<(Instant, Frame)>,
}

impl Film {
    /// The first time after `from` at which an area looked as it finally does (97 % of its pixels).
    pub fn settled(&self, area: Area, from: Instant) -> Option<Duration> {
        let (_, last) = self.frames.last()?;
        let (at, _) = self
            .frames
            .iter()
            .find(|(at, frame)| *at >= from && frame.alike(last, area) >= 0.97)?;
        Some(at.duration_since(from))
    }

    /// How much of an area changed between `from` and the end.
    pub fn changed(&self, area: Area, from: Instant) -> f64 {
        let before = self
            .frames
            .iter()
            .rev()
            .find(|(at, _)| *at <= from)
            .or(self.frames.first());
        match (before, self.frames.last()) {
            (Some((_, before)), Some((_, last))) => 1.0 - before.alike(last, area),
            _ => 0.0,
        }
    }
}

/// A camera on the screen; [`Camera::stop`] gives the film.
#[derive(Debug)]
pub struct Camera {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Film>>,
}

impl Camera {
    /// Starts filming, a look every 4 ms.
    pub fn start(path: &Path) -> Result<Self> {
        let screen = Screen::open(path)?;
        let (stop, stopped) = watch::channel(false);
        let task = spawn_blocking(move || {
            let mut frames: Vec<(Instant, Frame)> = Vec::new();
            while !*stopped.borrow() {
                let frame = screen.look()?;
                if frames.last().is_none_or(|(_, last)| *last != frame) {
                    frames.push((Instant::now(), frame));
                }
                std::thread::sleep(Duration::from_millis(4));
            }
            Ok(Film { frames })
        });
        Ok(Self { stop, task })
    }

    /// Stops filming.
    pub async fn stop(self) -> Result<Film> {
        self.stop.send(true).ok().context("the camera broke")?;
        self.task.await?
    }
}
