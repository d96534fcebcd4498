//! Looks a JSON body over before anybody reads it. Parsers skip what they do not want without looking, and what is kept
//! as it came goes to others, who look: strings that stand for half a character, and nesting that exhausts their stack.

use ruma::api::error::ErrorKind;

use crate::error::{Error, Result};

/// How deep arrays and objects may lie in each other.
const MAX_DEPTH: usize = 100;

/// Checks that a body is UTF-8 and an object, if it is not empty, that its strings stand for whole characters, and that
/// it is not nested too deep.
///
/// # Errors
/// `M_NOT_JSON`, `M_BAD_JSON`.
pub fn check(body: &[u8]) -> Result<()> {
    let not_text = || {
        let text = "The body is not UTF-8, or a string in it is no text.";
        Error::bad_request(ErrorKind::NotJson, text)
    };
    let text = std::str::from_utf8(body).map_err(|_| not_text())?;
    let seen = look_over(body);
    if seen.depth > MAX_DEPTH {
        let text = format!("The body is nested deeper than {MAX_DEPTH} levels.");
        return Err(Error::bad_json(text));
    }
    // serde would take an array of the fields' values as well.
    let first = text.trim_start().bytes().next();
    if first.is_some_and(|first| first != b'{') {
        return Err(if is_json(body) {
            Error::bad_json("The body is no JSON object.")
        } else {
            not_json()
        });
    }
    if seen.has_surrogates && serde_json::from_str::<serde_json::Value>(text).is_err() {
        return Err(not_text());
    }
    Ok(())
}

/// Whether a body, if there is one, is JSON at all.
pub fn is_json(body: &[u8]) -> bool {
    body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// 400 `M_NOT_JSON`.
pub fn not_json() -> Error {
    Error::bad_request(ErrorKind::NotJson, "The body is no JSON.")
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The deepest nesting.
    depth: usize,
    /// Whether an escape stands for half a character; with the other half beside it that is right.
    has_surrogates: bool,
}

/// One pass, which holds for JSON and does no harm to anything else.
fn look_over(body: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let (mut depth, mut in_string) = (0_usize, false);
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                seen.has_surrogates |= matches!(
                    rest,
                    [
                        b'u',
                        b'd' | b'D',
                        b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
                        ..,
                    ]
                );
                rest = rest.get(1..).unwrap_or_default();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                seen.depth = seen.depth.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn strings_stand_for_whole_characters() {
        for good in [
            "",
            "{}",
            r#"{"a":"\ud83d\ude00"}"#,
            r#"{"a":"\u00e9 \\ud800"}"#,
        ] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [r#"{"a":"\ud800"}"#, r#"{"a":["\uDC00x"]}"#] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_body_is_an_object() {
        assert!(check(b" \n{}").is_ok());
        for (bad, errcode) in [("[]", "BadJson"), ("null", "BadJson"), ("x", "NotJson")] {
            let error = check(bad.as_bytes()).unwrap_err();
            assert_eq!(format!("{:?}", error.kind().unwrap()), errcode, "{bad}");
        }
    }

    #[test]
    fn nesting_has_an_end_and_brackets_in_strings_are_none() {
        let nested = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
        assert!(check(nested(99).as_bytes()).is_ok());
        assert!(check(nested(100).as_bytes()).is_err());
        assert!(check(format!("{{\"a\":[{}0]}}", "[],".repeat(500)).as_bytes()).is_ok());
        assert!(check(format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(500)).as_bytes()).is_ok());
    }
}
