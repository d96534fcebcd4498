//! Patterns as in lists of users and servers: `*` stands for any characters, `?` for one.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#glob-style-matching>

/// Whether all of `text` fits `pattern`. Takes time proportional to the product of their lengths at worst.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and up to where it reaches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            (p, t) = (at + 1, reach + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_and_question_marks_stand_for_what_they_should() {
        let cases = [
            ("@ada:hs.test", "@ada:hs.test", true),
            ("@ada:*", "@ada:hs.test", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "é", true),
            ("?", "", false),
            ("*.hs.test", "x.hs.test", true),
            ("*.hs.test", "hs.test", false),
            ("a*b*c", "axxbxxbc", true),
            ("a*b*c", "axxbxxcb", false),
            ("*spam*", "all the spam here", true),
            ("a.c", "abc", false),
        ];
        for (pattern, text, wanted) in cases {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let text = "a".repeat(2000);
        assert!(!fits(&format!("{}b", "*a".repeat(200)), &text));
    }
}
