//! Emoji: which messages are only emoji, and completion of `:name:`.

use unicode_segmentation::UnicodeSegmentation;

/// Whether a text is one to three emoji and nothing else, so that they may be drawn large.
pub fn is_big(text: &str) -> bool {
    let text = text.trim();
    // A family of four with skin tones is 41 bytes; three of them are the most there can be.
    if text.is_empty() || text.len() > 160 {
        return false;
    }
    let mut n_emoji = 0;
    for cluster in text
        .graphemes(true)
        .filter(|cluster| !cluster.trim().is_empty())
    {
        n_emoji += 1;
        if n_emoji > 3 || emojis::get(cluster).is_none() {
            return false;
        }
    }
    true
}

/// An emoji with the name it is completed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The symbol.
    pub symbol: &'static str,
    /// Its short name, without colons.
    pub name: &'static str,
}

/// Emoji whose short name begins with or contains `typed`, best first, at most `limit`.
pub fn complete(typed: &str, limit: usize) -> Vec<Match> {
    let typed = typed.to_lowercase();
    if typed.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, usize, Match)> = Vec::new();
    for (order, emoji) in emojis::iter().enumerate() {
        let best = emoji
            .shortcodes()
            .filter_map(|name| rank(name, &typed).map(|rank| (rank, name)))
            .min();
        if let Some((rank, name)) = best {
            found.push((
                rank,
                order,
                Match {
                    symbol: emoji.as_str(),
                    name,
                },
            ));
        }
    }
    found.sort_by_key(|(rank, order, _)| (*rank, *order));
    found.truncate(limit);
    found.into_iter().map(|(_, _, hit)| hit).collect()
}

/// The emoji of a whole short name, for `:name:` typed out.
pub fn by_name(name: &str) -> Option<&'static str> {
    emojis::get_by_shortcode(name).map(|emoji| emoji.as_str())
}

fn rank(name: &str, typed: &str) -> Option<usize> {
    if name == typed {
        Some(0)
    } else if name.starts_with(typed) {
        Some(1 + name.len())
    } else if name.split('_').any(|part| part.starts_with(typed)) {
        Some(100 + name.len())
    } else {
        name.contains(typed).then_some(200 + name.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_few_emoji_are_big() {
        for text in ["😀", " 👍🏽 ", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "🇩🇪", "❤️"]
        {
            assert!(is_big(text), "{text}");
        }
        for text in ["", " ", "a", "😀a", "😀😀😀😀", "1", "12", "#"] {
            assert!(!is_big(text), "{text}");
        }
    }

    #[test]
    fn completion_prefers_whole_and_beginning() {
        let hits = complete("heart", 5);
        assert_eq!(hits[0].name, "heart");
        assert!(hits.len() == 5);
        assert!(complete("", 5).is_empty());
        assert!(complete("zzzzzz", 5).is_empty());
        assert_eq!(by_name("thumbsup"), by_name("+1"));
    }
}
