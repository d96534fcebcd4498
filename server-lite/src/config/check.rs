//! Values of the right type that make no sense all the same.

use std::net::IpAddr;

use super::{Config, Listener, Serves, place};

/// What is wrong with which key.
pub(super) struct Wrong {
    pub key: String,
    pub reason: String,
}

fn wrong<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        key: key.into(),
        reason: reason.into(),
    })
}

impl Config {
    pub(super) fn check(&self, text: &str) -> Result<(), Wrong> {
        if let Err(reason) = check_server_name(self.server.name.as_str()) {
            return wrong("server.name", reason);
        }
        if !crate::service::rooms::SUPPORTED_VERSIONS.contains(&self.rooms.default_version) {
            let reason = format!(
                "{} is not supported; use \"6\" to \"12\"",
                self.rooms.default_version
            );
            return wrong("rooms.default_version", reason);
        }
        let token = self.registration.token.as_ref();
        if token.is_some_and(|token| token.trim().is_empty()) {
            let reason = "must not be empty; leave it out instead";
            return wrong("registration.token", reason);
        }
        let notices = &self.server_notices.localpart;
        if crate::service::accounts::user_id_for(notices, &self.server.name).is_err() {
            let reason = "use the letters a to z, digits, and . _ = - / +";
            return wrong("server_notices.localpart", reason);
        }
        self.check_rates()?;
        self.check_listeners(text)?;
        self.check_files()
    }

    fn check_rates(&self) -> Result<(), Wrong> {
        let limits = &self.rate_limits;
        for (name, rate) in [
            ("messages", limits.messages),
            ("rooms", limits.rooms),
            ("login", limits.login),
            ("registration", limits.registration),
            ("other", limits.other),
        ] {
            if !rate.per_second.is_finite() || rate.per_second <= 0.0 || rate.burst == 0 {
                let reason = "per_second and burst must be above zero; to limit nothing, set \
                              rate_limits.enabled = false";
                return wrong(format!("rate_limits.{name}"), reason);
            }
        }
        Ok(())
    }

    fn check_listeners(&self, text: &str) -> Result<(), Wrong> {
        for key in ["listen.address", "listen.port"] {
            if !self.listeners.is_empty() && place::is_set(text, key) {
                let reason = "has no effect beside [[listeners]]; write it there, or remove it";
                return wrong(key, reason);
            }
        }
        for (idx, listener) in self.listeners.iter().enumerate() {
            check_listener(idx, listener)?;
        }
        let all = self.all_listeners();
        for (idx, listener) in all.iter().enumerate() {
            let same = |other: &&Listener| other.socket() == listener.socket();
            if listener.port != 0 && all[..idx].iter().any(|other| same(&other)) {
                let key = match self.listeners.get(idx) {
                    Some(_) => format!("listeners[{idx}].port"),
                    None => "metrics.address".to_owned(),
                };
                let reason = format!(
                    "{} is taken by another listener; choose another port",
                    listener.socket()
                );
                return wrong(key, reason);
            }
        }
        if !all.iter().any(|l| l.serves.contains(&Serves::Client)) {
            let reason = "no listener serves \"client\"; add it to one";
            return wrong("listeners", reason);
        }
        Ok(())
    }

    /// Files that are read at the start, so that a wrong path is told with its line.
    fn check_files(&self) -> Result<(), Wrong> {
        for (idx, file) in self.tls.extra_ca_files.iter().enumerate() {
            if let Err(error) = crate::service::outbound::read_authorities(file) {
                return wrong("tls.extra_ca_files", format!("number {}: {error}", idx + 1));
            }
        }
        Ok(())
    }
}

fn check_listener(idx: usize, listener: &Listener) -> Result<(), Wrong> {
    let key = |name: &str| format!("listeners[{idx}].{name}");
    if listener.serves.is_empty() {
        let reason = "must name what is served: [\"client\"], [\"metrics\"] or both";
        return wrong(key("serves"), reason);
    }
    match (&listener.certificate, &listener.key) {
        (Some(_), None) => wrong(
            key("certificate"),
            "needs `key`, the file of the private key, beside it",
        ),
        (None, Some(_)) => wrong(
            key("key"),
            "needs `certificate`, the file of the certificates, beside it",
        ),
        _ => Ok(()),
    }
}

/// Whether `name` can be a server's name for life: DNS-shaped, no address, not `localhost`; a port may follow.
///
/// # Errors
/// What is wrong with it, as a sentence for people.
pub fn check_server_name(name: &str) -> Result<(), String> {
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (name, None),
    };
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') || host.contains(':') {
        return Err("an address changes and a server name never can; use a domain".to_owned());
    }
    if let Some(port) = port {
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_port || port.starts_with(['0', '+']) {
            return Err("after the colon stands a port, 1 to 65535, or nothing at all".to_owned());
        }
    }
    let plain = host.strip_suffix('.').unwrap_or(host);
    if plain.eq_ignore_ascii_case("localhost") || plain.to_ascii_lowercase().ends_with(".localhost")
    {
        return Err("localhost means another machine to everybody else; use a domain".to_owned());
    }
    if plain != host || host.is_empty() || host.len() > 230 {
        return Err("use a domain of at most 230 characters, without a dot at its end".to_owned());
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("use lower case".to_owned());
    }
    if !host.contains('.') {
        return Err("use a domain with at least one dot, such as ada.example.org".to_owned());
    }
    if !host.split('.').all(is_dns_label) {
        return Err("each part may hold a–z, 0–9 and inner hyphens, 63 at most".to_owned());
    }
    Ok(())
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
