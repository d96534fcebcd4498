//! Requests that this server makes to addresses its users name: never into the local network.
//!
//! A name is looked up here and only public addresses of it are used, so neither a name that points inside nor one that
//! changes its mind between check and use gets through. Redirects are not followed.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Certificate, Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

use crate::error::{Error, Result};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Makes requests. The client is made when it is first needed.
pub struct Outbound {
    allow_private: bool,
    extra_authorities: Vec<PathBuf>,
    client: OnceLock<Option<Client>>,
}

impl Outbound {
    /// `allow_private` lets requests into the local network; the certificate authorities in those files are trusted
    /// besides those of the system.
    pub fn new(allow_private: bool, extra_authorities: Vec<PathBuf>) -> Self {
        Self {
            allow_private,
            extra_authorities,
            client: OnceLock::new(),
        }
    }

    /// The client, once `url` has been looked at.
    ///
    /// # Errors
    /// `M_FORBIDDEN` for what is no web address, or an address in the local network.
    pub fn client_for(&self, url: &Url) -> Result<&Client> {
        let is_web = matches!(url.scheme(), "https" | "http");
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(refused()),
        };
        let inside = address.is_some_and(|address| !is_public(address));
        if !is_web || (inside && !self.allow_private) {
            return Err(refused());
        }
        let client = self.client.get_or_init(|| self.build());
        client
            .as_ref()
            .ok_or_else(|| Error::internal("no client for outgoing requests"))
    }

    fn build(&self) -> Option<Client> {
        let resolver = PublicResolver {
            allow_private: self.allow_private,
        };
        let mut authorities = Vec::new();
        for file in &self.extra_authorities {
            match read_authorities(file) {
                Ok(found) => authorities.extend(found),
                Err(error) => tracing::error!(%error, "certificate authorities are missing"),
            }
        }
        Client::builder()
            .tls_certs_merge(authorities)
            .no_proxy()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(resolver))
            .build()
            .inspect_err(|error| tracing::error!(%error, "cannot make outgoing requests"))
            .ok()
    }
}

/// The certificates in a PEM file.
///
/// # Errors
/// A sentence with the name of the file.
pub fn read_authorities(file: &Path) -> Result<Vec<Certificate>, String> {
    let shown = file.display();
    let text = std::fs::read(file).map_err(|error| format!("{shown}: {error}"))?;
    let found = Certificate::from_pem_bundle(&text).map_err(|error| format!("{shown}: {error}"))?;
    if found.is_empty() {
        return Err(format!("{shown}: holds no certificate (BEGIN CERTIFICATE)"));
    }
    Ok(found)
}

fn refused() -> Error {
    Error::forbidden("This server makes no requests to that address.")
}

struct PublicResolver {
    allow_private: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found
                .filter(|address| allow_private || is_public(address.ip()))
                .collect();
            if addresses.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match v4_inside(address) {
            Some(inside) => is_public_v4(inside),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is handed out at all, and of it not the part for documentation and benchmarks.
    let [first, second, ..] = address.segments();
    let special = (first == 0x2001 && (second == 0xdb8 || second < 0x200)) || first == 0x3fff;
    (0x2000..0x4000).contains(&first) && !special
}

/// The IPv4 address that an IPv6 address stands for: mapped, translated, tunnelled.
fn v4_inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let low = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if let Some(mapped) = address.to_ipv4_mapped() {
        return Some(mapped);
    }
    match s {
        [0x64, 0xff9b, ..] => Some(low(s[6], s[7])),
        [0x2002, high, lower, ..] => Some(low(high, lower)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbound, is_public};

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let inside = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.5",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
        ];
        for address in inside {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn what_points_inside_is_refused_however_it_is_written() {
        let outbound = Outbound::new(false, Vec::new());
        let refused = |url: &str| outbound.client_for(&url.parse().unwrap()).is_err();
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://192.168.0.1:8080/",
            "file:///etc/passwd",
            "ftp://example.org/",
        ] {
            assert!(refused(url), "{url}");
        }
        // A name is judged by where it points.
        let url: url::Url = "http://localhost:1/".parse().unwrap();
        let client = outbound.client_for(&url).unwrap();
        let error = client.get(url).send().await.unwrap_err();
        let said = format!("{error:?}");
        assert!(said.contains("no public address"), "{said}");
    }
}
