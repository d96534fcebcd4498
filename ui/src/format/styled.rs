//! From [`Inline`] text to Slint's [`StyledText`].
//!
//! Slint 1.18 makes styled text from a subset of Markdown only: `*`, `**`, `~~`, code spans, links, `<u>` and
//! `<font color>`. So each run is written as Markdown with everything escaped that Markdown could read otherwise,
//! and text that still is refused is shown without marks.

use std::fmt::Write;

use hardline_app::view::room::{Inline, Span};
use slint::StyledText;

/// The character Slint puts where text is interpolated; it must not come from outside.
const INTERPOLATION: char = '\u{e541}';
/// Stands next to a mark where Markdown would not take it for one (between a letter and punctuation).
const JOINER: char = '\u{2060}';
/// Drawn for every character of a spoiler that is hidden.
const COVER: char = '█';
/// Where the link over a hidden spoiler leads, followed by the id of its row; no message can bring such a link, since
/// theirs are `https:`, `mailto:` and `matrix:` only.
pub const REVEAL_LINK: &str = "hardline:reveal/";

/// What to do with spoilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilers<'a> {
    /// Show them.
    Shown,
    /// Cover them with a link that reveals this row.
    Covered {
        /// The id of the row.
        row: &'a str,
    },
}

/// `inline` with its marks.
pub fn styled_text(inline: &Inline, spoilers: Spoilers<'_>) -> StyledText {
    if inline.spans.iter().all(is_plain) {
        return StyledText::from_plain_text(&inline.text());
    }
    StyledText::from_markdown(&to_markdown(inline, spoilers)).unwrap_or_else(|error| {
        tracing::warn!(%error, "marked-up text was refused and is shown plain");
        StyledText::from_plain_text(&inline.text())
    })
}

fn is_plain(span: &Span) -> bool {
    *span
        == Span {
            text: span.text.clone(),
            ..Span::default()
        }
}

fn to_markdown(inline: &Inline, spoilers: Spoilers<'_>) -> String {
    let mut out = String::new();
    let mut at_line_start = true;
    for span in &inline.spans {
        for (n, line) in span.text.split('\n').enumerate() {
            if n > 0 {
                // an empty line would end the paragraph and a backslash on it would be text
                if at_line_start {
                    out.push('\u{a0}');
                }
                out.push_str("\\\n");
                at_line_start = true;
            }
            if !line.is_empty() {
                write_run(&mut out, line, span, at_line_start, spoilers);
                at_line_start = false;
            }
        }
    }
    if at_line_start {
        out.push('\u{a0}');
    }
    out
}

/// Writes one run of equal marks that holds no line break.
fn write_run(
    out: &mut String,
    text: &str,
    span: &Span,
    at_line_start: bool,
    spoilers: Spoilers<'_>,
) {
    let reveal_link = match spoilers {
        Spoilers::Covered { row } if span.spoiler => Some(format!("{REVEAL_LINK}{row}")),
        Spoilers::Covered { .. } | Spoilers::Shown => None,
    };
    let hidden = reveal_link.is_some();
    let mut close = Vec::new();
    if let Some(color) = span
        .color
        .as_deref()
        .filter(|color| is_hex_color(color) && !hidden)
    {
        let _ = write!(out, "<font color=\"{color}\">");
        close.push("</font>".to_owned());
    }
    if span.underline && !hidden {
        out.push_str("<u>");
        close.push("</u>".to_owned());
    }
    let marks = [
        (span.strike, "~~"),
        (span.bold || span.mention.is_some(), "**"),
        (span.italic, "*"),
    ];
    let mut open = String::new();
    for (_, mark) in marks.into_iter().filter(|(on, _)| *on && !hidden) {
        open.push_str(mark);
        // `~~**` must not touch: each mark is judged by its neighbours
        let _ = write!(out, "{JOINER}{mark}{JOINER}");
        close.push(format!("{JOINER}{mark}{JOINER}"));
    }
    if let Some(address) = reveal_link.as_deref().or(span.link.as_deref()) {
        out.push('[');
        close.push(format!(
            "](<{}>)",
            escape(&address.replace(['\n', '\r', INTERPOLATION], ""))
        ));
    }
    if hidden {
        out.extend(
            text.chars()
                .map(|c| if c.is_whitespace() { ' ' } else { COVER }),
        );
    } else if span.code {
        write_code(out, text);
    } else {
        write_text(out, text, at_line_start || !open.is_empty());
    }
    close.iter().rev().for_each(|mark| out.push_str(mark));
}

/// Text with spaces kept at its beginning and everything escaped.
fn write_text(out: &mut String, text: &str, keep_indent: bool) {
    let indent = text.len() - text.trim_start().len();
    if keep_indent {
        out.extend(text[..indent].chars().map(|_| '\u{a0}'));
        out.push_str(&escape(&text[indent..]));
    } else {
        out.push_str(&escape(text));
    }
}

fn write_code(out: &mut String, text: &str) {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    let text: String = text
        .chars()
        .map(|c| if c == INTERPOLATION { '\u{fffd}' } else { c })
        .collect();
    // Fences that touch would be one longer fence.
    if out.ends_with('`') {
        out.push(JOINER);
    }
    let _ = write!(out, "{fence}{pad}{text}{pad}{fence}");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            INTERPOLATION => out.push('\u{fffd}'),
            '\r' => {}
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn is_hex_color(color: &str) -> bool {
    color
        .strip_prefix('#')
        .is_some_and(|hex| matches!(hex.len(), 3 | 6) && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(styled: &StyledText) -> String {
        i_slint_core::styled_text::get_raw_text(styled).into_owned()
    }

    /// What is drawn, without what was added to steer the parser.
    fn drawn(inline: &Inline) -> String {
        let styled = StyledText::from_markdown(&to_markdown(inline, Spoilers::Shown))
            .expect("Markdown we wrote");
        raw(&styled).replace(JOINER, "").replace('\u{a0}', " ")
    }

    fn bold(text: &str) -> Span {
        Span {
            text: text.into(),
            bold: true,
            ..Span::default()
        }
    }

    fn plain(text: &str) -> Span {
        Span {
            text: text.into(),
            ..Span::default()
        }
    }

    #[test]
    fn text_that_looks_like_markup_stays_text() {
        for text in [
            "*a* **b** _c_",
            "# no heading",
            "1. one\n- two",
            "<u>x</u> &amp; [a](b)",
            "a\\",
            "`",
            "> q",
            "---",
            "\\",
        ] {
            let inline = Inline {
                spans: vec![plain(text), bold("!")],
            };
            assert_eq!(drawn(&inline), format!("{text}!"));
        }
    }

    #[test]
    fn marks_hold_next_to_punctuation_and_letters() {
        let inline = Inline {
            spans: vec![
                plain("foo"),
                bold("(bar)"),
                plain("baz"),
                bold(" q "),
                plain("x"),
            ],
        };
        let styled = styled_text(&inline, Spoilers::Shown);
        let debug = format!("{styled:?}");
        assert_eq!(debug.matches("Strong").count(), 2, "{debug}");
        assert_eq!(drawn(&inline), "foo(bar)baz q x");
    }

    #[test]
    fn a_link_carries_its_address() {
        let address = "https://example.org/a_(b)?c=<d>&e=f";
        let link = Span {
            text: "here".into(),
            link: Some(address.into()),
            ..Span::default()
        };
        let debug = format!(
            "{:?}",
            styled_text(&Inline { spans: vec![link] }, Spoilers::Shown)
        );
        assert!(debug.contains(address), "{debug}");
    }

    #[test]
    fn spoilers_are_covered_until_revealed() {
        let spoiler = Span {
            text: "the butler".into(),
            spoiler: true,
            ..Span::default()
        };
        let inline = Inline {
            spans: vec![spoiler],
        };
        let covered = styled_text(&inline, Spoilers::Covered { row: "$1:x" });
        assert_eq!(raw(&covered), "███ ██████");
        assert!(format!("{covered:?}").contains("hardline:reveal/$1:x"));
        assert_eq!(
            raw(&styled_text(&inline, Spoilers::Shown)).trim(),
            "the butler"
        );
    }

    fn any_span() -> impl Strategy<Value = Span> {
        let text = prop_oneof![
            "[ -~]{0,12}",
            "[*_~`\\\\<>\\[\\]()#&\n a1.]{0,12}",
            "\\PC{0,8}"
        ];
        let marks = proptest::array::uniform5(any::<bool>());
        (text, marks, proptest::option::of("[a-z:/<>() \\\\]{1,9}")).prop_map(
            |(text, [bold, italic, strike, underline, code], link)| Span {
                text,
                bold,
                italic,
                strike,
                underline,
                code,
                link,
                ..Span::default()
            },
        )
    }

    #[test]
    fn code_beside_code_stays_code() {
        let code = |text: &str| Span {
            text: text.to_owned(),
            code: true,
            ..Span::default()
        };
        let inline = Inline {
            spans: vec![code("0"), code("a")],
        };
        assert_eq!(drawn(&inline).replace(JOINER, ""), "0a");
    }

    proptest! {
        #[test]
        fn no_text_is_lost_whatever_the_marks(spans in proptest::collection::vec(any_span(), 1..5)) {
            let inline = Inline { spans };
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != JOINER && *c != INTERPOLATION && *c != '\u{fffd}').collect::<String>();
            prop_assert_eq!(letters(&drawn(&inline)), letters(&inline.text()));
        }
    }
}
