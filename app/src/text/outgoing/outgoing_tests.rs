//! Cases of typed text, written as `typed => formatted body`.

use ruma::user_id;

use super::*;

fn message(text: &str, known: &[Mention]) -> RoomMessageEventContentWithoutRelation {
    match compose(
        text,
        known,
        Destination {
            encrypted: false,
            may_notify_room: true,
        },
    ) {
        Outgoing::Message(content) => content,
        other => panic!("{text:?} became {other:?}"),
    }
}

fn html(text: &str) -> Option<String> {
    match message(text, &[]).msgtype {
        MessageType::Text(text) => text.formatted.map(|formatted| formatted.body),
        MessageType::Emote(emote) => emote.formatted.map(|formatted| formatted.body),
        other => panic!("{other:?}"),
    }
}

#[test]
fn plain_text_has_no_formatted_body() {
    for text in [
        "hello",
        "two\nlines",
        "two\n\nparagraphs",
        "https://example.org/_under_score_",
        "a | b",
        "a || b",
        "1 < 2 && 3 > 2",
        "snake_case_name",
        "/usr/bin is a path",
        "5 * 3 * 2",
    ] {
        assert_eq!(html(text), None, "{text}");
    }
}

#[test]
fn markdown_becomes_html() {
    let cases = [
        (
            "**a** _b_ ~~c~~",
            "<strong>a</strong> <em>b</em> <del>c</del>",
        ),
        ("a\n**b**", "a<br />\n<strong>b</strong>"),
        ("`a<b`", "<code>a&lt;b</code>"),
        (
            "```rust\nfn a() {}\n```",
            "<pre><code class=\"language-rust\">fn a() {}\n</code></pre>",
        ),
        ("# Title", "<h1>Title</h1>"),
        ("> quote", "<blockquote>\n<p>quote</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("a\n\n**b**", "<p>a</p>\n<p><strong>b</strong></p>"),
        ("\\*literal\\*", "*literal*"),
        ("**<b>x</b>**", "<strong>&lt;b&gt;x&lt;/b&gt;</strong>"),
        (
            "[x](https://example.org)",
            "<a href=\"https://example.org\">x</a>",
        ),
        ("[x](javascript:alert(1)) **y**", "x <strong>y</strong>"),
        (
            "![x](https://example.org/i.png)",
            "<a href=\"https://example.org/i.png\">x</a>",
        ),
        (
            "**https://example.org/_a_**",
            "<strong>https://example.org/_a_</strong>",
        ),
        ("a ||secret|| b", "a <span data-mx-spoiler>secret</span> b"),
        (
            "||a **b** c||",
            "<span data-mx-spoiler>a <strong>b</strong> c</span>",
        ),
        (
            "**x** ||a **b||**",
            "<strong>x</strong> ||a <strong>b||</strong>",
        ),
        ("`||code||`", "<code>||code||</code>"),
        ("**a** ||b", "<strong>a</strong> ||b"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn tables_become_html() {
    let html = html("| a | b |\n|---|---|\n| 1 | **2** |").expect("a table is formatted");
    assert!(
        html.contains("<th>a</th>") && html.contains("<td><strong>2</strong></td>"),
        "{html}"
    );
}

#[test]
fn html_typed_stays_text() {
    // A line that begins with markup is text as a whole, so there is nothing to format.
    assert_eq!(html("<script>alert(1)</script> **x**"), None);
    let shown = html("<div onclick=x>\n\n**x**\n").expect("formatted");
    assert_eq!(
        shown,
        "<p>&lt;div onclick=x&gt;\n</p>\n<p><strong>x</strong></p>"
    );
    let shown = html("**x** <i onclick=y>z</i>").expect("formatted");
    assert_eq!(shown, "<strong>x</strong> &lt;i onclick=y&gt;z&lt;/i&gt;");
}

#[test]
fn commands() {
    let content = message("/me waves **slowly**", &[]);
    let MessageType::Emote(emote) = content.msgtype else {
        panic!("not an emote")
    };
    assert_eq!(emote.body, "waves **slowly**");
    assert_eq!(
        emote.formatted.map(|f| f.body).as_deref(),
        Some("waves <strong>slowly</strong>")
    );
    assert_eq!(html("/plain **a**"), None);
    assert_eq!(message("/plain **a**", &[]).msgtype.body(), "**a**");
    assert_eq!(message("//me x", &[]).msgtype.body(), "/me x");
    assert_eq!(message("/meow", &[]).msgtype.body(), "/meow");
    assert!(matches!(
        compose("/me ", &[], Destination::default()),
        Outgoing::Empty
    ));
    assert!(matches!(
        compose("  \n", &[], Destination::default()),
        Outgoing::Empty
    ));
    assert!(matches!(
        compose("/plain  ", &[], Destination::default()),
        Outgoing::Empty
    ));
}

#[test]
fn mentions_are_references() {
    let ada = user_id!("@ada:example.org").to_owned();
    let known = [
        Mention {
            text: "@Ada".into(),
            user_id: user_id!("@other:example.org").to_owned(),
        },
        Mention {
            text: "@Ada <3 *L*".into(),
            user_id: ada.clone(),
        },
    ];
    let content = message("hi @Ada <3 *L*, **you** and @bo:example.org", &known);
    let mentions = content.mentions.clone().expect("mentions are always set");
    assert_eq!(
        mentions
            .user_ids
            .iter()
            .map(|id| id.as_str())
            .collect::<Vec<_>>(),
        ["@ada:example.org", "@bo:example.org"]
    );
    let MessageType::Text(text) = content.msgtype else {
        panic!("not text")
    };
    assert_eq!(text.body, "hi @Ada <3 *L*, **you** and @bo:example.org");
    let html = text.formatted.expect("mentions are formatted").body;
    assert_eq!(
        html,
        "hi <a href=\"https://matrix.to/#/@ada:example.org\">@Ada &lt;3 *L*</a>, <strong>you</strong> and \
         <a href=\"https://matrix.to/#/@bo:example.org\">@bo:example.org</a>"
    );
    // The way back, for an edit.
    assert_eq!(
        mentions_of_html(&html)[0],
        Mention {
            text: "@Ada <3 *L*".into(),
            user_id: ada
        }
    );
}

#[test]
fn mentions_in_code_notify_but_stay_code() {
    let content = message("`@ada:example.org`", &[]);
    let MessageType::Text(text) = content.msgtype else {
        panic!("not text")
    };
    assert_eq!(
        text.formatted.map(|f| f.body).as_deref(),
        Some("<code>@ada:example.org</code>")
    );
}

#[test]
fn the_room_is_mentioned_only_where_allowed() {
    assert!(
        message("@room look", &[])
            .mentions
            .is_some_and(|mentions| mentions.room)
    );
    assert!(
        !message("me@room", &[])
            .mentions
            .is_some_and(|mentions| mentions.room)
    );
    assert!(
        !message("@roommate", &[])
            .mentions
            .is_some_and(|mentions| mentions.room)
    );
    let to = Destination {
        encrypted: true,
        may_notify_room: false,
    };
    let Outgoing::Message(content) = compose("@room look", &[], to) else {
        panic!("not sent")
    };
    assert!(!content.mentions.is_some_and(|mentions| mentions.room));
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_parsed() {
    let begin = std::time::Instant::now();
    let text = "*a ".repeat(70_000);
    match compose(&text, &[], Destination::default()) {
        Outgoing::TooLong { bytes, limit } => {
            assert_eq!(bytes, text.len());
            assert_eq!(limit, 60_000);
        }
        other => panic!("{other:?}"),
    }
    assert!(begin.elapsed() < std::time::Duration::from_millis(200));
    // Fits as typed, not with its formatted body.
    let text = "**a** ".repeat(6_000);
    let to = Destination {
        encrypted: true,
        may_notify_room: false,
    };
    assert!(matches!(compose(&text, &[], to), Outgoing::TooLong { .. }));
    assert!(matches!(
        compose(&"a".repeat(45_000), &[], to),
        Outgoing::Message(_)
    ));
}

#[test]
fn random_text_never_panics() {
    const PIECES: &[&str] = &[
        "||",
        "|",
        "**",
        "_",
        "~~",
        "`",
        "```\n",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "#",
        "[",
        "](",
        ")",
        "!",
        "<b>",
        "</b>",
        "<!--",
        "@ada:example.org",
        "@Ada",
        "https://a.org/_b_",
        "é👩‍👩‍👧",
        "\u{fdd0}0\u{fdd1}",
        "\u{fdd0}",
        "\\",
        "&amp;",
        "text ",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "\0",
        "<https://a.org>",
        "@room",
    ];
    let known = [Mention {
        text: "@Ada".into(),
        user_id: user_id!("@ada:example.org").to_owned(),
    }];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..25 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push_str(PIECES[(seed % PIECES.len() as u64) as usize]);
        }
        if let Outgoing::Message(content) = compose(&text, &known, Destination::default())
            && let MessageType::Text(text) = content.msgtype
            && let Some(formatted) = text.formatted
        {
            assert!(
                !formatted.body.contains('\u{fdd0}'),
                "{:?} => {:?}",
                text.body,
                formatted.body
            );
        }
    }
}
