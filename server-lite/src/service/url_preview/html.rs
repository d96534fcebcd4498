//! Reading a page's head: its title and its `meta` elements, nothing else.

use serde_json::Value;

use super::Preview;

/// No value is longer than this, in characters.
const MAX_VALUE: usize = 1000;

/// What is passed on, and the older names that stand for it where it is missing.
const WANTED: [(&str, &[&str]); 6] = [
    ("og:title", &["twitter:title"]),
    ("og:description", &["twitter:description", "description"]),
    ("og:site_name", &["application-name"]),
    ("og:type", &[]),
    ("og:url", &[]),
    ("og:locale", &[]),
];

/// What the page says of itself.
pub(super) fn preview(page: &str) -> Preview {
    let mut found = Preview::new();
    let mut title = None;
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (name, attributes, after) = element(rest);
        rest = after;
        match &*name {
            "meta" => {
                let of = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted);
                let name = of("property").or_else(|| of("name"));
                if let (Some((_, name)), Some((_, content))) = (name, of("content")) {
                    found
                        .entry(name.to_lowercase())
                        .or_insert_with(|| Value::String(text(content)));
                }
            }
            "title" if title.is_none() => {
                let end = rest.find('<').unwrap_or(rest.len());
                title = Some(text(&rest[..end]));
            }
            // What is in these is no HTML.
            "script" | "style" => {
                let close = format!("</{name}");
                let end = find_in_any_case(rest, &close);
                rest = &rest[end.unwrap_or(rest.len())..];
            }
            "body" => break,
            _ => {}
        }
    }
    choose(found, title)
}

/// Where `needle` (ASCII) first is, in capitals or not. Copies nothing: a page may hold thousands of scripts.
fn find_in_any_case(text: &str, needle: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(needle.len());
    windows
        .enumerate()
        .find(|(_, window)| window.eq_ignore_ascii_case(needle.as_bytes()))
        .map(|(at, _)| at)
}

fn choose(mut found: Preview, title: Option<String>) -> Preview {
    let mut preview = Preview::new();
    for (name, others) in WANTED {
        let value = std::iter::once(&name)
            .chain(others)
            .find_map(|name| found.remove(*name))
            .or_else(|| {
                title
                    .clone()
                    .filter(|_| name == "og:title")
                    .map(Value::String)
            });
        if let Some(value) = value.filter(|value| value != "") {
            preview.insert(name.to_owned(), value);
        }
    }
    preview
}

/// The name and the attributes of the element that `text` is inside of, and what follows it.
fn element(text: &str) -> (String, Vec<(String, String)>, &str) {
    let end = |c: char| c.is_whitespace() || c == '>' || c == '/';
    let split = text.find(end).unwrap_or(text.len());
    let name = text[..split].to_ascii_lowercase();
    let mut rest = &text[split..];
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (name, attributes, after);
        }
        let split = rest
            .find(|c: char| end(c) || c == '=')
            .unwrap_or(rest.len());
        let key = rest[..split].to_ascii_lowercase();
        rest = rest[split..].trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            // An attribute without a value; or the text has ended, or makes no sense.
            if key.is_empty() {
                return (name, attributes, rest.get(1..).unwrap_or_default());
            }
            continue;
        };
        let (value, after) = value(after.trim_start());
        attributes.push((key, value.to_owned()));
        rest = after;
    }
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>');
    text.split_at(end.unwrap_or(text.len()))
}

/// Text as it is meant: entities resolved, white space made one, not too long.
fn text(raw: &str) -> String {
    let mut resolved = String::new();
    let mut rest = raw;
    while let Some(start) = rest.find('&') {
        resolved.push_str(&rest[..start]);
        rest = &rest[start..];
        let entity = rest.get(1..).and_then(|rest| rest.split_once(';'));
        match entity.and_then(|(name, after)| Some((character(name)?, after))) {
            Some((c, after)) => {
                resolved.push(c);
                rest = after;
            }
            None => {
                resolved.push('&');
                rest = &rest[1..];
            }
        }
    }
    resolved.push_str(rest);
    let words: Vec<&str> = resolved.split_whitespace().collect();
    words.join(" ").chars().take(MAX_VALUE).collect()
}

fn character(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let number = match hex {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?).filter(|c| !c.is_control());
    }
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::preview;

    fn check(page: &str, expected: Value) {
        assert_eq!(Value::Object(preview(page)), expected, "{page}");
    }

    #[test]
    fn a_page_is_taken_at_its_word() {
        check(
            "<!doctype html><html><head><title>\n Tea &amp; more </title>\
             <meta name=description content='Leaves &#8211; green &lt;3'>\
             <META Property=\"og:site_name\" CONTENT=\"Tea\"/></head><body><title>no</title>",
            json!({ "og:title": "Tea & more", "og:description": "Leaves – green <3", "og:site_name": "Tea" }),
        );
    }

    #[test]
    fn what_is_meant_for_previews_goes_before_the_title() {
        check(
            "<title>Long title of the page</title><meta property=og:title content=Short>\
             <meta property=\"og:image\" content=\"http://10.0.0.1/x.png\">",
            json!({ "og:title": "Short" }),
        );
    }

    #[test]
    fn scripts_and_comments_say_nothing() {
        check(
            "<!-- <title>a</title> --><script>'<title>b</title>'</script><style><title>c</title></style><title>d</title>",
            json!({ "og:title": "d" }),
        );
    }

    #[test]
    fn thousands_of_scripts_take_no_longer_than_as_many_bytes() {
        let page = "<SCRIPT>1</Script>".repeat(25_000) + "<title>Tea</title>";
        let started = std::time::Instant::now();
        check(&page, json!({ "og:title": "Tea" }));
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn nonsense_ends() {
        for page in [
            "",
            "<",
            "<<<<",
            "<meta",
            "<meta =",
            "<meta content",
            "<meta content=\"",
            "<title",
            "<title>&",
            "<title>&#xD800;&#99999999;&bogus;</title>",
            "<!--",
            "<script>",
            "<a =>",
            "<meta / / =",
            "<ü ö=ä>",
            "\u{0}<title>\u{7}</title>",
        ] {
            let _ = preview(page);
        }
        let long = format!("<title>{}</title>", "ü".repeat(5000));
        assert_eq!(
            preview(&long)["og:title"].as_str().unwrap().chars().count(),
            1000
        );
    }
}
