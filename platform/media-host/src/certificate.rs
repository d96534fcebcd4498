//! The key of a connection. Each has one of its own: a browser goes on with the old DTLS if the fingerprint is the old one, and
//! would not hear a connection that was made anew.
//!
//! [RFC 8827, section 6.5](https://www.rfc-editor.org/rfc/rfc8827#section-6.5),
//! [RFC 8122](https://www.rfc-editor.org/rfc/rfc8122).

use base64::{Engine, engine::general_purpose::STANDARD};
use gstreamer::{self as gst, prelude::*};
use rcgen::{CertificateParams, DnType, KeyPair};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A certificate that signs itself, with its key.
pub(crate) struct Certificate {
    pem: String,
    fingerprint: String,
}

impl Certificate {
    /// Makes one (ECDSA, P-256): a millisecond, where GStreamer's own (RSA) takes a third of a second.
    pub(crate) fn make() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "WebRTC");
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem() + &key.serialize_pem(),
            fingerprint: digits(&Sha256::digest(certificate.der())),
        })
    }

    /// Has a connection use it. To be called before anything is described.
    pub(crate) fn give(&self, webrtc: &gst::Element) {
        let pem = self.pem.clone();
        if let Some(bin) = webrtc.downcast_ref::<gst::Bin>() {
            bin.connect_deep_element_added(move |_, _, element| {
                let factory = element.factory().map(|factory| factory.name());
                if factory.as_deref() == Some("dtlssrtpdec") {
                    element.set_property("pem", &pem);
                }
            });
        }
    }

    /// A description with its fingerprint: webrtcbin takes the key for a part of the certificate and gets another one.
    pub(crate) fn fingerprinted(&self, sdp: &str) -> String {
        let mut text = String::with_capacity(sdp.len());
        for line in sdp.lines() {
            match line.starts_with("a=fingerprint:") {
                true => text += &format!("a=fingerprint:sha-256 {}", self.fingerprint),
                false => text += line,
            }
            text += "\r\n";
        }
        text
    }
}

/// Whether the other side of a connection has the key that it described: webrtcbin does not look. `fingerprint` is the attribute's
/// value.
pub(crate) fn is_authentic(webrtc: &gst::Element, fingerprint: &str) -> bool {
    let Some(bin) = webrtc.downcast_ref::<gst::Bin>() else {
        return false;
    };
    let mut n_seen = 0;
    for element in bin.iterate_all_by_element_factory_name("dtlssrtpdec") {
        let Ok(element) = element else { return false };
        if let Some(pem) = element.property::<Option<String>>("peer-pem") {
            n_seen += 1;
            if !fits(&pem, fingerprint) {
                return false;
            }
        }
    }
    n_seen > 0
}

fn fits(pem: &str, fingerprint: &str) -> bool {
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let Ok(der) = STANDARD.decode(body) else {
        return false;
    };
    let Some((hash, expected)) = fingerprint.split_once(' ') else {
        return false;
    };
    let found = match hash.to_ascii_lowercase().as_str() {
        "sha-256" => digits(&Sha256::digest(&der)),
        "sha-384" => digits(&Sha384::digest(&der)),
        "sha-512" => digits(&Sha512::digest(&der)),
        _ => return false,
    };
    found.eq_ignore_ascii_case(expected.trim())
}

fn digits(hash: &[u8]) -> String {
    let bytes: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}
