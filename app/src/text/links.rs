//! Which addresses may be followed, and where they stand in running text.
//!
//! Spec: <https://spec.matrix.org/v1.16/appendices/#uris>

use ruma::{MatrixToUri, MatrixUri, OwnedRoomOrAliasId, OwnedUserId, UserId, matrix_uri::MatrixId};
use url::Url;

use crate::view::room::Span;

/// What a Matrix address points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatrixLink {
    /// A person.
    User(OwnedUserId),
    /// A room, by id or alias.
    Room(OwnedRoomOrAliasId),
    /// An event in a room.
    Event(OwnedRoomOrAliasId, ruma::OwnedEventId),
}

/// The Matrix thing an address points at (`matrix:` or `https://matrix.to/#/`), with its `matrix:` form.
pub fn matrix_link(address: &str) -> Option<(MatrixLink, String)> {
    let (id, via) = if address
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("matrix:"))
    {
        let uri = MatrixUri::parse(address).ok()?;
        (uri.id().clone(), uri.via().to_vec())
    } else {
        let uri = MatrixToUri::parse(address).ok()?;
        (uri.id().clone(), uri.via().to_vec())
    };
    Some(match id {
        MatrixId::User(user) => {
            let uri = user.matrix_uri(false).to_string();
            (MatrixLink::User(user), uri)
        }
        MatrixId::Room(room) => {
            let uri = room.matrix_uri_via(via, false).to_string();
            (MatrixLink::Room(room.into()), uri)
        }
        MatrixId::RoomAlias(alias) => {
            let uri = alias.matrix_uri(false).to_string();
            (MatrixLink::Room(alias.into()), uri)
        }
        MatrixId::Event(room, event) => {
            let uri = match ruma::RoomId::parse(room.as_str()) {
                Ok(room_id) => room_id.matrix_event_uri_via(event.clone(), via).to_string(),
                Err(_) => address.to_owned(),
            };
            (MatrixLink::Event(room, event), uri)
        }
        _ => return None,
    })
}

/// The address if it may be opened: web, mail and Matrix, never a script, a file or anything else.
/// `matrix.to` addresses come back as `matrix:`.
pub fn safe_link(address: &str) -> Option<String> {
    let address = address.trim();
    if address.len() > 4096 || address.chars().any(char::is_control) {
        return None;
    }
    if let Some((_, uri)) = matrix_link(address) {
        return Some(uri);
    }
    let url = Url::parse(address).ok()?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some_and(|host| !host.is_empty()) => {
            Some(url.to_string())
        }
        "mailto" => Some(url.to_string()),
        _ => None,
    }
}

/// Sets link and mention on a span that leads to `address`, if it may be followed.
pub(super) fn set_link(span: &mut Span, address: &str, own: Option<&UserId>) {
    let Some(link) = safe_link(address) else {
        return;
    };
    span.mention = match matrix_link(&link) {
        Some((MatrixLink::User(user), _)) => Some(own.is_some_and(|own| *own == *user)),
        Some((MatrixLink::Room(_), _)) => Some(false),
        _ => None,
    };
    span.link = Some(link);
}

/// Appends `text` to `spans` with the marks of `style`; addresses in it become links.
pub(super) fn push_linkified(
    spans: &mut Vec<Span>,
    text: &str,
    style: &Span,
    own: Option<&UserId>,
) {
    let mut rest = text;
    while let Some((start, end)) = find_address(rest) {
        let address = &rest[start..end];
        let target = if address.starts_with("www.") {
            format!("https://{address}")
        } else {
            address.into()
        };
        let mut span = Span {
            text: address.to_owned(),
            ..style.clone()
        };
        set_link(&mut span, &target, own);
        if span.mention.is_some() {
            span.text = short_name(&target).unwrap_or(span.text);
        }
        push_span(spans, &rest[..start], style);
        if span.link.is_some() {
            spans.push(span);
        } else {
            push_span(spans, address, style);
        }
        rest = &rest[end..];
    }
    push_span(spans, rest, style);
}

/// Appends text, joining it to the last span if the marks are equal.
pub(super) fn push_span(spans: &mut Vec<Span>, text: &str, style: &Span) {
    if text.is_empty() {
        return;
    }
    if let Some(last) = spans.last_mut()
        && last.link.is_none()
        && style.link.is_none()
        && same_marks(last, style)
    {
        last.text.push_str(text);
        return;
    }
    spans.push(Span {
        text: text.to_owned(),
        ..style.clone()
    });
}

fn same_marks(a: &Span, b: &Span) -> bool {
    a.bold == b.bold
        && a.italic == b.italic
        && a.strike == b.strike
        && a.underline == b.underline
        && a.code == b.code
        && a.spoiler == b.spoiler
        && a.color == b.color
        && a.mention == b.mention
}

fn short_name(address: &str) -> Option<String> {
    match matrix_link(address)?.0 {
        MatrixLink::User(user) => Some(user.to_string()),
        MatrixLink::Room(room) => Some(room.to_string()),
        MatrixLink::Event(..) => None,
    }
}

const STARTS: [&str; 5] = ["https://", "http://", "mailto:", "matrix:", "www."];

/// Byte range of the first thing that looks like an address.
fn find_address(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Cheap test first: only these letters begin an address.
        if matches!(bytes[at], b'h' | b'm' | b'w' | b'H' | b'M' | b'W')
            && text.is_char_boundary(at)
            && !before_is_word(text, at)
            && let Some(start) = STARTS.iter().find(|start| starts_with(&bytes[at..], start))
        {
            let end = at + address_len(&text[at..]);
            if end > at + start.len() {
                return Some((at, end));
            }
        }
        at += 1;
    }
    None
}

fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    bytes
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn before_is_word(text: &str, at: usize) -> bool {
    text[..at]
        .chars()
        .next_back()
        .is_some_and(char::is_alphanumeric)
}

/// Length of the address that `text` begins with: up to white space or a quote, without closing punctuation.
fn address_len(text: &str) -> usize {
    let end = text
        .find(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '"' | '`' | '«' | '»' | '“' | '”')
        })
        .unwrap_or(text.len());
    let mut address = &text[..end];
    while let Some(last) = address.chars().next_back() {
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '…' => true,
            ')' => address.matches(')').count() > address.matches('(').count(),
            ']' => address.matches(']').count() > address.matches('[').count(),
            '}' => address.matches('}').count() > address.matches('{').count(),
            _ => false,
        };
        if !drop {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address.len()
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn links(text: &str) -> Vec<String> {
        let mut spans = Vec::new();
        push_linkified(&mut spans, text, &Span::default(), None);
        assert!(!spans.iter().any(|span| span.text.is_empty()));
        spans.into_iter().filter_map(|span| span.link).collect()
    }

    #[test]
    fn addresses_are_found_without_the_punctuation_around_them() {
        let cases: &[(&str, &[&str])] = &[
            ("see https://example.org.", &["https://example.org/"]),
            (
                "(https://example.org/a_(b))",
                &["https://example.org/a_(b)"],
            ),
            ("<http://example.org/x>,", &["http://example.org/x"]),
            ("www.example.org!", &["https://www.example.org/"]),
            ("xhttps://example.org", &[]),
            ("https://", &[]),
            ("mailto:ada@example.org", &["mailto:ada@example.org"]),
            ("javascript:alert(1) file:///etc/passwd", &[]),
            (
                "a https://a.org b https://b.org",
                &["https://a.org/", "https://b.org/"],
            ),
            ("émile https://é.org/ü", &["https://xn--9ca.org/%C3%BC"]),
        ];
        for (text, expected) in cases {
            assert_eq!(links(text), *expected, "{text}");
        }
    }

    #[test]
    fn a_matrix_to_address_is_a_mention() {
        let own = user_id!("@ada:example.org");
        let mut spans = Vec::new();
        let text =
            "hi https://matrix.to/#/@ada:example.org and https://matrix.to/#/%23room:example.org";
        push_linkified(&mut spans, text, &Span::default(), Some(own));
        assert_eq!(spans[1].text, "@ada:example.org");
        assert_eq!(spans[1].mention, Some(true));
        assert_eq!(spans[1].link.as_deref(), Some("matrix:u/ada:example.org"));
        assert_eq!(spans[3].text, "#room:example.org");
        assert_eq!(spans[3].mention, Some(false));
    }

    #[test]
    fn unsafe_schemes_are_refused() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,<script>",
            "file:///etc/passwd",
            "vbscript:x",
            "https://",
            "//example.org",
            "relative/path",
            "https://exa\nmple.org",
            "matrix:",
            "matrix:u/",
        ] {
            assert_eq!(safe_link(address), None, "{address}");
        }
    }
}
