//! Pictures for the rows on the screen: asked for when a row is built, decoded elsewhere, kept within a bound.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
};

use image::{RgbaImage, imageops};
use slint::{Image, Rgba8Pixel, SharedPixelBuffer};

/// Bytes of decoded pictures kept here at one physical pixel a logical one; what is on the screen is held by its rows
/// besides, and the source has a cache of its own.
const BUDGET: usize = 4 * 1024 * 1024;
/// Longest side asked for in a timeline, in logical pixels.
const PICTURE_SIDE: f32 = 480.0;
/// Longest side asked for to fill a window, in logical pixels.
const LARGE_SIDE: f32 = 1600.0;
/// Sides an avatar is kept in, in logical pixels, largest first: the software renderer takes the nearest pixel when it
/// shrinks a picture, which frays it.
const AVATAR_SIDES: [f32; 3] = [96.0, 48.0, 32.0];

/// A decoded picture: RGBA, width, height.
#[derive(Clone)]
pub struct Pixels {
    /// Four bytes a pixel.
    pub rgba: Arc<[u8]>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// The answer to a request: nothing if the picture cannot be had.
pub type PixelsFuture = Pin<Box<dyn Future<Output = Option<Pixels>>>>;

/// An avatar in the sizes it is drawn in.
#[derive(Clone)]
pub struct AvatarPictures {
    /// Up to 96 logical pixels.
    pub large: Image,
    /// Up to 52.
    pub medium: Image,
    /// Up to 36.
    pub small: Image,
}

/// Where pictures come from: a key and the largest width and height wanted, in pixels.
pub type Source = Box<dyn Fn(&str, u32, u32) -> PixelsFuture>;

/// What a picture is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    /// As it is, within a box.
    Whole,
    /// As it is, to fill a window.
    Large,
    /// A disc cut out of its middle: the software renderer clips to rectangles only.
    Disc,
}

type Key = (Shape, String);

enum Entry {
    Asked,
    Absent,
    Ready {
        /// One, or those of an avatar, largest first.
        images: Vec<Image>,
        bytes: usize,
        used: u64,
    },
}

/// Hears of every picture that arrived, by its key.
type Listener = dyn Fn(&str);

/// The pictures of a window.
pub struct Images {
    source: Source,
    scale: Cell<f32>,
    entries: RefCell<HashMap<Key, Entry>>,
    turn: Cell<u64>,
    listeners: RefCell<Vec<Weak<Listener>>>,
    this: Weak<Self>,
}

/// Keeps a listener; dropping it ends the listening.
pub struct Listening(#[allow(dead_code, reason = "held for its drop")] Rc<Listener>);

impl Images {
    /// Pictures from this source.
    pub fn new(source: Source) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            source,
            scale: Cell::new(1.0),
            entries: RefCell::default(),
            turn: Cell::default(),
            listeners: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Physical pixels a logical one has on this screen.
    pub fn set_scale(&self, scale: f32) {
        self.scale.set(scale.clamp(1.0, 3.0));
    }

    /// An avatar, if it is there.
    pub fn avatar(&self, mxc: &str) -> Option<AvatarPictures> {
        let images = self.get((Shape::Disc, mxc.to_owned()), AVATAR_SIDES[0])?;
        let [large, medium, small] = images.try_into().ok()?;
        Some(AvatarPictures {
            large,
            medium,
            small,
        })
    }

    /// A picture of the timeline, if it is there.
    pub fn picture(&self, key: &str) -> Option<Image> {
        self.get((Shape::Whole, key.to_owned()), PICTURE_SIDE)?
            .pop()
    }

    /// A picture to fill the window with, if it is there.
    pub fn large(&self, key: &str) -> Option<Image> {
        self.get((Shape::Large, key.to_owned()), LARGE_SIDE)?.pop()
    }

    /// Forgets pictures that filled the window.
    pub fn forget_large(&self) {
        self.entries
            .borrow_mut()
            .retain(|(shape, _), _| *shape != Shape::Large);
    }

    /// Calls `heard` with the key of each picture that arrives from now on.
    pub fn listen(&self, heard: impl Fn(&str) + 'static) -> Listening {
        let heard: Rc<Listener> = Rc::new(heard);
        self.listeners.borrow_mut().push(Rc::downgrade(&heard));
        Listening(heard)
    }

    /// Forgets that pictures could not be had, so that they are asked for again (back online).
    pub fn retry_absent(&self) {
        self.entries
            .borrow_mut()
            .retain(|_, entry| !matches!(entry, Entry::Absent));
    }

    /// Forgets all pictures (signed out, window closed).
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
    }

    fn get(&self, key: Key, side: f32) -> Option<Vec<Image>> {
        self.turn.set(self.turn.get() + 1);
        if let Some(entry) = self.entries.borrow_mut().get_mut(&key) {
            return match entry {
                Entry::Ready { images, used, .. } => {
                    *used = self.turn.get();
                    Some(images.clone())
                }
                Entry::Asked | Entry::Absent => None,
            };
        }
        self.ask(key, side);
        None
    }

    fn ask(&self, key: Key, side: f32) {
        self.entries.borrow_mut().insert(key.clone(), Entry::Asked);
        let pixels = (side * self.scale.get()) as u32;
        let answer = (self.source)(&key.1, pixels, pixels);
        let this = self.this.clone();
        let asked = slint::spawn_local(async move {
            let picture = answer.await;
            if let Some(images) = this.upgrade() {
                images.arrived(key, picture);
            }
        });
        if let Err(error) = asked {
            tracing::error!(%error, "no event loop for a picture");
        }
    }

    fn arrived(&self, key: Key, picture: Option<Pixels>) {
        let drawn = picture.and_then(|picture| match key.0 {
            Shape::Whole | Shape::Large => image_of(&picture).map(|(image, n)| (vec![image], n)),
            Shape::Disc => discs(&picture, self.scale.get()),
        });
        let Some((images, bytes)) = drawn else {
            self.entries.borrow_mut().insert(key, Entry::Absent);
            return;
        };
        let used = self.turn.get();
        self.entries.borrow_mut().insert(
            key.clone(),
            Entry::Ready {
                images,
                bytes,
                used,
            },
        );
        self.keep_within_budget();
        let listeners: Vec<_> = {
            let mut listeners = self.listeners.borrow_mut();
            listeners.retain(|listener| listener.strong_count() > 0);
            listeners.iter().filter_map(Weak::upgrade).collect()
        };
        listeners.iter().for_each(|heard| heard(&key.1));
    }

    /// Drops the pictures not used for longest until the rest fits. One that fills the window stays until it is closed and
    /// does not count: it would push out those behind it, which would ask again and push it out in turn, for ever.
    fn keep_within_budget(&self) {
        let budget = (BUDGET as f32 * self.scale.get().powi(2)) as usize;
        let mut entries = self.entries.borrow_mut();
        let mut held: Vec<(u64, usize, Key)> = entries
            .iter()
            .filter(|((shape, _), _)| *shape != Shape::Large)
            .filter_map(|(key, entry)| match entry {
                Entry::Ready { bytes, used, .. } => Some((*used, *bytes, key.clone())),
                Entry::Asked | Entry::Absent => None,
            })
            .collect();
        let mut total: usize = held.iter().map(|(_, bytes, _)| bytes).sum();
        held.sort_unstable();
        // the newest stays even if it is larger than the budget by itself: it is on the screen
        for (_, bytes, key) in held.iter().take(held.len().saturating_sub(1)) {
            if total <= budget {
                break;
            }
            entries.remove(key);
            total -= bytes;
        }
    }
}

/// A Slint picture and its size in bytes; nothing if the pixels do not match their width and height.
pub fn image_of(pixels: &Pixels) -> Option<(Image, usize)> {
    let bytes = pixels.rgba.len();
    let expected = u128::from(pixels.width) * u128::from(pixels.height) * 4;
    if bytes == 0 || bytes as u128 != expected {
        return None;
    }
    let buffer = SharedPixelBuffer::<Rgba8Pixel>::clone_from_slice(
        &pixels.rgba,
        pixels.width,
        pixels.height,
    );
    Some((Image::from_rgba8(buffer), bytes))
}

/// The disc in the middle of a picture in the sizes of avatars, and their bytes together; nothing if the pixels do not
/// match their size.
fn discs(pixels: &Pixels, scale: f32) -> Option<(Vec<Image>, usize)> {
    let picture = RgbaImage::from_raw(pixels.width, pixels.height, pixels.rgba.to_vec())?;
    let side = pixels.width.min(pixels.height);
    let (left, top) = ((pixels.width - side) / 2, (pixels.height - side) / 2);
    let square = imageops::crop_imm(&picture, left, top, side, side).to_image();
    let (mut images, mut bytes) = (Vec::new(), 0);
    for wanted in AVATAR_SIDES {
        let disc = disc(&square, ((wanted * scale) as u32).clamp(1, side.max(1)));
        let (image, n) = image_of(&disc)?;
        images.push(image);
        bytes += n;
    }
    Some((images, bytes))
}

/// A square picture as a disc of `side` pixels with a soft edge.
fn disc(square: &RgbaImage, side: u32) -> Pixels {
    let mut disc = if side == square.width() {
        square.clone()
    } else {
        imageops::resize(square, side, side, imageops::FilterType::Triangle)
    };
    let radius = side as f32 / 2.0;
    for (x, y, pixel) in disc.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 + 0.5 - radius, y as f32 + 0.5 - radius);
        let cover = (radius - dx.hypot(dy) + 0.5).clamp(0.0, 1.0);
        pixel.0[3] = (f32::from(pixel.0[3]) * cover) as u8;
    }
    Pixels {
        rgba: disc.into_raw().into(),
        width: side,
        height: side,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(side: u32) -> Pixels {
        Pixels {
            rgba: vec![0; (side * side * 4) as usize].into(),
            width: side,
            height: side,
        }
    }

    fn empty() -> Rc<Images> {
        Images::new(Box::new(|_, _, _| Box::pin(std::future::pending())))
    }

    #[test]
    fn pixels_that_do_not_match_their_size_are_refused() {
        assert!(image_of(&pixels(3)).is_some());
        assert!(
            image_of(&Pixels {
                width: 4,
                ..pixels(3)
            })
            .is_none()
        );
        assert!(
            image_of(&Pixels {
                width: u32::MAX,
                height: u32::MAX,
                ..pixels(1)
            })
            .is_none()
        );
        assert!(image_of(&pixels(0)).is_none());
    }

    #[test]
    fn the_pictures_used_last_are_kept_within_the_budget() {
        let images = empty();
        for n in 0..40 {
            images.turn.set(n);
            images.arrived((Shape::Whole, n.to_string()), Some(pixels(512))); // 1 MiB each
        }
        assert_eq!(images.entries.borrow().len(), 4);
        assert!(images.picture("39").is_some());
        assert!(
            !images
                .entries
                .borrow()
                .contains_key(&(Shape::Whole, "0".to_owned()))
        );
    }

    #[test]
    fn a_picture_that_fills_the_window_and_the_one_behind_it_do_not_push_each_other_out() {
        let images = empty();
        images.arrived((Shape::Whole, "a".into()), Some(pixels(480)));
        images.arrived((Shape::Large, "a".into()), Some(pixels(1600)));
        assert!(images.picture("a").is_some());
        assert!(images.large("a").is_some());
        images.forget_large();
        assert_eq!(images.entries.borrow().len(), 1);
    }

    #[test]
    fn avatars_are_discs_cut_from_the_middle_in_several_sizes() {
        let white = Pixels {
            rgba: vec![255; 400 * 200 * 4].into(),
            width: 400,
            height: 200,
        };
        let (images, bytes) = discs(&white, 1.0).unwrap();
        let sides: Vec<u32> = images.iter().map(|image| image.size().width).collect();
        assert_eq!(sides, [96, 48, 32]);
        assert_eq!(bytes, 4 * (96 * 96 + 48 * 48 + 32 * 32));
        for image in images {
            let side = image.size().width;
            let pixels = image.to_rgba8().unwrap();
            let alpha = |x: u32, y: u32| pixels.as_slice()[(y * side + x) as usize].a;
            let (last, middle) = (side - 1, side / 2);
            assert_eq!((alpha(0, 0), alpha(last, last)), (0, 0));
            assert_eq!((alpha(middle, middle), alpha(middle, 1)), (255, 255));
        }
        // smaller ones stay as they are
        let small = discs(&pixels(20), 2.0).unwrap().0;
        assert!(small.iter().all(|image| image.size().width == 20));
    }

    #[test]
    fn who_listens_hears_of_pictures_until_it_is_dropped() {
        let images = empty();
        let heard = Rc::new(RefCell::new(Vec::new()));
        let listening = images.listen({
            let heard = heard.clone();
            move |key| heard.borrow_mut().push(key.to_owned())
        });
        images.arrived((Shape::Disc, "a".into()), Some(pixels(1)));
        images.arrived((Shape::Disc, "absent".into()), None);
        drop(listening);
        images.arrived((Shape::Disc, "b".into()), Some(pixels(1)));
        assert_eq!(*heard.borrow(), ["a"]);
    }
}
