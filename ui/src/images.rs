//! Pictures for the rows on the screen: asked for when a row is built, decoded elsewhere, kept within a bound.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
};

use slint::{Image, Rgba8Pixel, SharedPixelBuffer};

/// Bytes of decoded pictures kept here; what is on the screen is held by its rows besides, and the source has a cache
/// of its own.
const BUDGET: usize = 4 * 1024 * 1024;
/// Longest side asked for in a timeline, in logical pixels.
const PICTURE_SIDE: f32 = 480.0;
/// Longest side asked for to fill a window, in logical pixels.
const LARGE_SIDE: f32 = 1600.0;
/// Side of the largest avatar, in logical pixels.
const AVATAR_SIDE: f32 = 96.0;

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
        image: Image,
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
    pub fn avatar(&self, mxc: &str) -> Option<Image> {
        self.get((Shape::Disc, mxc.to_owned()), AVATAR_SIDE)
    }

    /// A picture of the timeline, if it is there.
    pub fn picture(&self, key: &str) -> Option<Image> {
        self.get((Shape::Whole, key.to_owned()), PICTURE_SIDE)
    }

    /// A picture to fill the window with, if it is there.
    pub fn large(&self, key: &str) -> Option<Image> {
        self.get((Shape::Large, key.to_owned()), LARGE_SIDE)
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

    fn get(&self, key: Key, side: f32) -> Option<Image> {
        self.turn.set(self.turn.get() + 1);
        if let Some(entry) = self.entries.borrow_mut().get_mut(&key) {
            return match entry {
                Entry::Ready { image, used, .. } => {
                    *used = self.turn.get();
                    Some(image.clone())
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
        let image = picture.and_then(|picture| match key.0 {
            Shape::Whole | Shape::Large => image_of(&picture),
            Shape::Disc => image_of(&disc(&picture)?),
        });
        let Some((image, bytes)) = image else {
            self.entries.borrow_mut().insert(key, Entry::Absent);
            return;
        };
        let used = self.turn.get();
        self.entries
            .borrow_mut()
            .insert(key.clone(), Entry::Ready { image, bytes, used });
        self.keep_within_budget();
        let listeners: Vec<_> = {
            let mut listeners = self.listeners.borrow_mut();
            listeners.retain(|listener| listener.strong_count() > 0);
            listeners.iter().filter_map(Weak::upgrade).collect()
        };
        listeners.iter().for_each(|heard| heard(&key.1));
    }

    /// Drops the pictures not used for longest until the rest fits.
    fn keep_within_budget(&self) {
        let mut entries = self.entries.borrow_mut();
        let mut held: Vec<(u64, usize, Key)> = entries
            .iter()
            .filter_map(|(key, entry)| match entry {
                Entry::Ready { bytes, used, .. } => Some((*used, *bytes, key.clone())),
                Entry::Asked | Entry::Absent => None,
            })
            .collect();
        let mut total: usize = held.iter().map(|(_, bytes, _)| bytes).sum();
        held.sort_unstable();
        // the newest stays even if it is larger than the budget by itself: it is on the screen
        for (_, bytes, key) in held.iter().take(held.len().saturating_sub(1)) {
            if total <= BUDGET {
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

/// The disc in the middle of a picture, with a soft edge; nothing if the pixels do not match their size.
fn disc(pixels: &Pixels) -> Option<Pixels> {
    let expected = u128::from(pixels.width) * u128::from(pixels.height) * 4;
    if pixels.rgba.len() as u128 != expected {
        return None;
    }
    let side = pixels.width.min(pixels.height);
    let (left, top) = ((pixels.width - side) / 2, (pixels.height - side) / 2);
    let radius = side as f32 / 2.0;
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            let at = (((top + y) * pixels.width + left + x) * 4) as usize;
            let (dx, dy) = (x as f32 + 0.5 - radius, y as f32 + 0.5 - radius);
            let cover = (radius - dx.hypot(dy) + 0.5).clamp(0.0, 1.0);
            let [red, green, blue, alpha] = *pixels.rgba[at..].first_chunk()?;
            rgba.extend([red, green, blue, (f32::from(alpha) * cover) as u8]);
        }
    }
    Some(Pixels {
        rgba: rgba.into(),
        width: side,
        height: side,
    })
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
    fn avatars_are_discs_cut_from_the_middle() {
        let white = Pixels {
            rgba: vec![255; 40 * 20 * 4].into(),
            width: 40,
            height: 20,
        };
        let disc = disc(&white).unwrap();
        let alpha = |x: usize, y: usize| disc.rgba[(y * 20 + x) * 4 + 3];
        assert_eq!((disc.width, disc.height), (20, 20));
        assert_eq!((alpha(0, 0), alpha(19, 19), alpha(10, 10)), (0, 0, 255));
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
