//! Decoded pictures kept in memory, within a bound in bytes: what was used longest ago goes first.

use std::collections::HashMap;

use super::Picture;

/// A picture at a size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub name: String,
    pub width: u32,
    pub height: u32,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct PictureCache {
    budget: usize,
    held: usize,
    turn: u64,
    entries: HashMap<Key, (Picture, u64)>,
}

impl PictureCache {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            held: 0,
            turn: 0,
            entries: HashMap::new(),
        }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Picture> {
        self.turn += 1;
        let (picture, used) = self.entries.get_mut(key)?;
        *used = self.turn;
        Some(picture.clone())
    }

    pub(super) fn insert(&mut self, key: Key, picture: Picture) {
        if picture.rgba.len() > self.budget / 2 {
            return;
        }
        self.turn += 1;
        self.held += picture.rgba.len();
        if let Some((before, _)) = self.entries.insert(key, (picture, self.turn)) {
            self.held -= before.rgba.len();
        }
        while self.held > self.budget {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(key, _)| key.clone());
            let Some((gone, _)) = oldest.and_then(|key| self.entries.remove(&key)) else {
                break;
            };
            self.held -= gone.rgba.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(bytes: usize) -> Picture {
        Picture {
            rgba: vec![0; bytes].into(),
            width: 1,
            height: 1,
        }
    }

    fn key(name: &str) -> Key {
        Key {
            name: name.into(),
            width: 1,
            height: 1,
        }
    }

    #[test]
    fn the_bound_in_bytes_is_kept() {
        let mut cache = PictureCache::new(100);
        for name in ["a", "b", "c"] {
            cache.insert(key(name), picture(30));
        }
        assert!(cache.get(&key("a")).is_some());
        cache.insert(key("d"), picture(30));
        assert!(cache.get(&key("b")).is_none(), "used longest ago");
        assert!(cache.get(&key("a")).is_some());
        assert_eq!(cache.held, 90);
        cache.insert(key("a"), picture(10));
        assert_eq!(cache.held, 70);
        cache.insert(key("huge"), picture(80));
        assert!(cache.get(&key("huge")).is_none());
        assert!(
            cache
                .get(&Key {
                    width: 2,
                    ..key("a")
                })
                .is_none(),
            "another size is another picture"
        );
        cache.clear();
        assert_eq!(cache.held, 0);
    }
}
