//! Cases of Matrix HTML, written as `markup => picture`.

use ruma::user_id;

use super::super::{blocks_from_html, plain_text};
use crate::view::room::{Block, Inline, Span};

/// A short picture of blocks: `P text`, `H1 text`, marks as in Markdown.
fn show(blocks: &[Block]) -> String {
    blocks
        .iter()
        .map(show_block)
        .collect::<Vec<_>>()
        .join(" | ")
}

fn show_block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("P {}", show_inline(text)),
        Block::Heading { level, text } => format!("H{level} {}", show_inline(text)),
        Block::Code { language, text } => format!("C[{language}] {text:?}"),
        Block::Quote(blocks) => format!("Q({})", show(blocks)),
        Block::Item {
            depth,
            number,
            text,
        } => {
            let mark = number.map_or("*".to_owned(), |number| format!("{number}."));
            format!("L{depth} {mark} {}", show_inline(text))
        }
        Block::Table { header, rows } => {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| row.iter().map(show_inline).collect::<Vec<_>>().join(","))
                .collect();
            format!("T[{header}] {}", rows.join(";"))
        }
        Block::Spoiler { reason, blocks } => format!("S[{reason}]({})", show(blocks)),
        Block::Rule => "---".into(),
        Block::Image { source, alt } => format!("I {source} {alt}"),
    }
}

fn show_inline(inline: &Inline) -> String {
    inline.spans.iter().map(show_span).collect()
}

fn show_span(span: &Span) -> String {
    let mut text = span.text.replace('\n', "\\n");
    for (on, mark) in [
        (span.bold, "**"),
        (span.italic, "_"),
        (span.strike, "~"),
        (span.underline, "+"),
        (span.code, "`"),
        (span.spoiler, "||"),
    ] {
        if on {
            text = format!("{mark}{text}{mark}");
        }
    }
    if let Some(color) = &span.color {
        text = format!("{{{color} {text}}}");
    }
    match (&span.link, span.mention) {
        (Some(link), None) => format!("[{text}]({link})"),
        (Some(link), Some(us)) => format!("@{}[{text}]({link})", if us { "!" } else { "" }),
        _ => text,
    }
}

fn check(cases: &[(&str, &str)]) {
    for (markup, expected) in cases {
        let blocks = blocks_from_html(markup, Some(user_id!("@me:example.org")));
        assert_eq!(show(&blocks), *expected, "for {markup}");
    }
}

#[test]
fn running_text_and_marks() {
    check(&[
        ("hello", "P hello"),
        ("<p>one</p><p>two</p>", "P one | P two"),
        ("<p>one<p>two", "P one | P two"),
        ("a  \n b", "P a b"),
        ("a<br>b<br/>c", "P a\\nb\\nc"),
        ("<b>a<i>b</i></b>c", "P **a**_**b**_c"),
        (
            "<strong>x</strong> <em>y</em> <del>z</del> <u>w</u>",
            "P **x** _y_ ~z~ +w+",
        ),
        ("<code>a &lt; b</code>", "P `a < b`"),
        ("&amp;&#x1F600;&nbsp;x", "P &\u{1F600}\u{a0}x"),
        ("<span data-mx-color=\"#FF0000\">r</span>", "P {#ff0000 r}"),
        ("<font color=\"#00ff00\">g</font>", "P {#00ff00 g}"),
        ("<font color=\"url(x)\">g</font>", "P g"),
        ("<div>a<div>b</div>c</div>", "P a | P b | P c"),
        ("", ""),
        ("<p></p><p> </p>", ""),
    ]);
}

#[test]
fn blocks() {
    check(&[
        ("<h1>A</h1><h6>B</h6>text", "H1 A | H6 B | P text"),
        ("<h7>A</h7>", "P A"),
        (
            "<pre><code class=\"language-rust\">fn a() {\n  b\n}\n</code></pre>",
            "C[rust] \"fn a() {\\n  b\\n}\"",
        ),
        ("<pre>\n x\n</pre>", "C[] \" x\""),
        (
            "<pre><code class=\"language-<b>\">x</code></pre>",
            "C[] \"x\"",
        ),
        (
            "<blockquote>a<blockquote>b</blockquote></blockquote>c",
            "Q(P a | Q(P b)) | P c",
        ),
        (
            "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>",
            "Q(P a | L0 * b)",
        ),
        ("a<hr>b", "P a | --- | P b"),
        (
            "<details><summary>Why</summary>hidden</details>",
            "S[Why](P hidden)",
        ),
        ("<img src=\"mxc://a/b\" alt=\"cat\">", "I mxc://a/b cat"),
        (
            "x <img data-mx-emoticon src=\"mxc://a/b\" alt=\":cat:\"> y",
            "P x :cat: y",
        ),
        (
            "<img src=\"https://tracker.example/x.png\" alt=\"cat\">",
            "P cat",
        ),
    ]);
}

#[test]
fn lists() {
    check(&[
        ("<ul><li>a</li><li>b</li></ul>", "L0 * a | L0 * b"),
        ("<ul><li>a<li>b</ul>", "L0 * a | L0 * b"),
        (
            "<ol start=\"3\"><li>a</li><li>b</li></ol>",
            "L0 3. a | L0 4. b",
        ),
        ("<ol start=\"x\"><li>a</li></ol>", "L0 1. a"),
        (
            "<ol start=\"18446744073709551615\"><li>a<li>b</ol>",
            "L0 18446744073709551615. a | L0 18446744073709551615. b",
        ),
        (
            "<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>",
            "L0 * a | L1 1. b | L0 * c",
        ),
        ("<ul><li><p>a</p><p>b</p></li></ul>", "L0 * a\\nb"),
        ("<ul><li></li><li>b</li></ul>", "L0 *  | L0 * b"),
        ("<li>stray</li>", "L0 * stray"),
        ("<ul><li><pre>x</pre></li></ul>", "L0 *  | C[] \"x\""),
    ]);
}

#[test]
fn tables() {
    check(&[
        (
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td></td></tr></tbody></table>",
            "T[true] a,b;1,",
        ),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "T[false] 1,2;3"),
        (
            "<table><tr><td><b>x</b><p>y</p></td></tr></table>z",
            "T[false] **x**\\ny | P z",
        ),
        ("<table></table>", ""),
        (
            "<table><tr><td><table><tr><td>in</td></tr></table></td></tr></table>",
            "T[false] in",
        ),
        ("<td>stray</td>", "P stray"),
        ("<table><tr><td>open", "T[false] open"),
    ]);
}

#[test]
fn spoilers() {
    check(&[
        ("<span data-mx-spoiler>x</span>", "P ||x||"),
        (
            "<span data-mx-spoiler=\"the end\">x</span>",
            "P (the end) ||x||",
        ),
        (
            "a <span data-mx-spoiler><b>x</b></span> b",
            "P a ||**x**|| b",
        ),
    ]);
}

#[test]
fn links_and_mentions() {
    check(&[
        (
            "<a href=\"https://example.org/a\">x</a>",
            "P [x](https://example.org/a)",
        ),
        ("<a href=\"javascript:alert(1)\">x</a>", "P x"),
        ("<a href=\"data:text/html,x\">x</a>", "P x"),
        ("<a name=\"x\">x</a>", "P x"),
        (
            "<a href=\"https://matrix.to/#/@me:example.org\">Me</a>",
            "P @![Me](matrix:u/me:example.org)",
        ),
        (
            "<a href=\"matrix:r/room:example.org\">Room</a>",
            "P @[Room](matrix:r/room:example.org)",
        ),
        (
            "see https://example.org",
            "P see [https://example.org](https://example.org/)",
        ),
        (
            "<code>https://example.org</code>",
            "P `https://example.org`",
        ),
        (
            "<a href=\"mailto:a@b.org\">m<b>n</b></a>",
            "P [m](mailto:a@b.org)[**n**](mailto:a@b.org)",
        ),
    ]);
}

#[test]
fn what_must_not_be_shown() {
    check(&[
        (
            "<mx-reply><blockquote>old<hr></blockquote></mx-reply>new",
            "P new",
        ),
        ("<script>alert(1)</script>x", "P x"),
        ("<style>p{}</style>x<iframe src=x>y</iframe>", "P x"),
        ("a<!-- hidden -->b", "P ab"),
        ("<custom onclick=x>kept</custom>", "P kept"),
        ("</b></div></table>x", "P x"),
        ("<b>a</p>b", "P **a\\nb**"),
    ]);
}

#[test]
fn deep_nesting_neither_overflows_nor_loses_text() {
    for tag in [
        "div",
        "blockquote",
        "ul",
        "b",
        "details",
        "table",
        "a href=https://a.org",
        "span data-mx-spoiler",
        "li",
        "pre",
        "x",
    ] {
        let name = tag.split(' ').next().unwrap_or(tag);
        let markup = format!(
            "{}deep{}",
            format!("<{tag}>").repeat(20_000),
            format!("</{name}>").repeat(20_000)
        );
        let blocks = blocks_from_html(&markup, None);
        // The markup is longer than what is looked at, so the text may be cut off, but nothing breaks.
        assert!(
            plain_text(&blocks).replace(['•', ' ', '\n'], "").len() < 100,
            "{tag}"
        );
        let markup = format!(
            "{}deep{}",
            format!("<{tag}>").repeat(1000),
            format!("</{name}>").repeat(1000)
        );
        assert!(
            plain_text(&blocks_from_html(&markup, None)).contains("deep"),
            "{tag}"
        );
    }
}

#[test]
fn sixty_kilobytes_of_line_breaks_are_quick() {
    let begin = std::time::Instant::now();
    let blocks = blocks_from_html(&"<br>x".repeat(13_000), None);
    assert_eq!(plain_text(&blocks).matches('x').count(), 13_000);
    assert!(begin.elapsed() < std::time::Duration::from_secs(2));
}

/// Random mixtures of tags and text, always the same: nothing panics, nothing unsafe comes out.
#[test]
fn random_markup_never_panics() {
    const PIECES: &[&str] = &[
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<ul>",
        "</ul>",
        "<ol start=5>",
        "</ol>",
        "<li>",
        "</li>",
        "<table>",
        "</table>",
        "<tr>",
        "</tr>",
        "<td>",
        "</td>",
        "<th>",
        "<pre>",
        "</pre>",
        "<code class=language-x>",
        "</code>",
        "<blockquote>",
        "</blockquote>",
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<span data-mx-spoiler=r>",
        "</span>",
        "<a href=javascript:x>",
        "<a href='https://e.org'>",
        "</a>",
        "<h3>",
        "</h3>",
        "<hr>",
        "<br>",
        "<img src=mxc://a/b alt=i>",
        "<mx-reply>",
        "</mx-reply>",
        "<script>",
        "</script>",
        "text ",
        "é\u{1F468}\u{200D}\u{1F469}",
        "&amp;",
        "&#0;",
        "&bogus;",
        "<",
        ">",
        "\0",
        "\"",
        "https://example.org/ü ",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<font color=#123456>",
        "</font>",
        "<td",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..3000 {
        let mut markup = String::new();
        for _ in 0..40 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            markup.push_str(PIECES[(seed % PIECES.len() as u64) as usize]);
        }
        let shown = show(&blocks_from_html(&markup, None));
        assert!(!shown.contains("](javascript"), "{markup}");
    }
}
