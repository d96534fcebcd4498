//! The addresses of STUN and TURN servers, as webrtcbin wants them.
//!
//! [RFC 7064](https://www.rfc-editor.org/rfc/rfc7064), [RFC 7065](https://www.rfc-editor.org/rfc/rfc7065); webrtcbin puts name
//! and password into the address.

use hardline_media_protocol::IceServer;

/// A server, as webrtcbin wants it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// For its property `stun-server`.
    Stun(String),
    /// For its signal `add-turn-server`.
    Turn(String),
}

/// All of them; `None` for an address that makes no sense.
pub(crate) fn servers(servers: &[IceServer]) -> Vec<Option<Server>> {
    let each = servers
        .iter()
        .flat_map(|server| server.urls.iter().map(move |url| translate(url, server)));
    each.collect()
}

fn translate(url: &str, server: &IceServer) -> Option<Server> {
    let (scheme, place) = url.trim().split_once(':')?;
    let place = place.trim_start_matches('/');
    let (host, query) = match place.split_once('?') {
        Some((host, query)) => (host, Some(query)),
        None => (place, None),
    };
    if !is_host(host) {
        return None;
    }
    match scheme.to_ascii_lowercase().as_str() {
        "stun" => {
            let port = if has_port(host) { "" } else { ":3478" };
            Some(Server::Stun(format!("stun://{host}{port}")))
        }
        scheme @ ("turn" | "turns") => {
            let username = escape(server.username.as_deref().unwrap_or_default());
            let credential = escape(server.credential.as_deref().unwrap_or_default());
            let port = match (has_port(host), scheme) {
                (true, _) => "",
                (false, "turns") => ":5349",
                (false, _) => ":3478",
            };
            let asked = query.and_then(|query| query.strip_prefix("transport="));
            let transport = transport(asked, scheme)?;
            Some(Server::Turn(format!(
                "{scheme}://{username}:{credential}@{host}{port}?transport={transport}"
            )))
        }
        _ => None,
    }
}

fn transport(asked: Option<&str>, scheme: &str) -> Option<&'static str> {
    match (asked, scheme) {
        (Some("udp"), _) | (None, "turn") => Some("udp"),
        (Some("tcp"), _) | (None, _) => Some("tcp"),
        _ => None,
    }
}

/// A port comes after the last colon, unless that is within an IPv6 address.
fn has_port(host: &str) -> bool {
    host.rfind(':') > host.rfind(']')
}

fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !host.is_empty() && host.len() <= 300 && host.chars().all(allowed)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<Server>) {
        let server = IceServer {
            urls: vec![url.to_owned()],
            username: Some("1700:@ada:example.org".to_owned()),
            credential: Some("a/b+c=".to_owned()),
        };
        assert_eq!(servers(&[server]), [expected], "{url}");
    }

    fn turn(rest: &str) -> Option<Server> {
        let (scheme, place) = rest.split_once("//").unwrap();
        let opened = "1700%3A%40ada%3Aexample.org:a%2Fb%2Bc%3D";
        Some(Server::Turn(format!("{scheme}//{opened}@{place}")))
    }

    #[test]
    fn addresses_are_translated() {
        let stun = |url: &str| Some(Server::Stun(url.to_owned()));
        check(
            "stun:stun.example.org",
            stun("stun://stun.example.org:3478"),
        );
        check("stun:[2001:db8::1]", stun("stun://[2001:db8::1]:3478"));
        check(
            "stun:[2001:db8::1]:19302",
            stun("stun://[2001:db8::1]:19302"),
        );
        check(
            "turn:t.example",
            turn("turn://t.example:3478?transport=udp"),
        );
        check(
            "turn:t.example:3479?transport=tcp",
            turn("turn://t.example:3479?transport=tcp"),
        );
        check(
            "turns:t.example",
            turn("turns://t.example:5349?transport=tcp"),
        );
    }

    #[test]
    fn nonsense_is_left_out() {
        for url in [
            "",
            "turn",
            "turn:",
            "http://example.org",
            "turn:a b",
            "turn:u:p@h",
            "stun:\n",
        ] {
            check(url, None);
        }
        check("turn:t.example?transport=pigeon", None);
    }
}
