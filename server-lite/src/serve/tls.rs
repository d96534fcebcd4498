//! Certificates from files, read again when the files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// How often the files are looked at, at most. It is done when somebody connects, so an idle server does nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate of a listener.
pub struct Certificate {
    files: Files,
    state: Mutex<State>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

struct State {
    acceptor: TlsAcceptor,
    read: Stamp,
    looked_at: Instant,
}

/// By which a changed file is told from the one that was read.
type Stamp = [Option<(SystemTime, u64, u64)>; 2];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("{certificate} and {key}: {reason}")]
    Pair {
        /// The file of the certificates.
        certificate: String,
        /// The file of the key.
        key: String,
        /// Why.
        reason: String,
    },
}

impl Certificate {
    /// Reads both files.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let read = files.stamp();
        let state = State {
            acceptor: files.acceptor()?,
            read,
            looked_at: Instant::now(),
        };
        Ok(Self {
            files,
            state: Mutex::new(state),
        })
    }

    /// What to greet the next connection with: the certificate as it is on disk now, or the last one that was good.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut state = self.state.lock();
        if state.looked_at.elapsed() >= LOOK_EVERY {
            state.looked_at = Instant::now();
            let stamp = self.files.stamp();
            if stamp != state.read {
                self.read_again(&mut state, stamp);
            }
        }
        state.acceptor.clone()
    }

    fn read_again(&self, state: &mut State, stamp: Stamp) {
        let certificate = self.files.certificate.display();
        match self.files.acceptor() {
            Ok(acceptor) => {
                state.acceptor = acceptor;
                state.read = stamp;
                tracing::info!(%certificate, "a new certificate is in use");
            }
            // Perhaps one of the two files is still being written: look again at the next connection.
            Err(error) => {
                tracing::warn!(%error, "the new certificate cannot be used; the old one stays");
            }
        }
    }
}

impl Files {
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            use std::os::unix::fs::MetadataExt;
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        })
    }

    fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let file = |path: &Path, reason: String| TlsError::File {
            path: path.display().to_string(),
            reason,
        };
        let certificates = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| file(&self.certificate, error.to_string()))?;
        if certificates.is_empty() {
            let reason = "holds no certificate (BEGIN CERTIFICATE)";
            return Err(file(&self.certificate, reason.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| file(&self.key, error.to_string()))?;
        let pair = |error: tokio_rustls::rustls::Error| TlsError::Pair {
            certificate: self.certificate.display().to_string(),
            key: self.key.display().to_string(),
            reason: error.to_string(),
        };
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(certificates, key)
            })
            .map_err(pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
