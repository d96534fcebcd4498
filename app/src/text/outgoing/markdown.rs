//! Markdown to Matrix HTML. Markup typed as HTML stays text; a line break stays a line break.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::mentions::Found;
use crate::text::safe_link;

/// Stand around the number of something that Markdown must not look into; never valid in interchanged text.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// What a placeholder stands for.
enum Kept {
    Mention { text: String, link: String },
    Address(String),
}

/// HTML of the text, or `None` if it says nothing that the plain text does not.
pub(super) fn to_html(text: &str, mentions: &[Found]) -> Option<String> {
    let (source, kept) = protect(text, mentions);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events: Vec<Event<'_>> = Parser::new_ext(&source, options).map(settle).collect();
    let is_plain = mentions.is_empty() && says_the_same(&source, &events);
    let events = spoilers(events);
    let has_spoiler = events
        .iter()
        .any(|event| matches!(event, Event::InlineHtml(_)));
    if is_plain && !has_spoiler {
        return None;
    }
    let events = drop_unsafe_links(events, &kept);
    let mut out = String::with_capacity(source.len() * 2);
    html::push_html(
        &mut out,
        events.into_iter().flat_map(|event| restore(event, &kept)),
    );
    Some(without_outer_paragraph(out.trim()).to_owned())
}

/// Replaces mentions and bare addresses by placeholders.
fn protect(text: &str, mentions: &[Found]) -> (String, Vec<Kept>) {
    let mut out = String::with_capacity(text.len());
    let mut kept = Vec::new();
    let mut at = 0;
    for found in mentions {
        protect_addresses(&text[at..found.start], &mut out, &mut kept);
        push_placeholder(&mut out, kept.len());
        kept.push(Kept::Mention {
            text: text[found.start..found.end].to_owned(),
            link: found.user_id.matrix_to_uri().to_string(),
        });
        at = found.end;
    }
    protect_addresses(&text[at..], &mut out, &mut kept);
    (out, kept)
}

fn protect_addresses(text: &str, out: &mut String, kept: &mut Vec<Kept>) {
    let mut rest = text;
    while let Some(start) = next_address(rest) {
        let len = rest[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ')' | '"' | '`' | '|'))
            .unwrap_or(rest.len() - start);
        // Marks at the end belong to the text around: **https://example.org**
        let address = rest[start..start + len].trim_end_matches(['*', '_', '~', '.', ',', ']']);
        push_text(out, &rest[..start]);
        push_placeholder(out, kept.len());
        let mut clean = String::with_capacity(address.len());
        push_text(&mut clean, address);
        kept.push(Kept::Address(clean));
        rest = &rest[start + address.len()..];
    }
    push_text(out, rest);
}

/// Where a bare address begins, which is not the target of a link or an autolink.
fn next_address(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("http").map(|at| at + from) {
        let before = text[..at].chars().next_back();
        let is_address = text[at..].starts_with("https://") || text[at..].starts_with("http://");
        if is_address
            && !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '<' | '(' | '"'))
        {
            return Some(at);
        }
        from = at + 4;
    }
    None
}

fn push_text(out: &mut String, text: &str) {
    out.extend(text.chars().filter(|c| !matches!(*c, OPEN | CLOSE | '\0')));
}

fn push_placeholder(out: &mut String, number: usize) {
    out.push(OPEN);
    out.push_str(&number.to_string());
    out.push(CLOSE);
}

/// HTML becomes text, soft breaks become breaks, pictures become links.
fn settle(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::SoftBreak => Event::HardBreak,
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }),
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

/// Whether the events hold paragraphs of exactly the words typed.
fn says_the_same(source: &str, events: &[Event<'_>]) -> bool {
    let mut said = String::with_capacity(source.len());
    for event in events {
        match event {
            Event::Start(Tag::Paragraph) => {}
            Event::End(TagEnd::Paragraph) | Event::HardBreak => said.push('\n'),
            Event::Text(text) => said.push_str(text),
            _ => return false,
        }
    }
    said.split_whitespace().eq(source.split_whitespace())
}

/// A `||` in the text, where it stands and inside what.
struct Bar {
    event: usize,
    offset: usize,
    within: Vec<usize>,
}

/// Pairs of `||` in the same surroundings become spoilers.
fn spoilers(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let bars = find_bars(&events);
    let mut pairs: Vec<(usize, usize, bool)> = Vec::new();
    let mut pending: Option<&Bar> = None;
    for bar in &bars {
        match pending {
            Some(first) if first.within == bar.within && has_content(first, bar) => {
                pairs.push((first.event, first.offset, true));
                pairs.push((bar.event, bar.offset, false));
                pending = None;
            }
            _ => pending = Some(bar),
        }
    }
    if pairs.is_empty() {
        return events;
    }
    let mut out = Vec::with_capacity(events.len() + pairs.len() * 2);
    for (index, event) in events.into_iter().enumerate() {
        let Event::Text(text) = &event else {
            out.push(event);
            continue;
        };
        let mut at = 0;
        for (_, offset, opens) in pairs.iter().filter(|(of, ..)| *of == index) {
            push_piece(&mut out, &text[at..*offset]);
            let tag = if *opens {
                "<span data-mx-spoiler>"
            } else {
                "</span>"
            };
            out.push(Event::InlineHtml(CowStr::Borrowed(tag)));
            at = offset + 2;
        }
        push_piece(&mut out, &text[at..]);
    }
    out
}

fn push_piece(out: &mut Vec<Event<'_>>, text: &str) {
    if !text.is_empty() {
        out.push(Event::Text(text.to_owned().into()));
    }
}

fn has_content(first: &Bar, second: &Bar) -> bool {
    first.event != second.event || second.offset > first.offset + 2
}

fn find_bars(events: &[Event<'_>]) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut within: Vec<usize> = Vec::new();
    let mut in_code = false;
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Start(tag) => {
                in_code |= matches!(tag, Tag::CodeBlock(_));
                within.push(index);
            }
            Event::End(tag) => {
                in_code &= !matches!(tag, TagEnd::CodeBlock);
                within.pop();
            }
            Event::Text(text) if !in_code => {
                bars.extend(text.match_indices("||").map(|(offset, _)| Bar {
                    event: index,
                    offset,
                    within: within.clone(),
                }))
            }
            _ => {}
        }
    }
    bars
}

/// Links that may not be followed lose their link and keep their text.
fn drop_unsafe_links<'a>(events: Vec<Event<'a>>, kept: &[Kept]) -> Vec<Event<'a>> {
    let mut kept_links = Vec::new();
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = plain_restored(&dest_url, kept);
                let target = safe_target(&target);
                kept_links.push(target.is_some());
                Some(Event::Start(Tag::Link {
                    link_type,
                    dest_url: target?.into(),
                    title,
                    id,
                }))
            }
            Event::End(TagEnd::Link) => kept_links.pop().unwrap_or(false).then_some(event),
            other => Some(other),
        })
        .collect()
}

fn safe_target(target: &str) -> Option<String> {
    // `<ada@example.org>` is an autolink without its scheme.
    let target = match target.split_once('@') {
        Some((name, host)) if !name.contains([':', '/']) && host.contains('.') => {
            format!("mailto:{target}")
        }
        _ => target.to_owned(),
    };
    safe_link(&target)?;
    // matrix.to stays as typed: other programs know it better than `matrix:`.
    Some(target)
}

/// Puts back what placeholders stand for.
fn restore<'a>(event: Event<'a>, kept: &[Kept]) -> Vec<Event<'a>> {
    match event {
        Event::Text(text) if text.contains(OPEN) => restore_text(&text, kept),
        Event::Code(text) if text.contains(OPEN) => {
            vec![Event::Code(plain_restored(&text, kept).into())]
        }
        Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(info))) => {
            let info = plain_restored(&info, kept).into();
            vec![Event::Start(Tag::CodeBlock(
                pulldown_cmark::CodeBlockKind::Fenced(info),
            ))]
        }
        other => vec![other],
    }
}

fn restore_text<'a>(text: &str, kept: &[Kept]) -> Vec<Event<'a>> {
    let mut out = Vec::new();
    for piece in pieces(text, kept) {
        match piece {
            Piece::Text(text) => out.push(Event::Text(text.to_owned().into())),
            Piece::Kept(Kept::Address(address)) => out.push(Event::Text(address.clone().into())),
            Piece::Kept(Kept::Mention { text, link }) => {
                out.push(Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url: link.clone().into(),
                    title: CowStr::Borrowed(""),
                    id: CowStr::Borrowed(""),
                }));
                out.push(Event::Text(text.clone().into()));
                out.push(Event::End(TagEnd::Link));
            }
        }
    }
    out
}

fn plain_restored(text: &str, kept: &[Kept]) -> String {
    pieces(text, kept)
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Kept(Kept::Address(text) | Kept::Mention { text, .. }) => text,
        })
        .collect()
}

enum Piece<'t> {
    Text(&'t str),
    Kept(&'t Kept),
}

fn pieces<'t>(text: &'t str, kept: &'t [Kept]) -> impl Iterator<Item = Piece<'t>> {
    text.split_inclusive(CLOSE).flat_map(move |part| {
        let (before, number) = part.split_once(OPEN).unwrap_or((part, ""));
        let kept = number
            .trim_end_matches(CLOSE)
            .parse::<usize>()
            .ok()
            .and_then(|n| kept.get(n));
        [
            (!before.is_empty()).then_some(Piece::Text(before)),
            kept.map(Piece::Kept),
        ]
        .into_iter()
        .flatten()
    })
}

/// One paragraph alone needs no tags around it.
fn without_outer_paragraph(html: &str) -> &str {
    match html
        .strip_prefix("<p>")
        .and_then(|inner| inner.strip_suffix("</p>"))
    {
        Some(inner) if !inner.contains("<p>") => inner,
        _ => html,
    }
}
