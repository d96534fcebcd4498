//! Registration files of application services.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#registration>; keys that are not in it yet:
//! [MSC2409](https://github.com/matrix-org/matrix-spec-proposals/pull/2409),
//! [MSC3202](https://github.com/matrix-org/matrix-spec-proposals/pull/3202),
//! [MSC4190](https://github.com/matrix-org/matrix-spec-proposals/pull/4190).

use std::path::{Path, PathBuf};

use regex::Regex;
use ruma::{OwnedUserId, ServerName, UserId};
use serde::{Deserialize, Deserializer};
use url::Url;

/// A registration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The file cannot be read.
    #[error("cannot read the registration {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be; the text names the line.
    #[error("{path}: {error}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: String,
    },
    /// A value is of the right type but makes no sense.
    #[error("{path}: {field}: {reason}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which field.
        field: String,
        /// Why.
        reason: String,
    },
    /// A console is wanted of an application service that is not there.
    #[error("appservices.console: no registration has the id \"{0}\"")]
    Console(String),
}

/// What a bridge asks of a homeserver, read and checked.
#[derive(Debug)]
pub struct Registration {
    /// Its name for life.
    pub id: String,
    /// Where it listens; none where it only speaks.
    pub url: Option<Url>,
    /// What it shows us.
    pub as_token: String,
    /// What we show it.
    pub hs_token: String,
    /// The user it is when it is nobody else.
    pub sender: OwnedUserId,
    /// User ids it is interested in.
    pub users: Vec<Namespace>,
    /// Room aliases it is interested in.
    pub aliases: Vec<Namespace>,
    /// Room ids it is interested in.
    pub rooms: Vec<Namespace>,
    /// Whether its users other than the sender are limited like everybody.
    pub rate_limited: bool,
    /// Networks it leads to.
    pub protocols: Vec<String>,
    /// Which ephemeral events it wants, and under which name.
    pub ephemeral: Ephemeral,
    /// Whether it encrypts, and so wants device lists and key counts (MSC3202).
    pub encrypts: bool,
    /// Whether it makes devices without logging in (MSC4190).
    pub manages_devices: bool,
}

/// Whether typing, receipts and presence are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ephemeral {
    /// They are not.
    No,
    /// As the specification has them.
    Stable,
    /// As they were called before (`de.sorunome.msc2409.`), and as the specification has them.
    Both,
}

/// Some ids, told by a pattern.
#[derive(Debug)]
pub struct Namespace {
    /// Whether nobody else may make one of them.
    pub exclusive: bool,
    /// The pattern as it was written.
    pub pattern: String,
    regex: Regex,
}

impl Namespace {
    /// Whether an id is one of them. As elsewhere the pattern need not reach to the id's end.
    pub fn matches(&self, id: &str) -> bool {
        self.regex.is_match(id)
    }
}

#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(deserialize_with = "Option::deserialize")]
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    #[serde(default, deserialize_with = "null_is_default")]
    namespaces: Namespaces,
    rate_limited: Option<bool>,
    protocols: Option<Vec<String>>,
    receive_ephemeral: Option<bool>,
    push_ephemeral: Option<bool>,
    #[serde(rename = "de.sorunome.msc2409.push_ephemeral")]
    unstable_ephemeral: Option<bool>,
    #[serde(rename = "org.matrix.msc3202")]
    msc3202: Option<bool>,
    #[serde(rename = "io.element.msc4190")]
    msc4190: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Namespaces {
    #[serde(default, deserialize_with = "null_is_default")]
    users: Vec<Pattern>,
    #[serde(default, deserialize_with = "null_is_default")]
    aliases: Vec<Pattern>,
    #[serde(default, deserialize_with = "null_is_default")]
    rooms: Vec<Pattern>,
}

#[derive(Deserialize)]
struct Pattern {
    exclusive: bool,
    regex: String,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads and checks one file.
pub fn load(path: &Path, server_name: &ServerName) -> Result<Registration, RegistrationError> {
    let text = std::fs::read_to_string(path).map_err(|error| RegistrationError::Read {
        path: path.to_owned(),
        error,
    })?;
    parse(&text, path, server_name)
}

fn parse(
    text: &str,
    path: &Path,
    server_name: &ServerName,
) -> Result<Registration, RegistrationError> {
    // Without the lines themselves: they hold tokens, and errors end in logs.
    let options = serde_saphyr::options! { with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        RegistrationError::Parse {
            path: path.to_owned(),
            error: error.to_string(),
        }
    })?;
    check(file, server_name).map_err(|(field, reason)| RegistrationError::Value {
        path: path.to_owned(),
        field,
        reason,
    })
}

type Wrong = (String, String);

fn check(file: File, server_name: &ServerName) -> Result<Registration, Wrong> {
    check_texts(&file)?;
    let sender = UserId::parse(format!("@{}:{server_name}", file.sender_localpart))
        .ok()
        .filter(|sender| sender.localpart() == file.sender_localpart)
        .ok_or_else(|| {
            let reason = "is not the part of a user id between @ and the colon";
            ("sender_localpart".to_owned(), reason.to_owned())
        })?;
    let unstable = file.unstable_ephemeral.or(file.push_ephemeral) == Some(true);
    let ephemeral = match (unstable, file.receive_ephemeral == Some(true)) {
        (true, _) => Ephemeral::Both,
        (false, true) => Ephemeral::Stable,
        (false, false) => Ephemeral::No,
    };
    Ok(Registration {
        url: file.url.map(|url| base_url(&url)).transpose()?,
        id: file.id,
        as_token: file.as_token,
        hs_token: file.hs_token,
        sender,
        users: namespaces("users", file.namespaces.users)?,
        aliases: namespaces("aliases", file.namespaces.aliases)?,
        rooms: namespaces("rooms", file.namespaces.rooms)?,
        rate_limited: file.rate_limited.unwrap_or(true),
        protocols: file.protocols.unwrap_or_default(),
        ephemeral,
        encrypts: file.msc3202.unwrap_or(false),
        manages_devices: file.msc4190.unwrap_or(false),
    })
}

fn check_texts(file: &File) -> Result<(), Wrong> {
    let wrong = |field: &str, reason: &str| Err((field.to_owned(), reason.to_owned()));
    let filled = [
        ("id", &file.id),
        ("as_token", &file.as_token),
        ("hs_token", &file.hs_token),
        ("sender_localpart", &file.sender_localpart),
    ];
    for (field, value) in filled {
        if value.trim().is_empty() {
            return wrong(field, "must not be empty");
        }
    }
    let fits_header = |token: &str| token.bytes().all(|byte| byte.is_ascii_graphic());
    for (field, token) in [("as_token", &file.as_token), ("hs_token", &file.hs_token)] {
        if !fits_header(token) {
            return wrong(field, "a token has no spaces and only ASCII");
        }
    }
    Ok(())
}

fn base_url(text: &str) -> Result<Url, Wrong> {
    let wrong = |reason: String| ("url".to_owned(), reason);
    let url = Url::parse(text).map_err(|error| wrong(format!("\"{text}\": {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(format!(
            "\"{text}\" is neither http:// nor https://; write null if it takes no events"
        )));
    }
    Ok(url)
}

fn namespaces(kind: &str, patterns: Vec<Pattern>) -> Result<Vec<Namespace>, Wrong> {
    let checked = patterns.into_iter().enumerate().map(|(idx, pattern)| {
        let regex = Regex::new(&format!("^(?:{})", pattern.regex)).map_err(|error| {
            let field = format!("namespaces.{kind}[{idx}].regex");
            (field, format!("\"{}\": {error}", pattern.regex))
        })?;
        Ok(Namespace {
            exclusive: pattern.exclusive,
            pattern: pattern.regex,
            regex,
        })
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ruma::server_name;

    use super::{Ephemeral, Registration, parse};

    const TELEGRAM: &str = r#"
id: telegram
url: http://localhost:29317/bridge/
as_token: "as secret"
hs_token: hs-secret
sender_localpart: telegrambot
rate_limited: false
namespaces:
    users:
    - exclusive: true
      regex: '@telegram_.*:hs\.test'
    - {regex: '^@telegrambot:hs\.test$', exclusive: true}
    aliases: null
de.sorunome.msc2409.push_ephemeral: true
org.matrix.msc3202: true
io.element.msc4190: false
ip_range_whitelist: ["127.0.0.1"]
protocols:
- telegram
"#;

    fn read(text: &str) -> Result<Registration, String> {
        let path = Path::new("bridges/telegram.yaml");
        parse(text, path, server_name!("hs.test")).map_err(|error| error.to_string())
    }

    fn refused(text: &str, parts: &[&str]) {
        let error = read(text).unwrap_err();
        assert!(error.starts_with("bridges/telegram.yaml: "), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_registration_as_bridges_write_it_is_read() {
        let read = read(&TELEGRAM.replace("as secret", "as-secret")).unwrap();
        assert_eq!(
            (read.id.as_str(), read.sender.as_str(), &*read.protocols),
            (
                "telegram",
                "@telegrambot:hs.test",
                &["telegram".to_owned()][..]
            )
        );
        assert_eq!((read.ephemeral, read.encrypts), (Ephemeral::Both, true));
        assert!(!read.rate_limited && !read.manages_devices && read.aliases.is_empty());
        assert!(read.users[0].matches("@telegram_7:hs.test") && read.users[0].exclusive);
        assert!(!read.users[0].matches("@x@telegram_7:hs.test"));
        assert!(!read.users[1].matches("@telegrambot:hs.test.org"));
    }

    #[test]
    fn a_service_that_only_speaks_has_no_url() {
        let text =
            "id: a\nurl: null\nas_token: b\nhs_token: c\nsender_localpart: d\nnamespaces: {}\n";
        let read = read(text).unwrap();
        assert!(read.url.is_none() && read.rate_limited && read.ephemeral == Ephemeral::No);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let good = TELEGRAM.replace("as secret", "as-secret");
        refused(&good.replace("hs_token: hs-secret\n", ""), &["hs_token"]);
        refused(
            &good.replace("url: http://localhost:29317/bridge/\n", ""),
            &["url"],
        );
        refused(
            &good.replace("rate_limited: false", "rate_limited: [maybe]"),
            &["line 7"],
        );
        refused(
            &good.replace("exclusive: true\n      regex", "regex"),
            &["exclusive", "line "],
        );
        refused(&format!("{good}  x: : y\n"), &["line "]);
        refused(
            &good.replace("@telegram_.*:", "@telegram_(.*:"),
            &["namespaces.users[0].regex", "unclosed group"],
        );
        refused(&good.replace("http://", "unix://"), &["url: "]);
        refused(
            &good.replace("telegrambot\n", "'a:b'\n"),
            &["sender_localpart"],
        );
        refused(TELEGRAM, &["as_token", "no spaces"]);
    }
}
