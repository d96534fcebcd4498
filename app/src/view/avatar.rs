//! Initials and a stable colour for whoever has no picture.

use unicode_segmentation::UnicodeSegmentation as _;

use super::Avatar;
use crate::ids::OwnedMxcUri;

/// Colours in the theme's palette of avatars.
const COLORS: u32 = 8;

impl Avatar {
    /// The avatar of a person or room: `id` gives the colour, `name` the initials.
    pub fn new(id: &str, name: &str, mxc: Option<OwnedMxcUri>) -> Self {
        Self {
            mxc,
            initials: initials(name),
            color: color(id),
        }
    }
}

/// The first letter or digit of the first word, and of the last word if there are several.
fn initials(name: &str) -> String {
    let mut letters = name
        .split_whitespace()
        .filter_map(|word| word.graphemes(true).find(|cluster| is_letter(cluster)));
    let first = letters.next();
    let last = letters.next_back();
    match (first, last) {
        (Some(first), Some(last)) => format!("{}{}", first.to_uppercase(), last.to_uppercase()),
        (Some(first), None) => first.to_uppercase(),
        _ => name
            .graphemes(true)
            .find(|cluster| !cluster.trim().is_empty())
            .unwrap_or("?")
            .to_owned(),
    }
}

fn is_letter(cluster: &str) -> bool {
    cluster.chars().next().is_some_and(char::is_alphanumeric)
}

/// FNV-1a over the id: the same on every device and in every version.
fn color(id: &str) -> u8 {
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    u8::try_from(hash % COLORS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_last_word() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("@bob:example.org", "B"),
            ("#room", "R"),
            ("Jean-Luc de la Tour", "JT"),
            ("🦊 Fox", "F"),
            ("🦊", "🦊"),
            ("", "?"),
            ("ßeta", "SS"),
        ] {
            assert_eq!(initials(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_colour_is_stable_and_in_the_palette() {
        assert_eq!(color("@ada:example.org"), color("@ada:example.org"));
        assert!((0..100).all(|n| color(&format!("!{n}:x")) < 8));
    }
}
