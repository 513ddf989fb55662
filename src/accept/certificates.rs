//! From PEM files to what a listener serves, with everything checked that a client would stumble over.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, version};
use zeroize::Zeroizing;

use super::{AcceptError, end_point};
use crate::config::{ListenerTls, read_file};

/// The application protocol of PostgreSQL over TLS.
pub(super) const ALPN: &[u8] = b"postgresql";
/// Far above any chain of certificates; a wrong path must not fill the memory.
const MAX_FILE: usize = 1 << 20;

/// The contents of the files of `tls`.
pub(super) struct Files<'a> {
    paths: &'a ListenerTls,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

/// What new handshakes go by.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) config: Arc<ServerConfig>,
    /// When the first certificate of the chain ends.
    pub(super) until: Timestamp,
    /// What binds a login to the certificate: [`end_point()`].
    pub(super) end_point: Option<Arc<[u8]>>,
    /// Who may vouch for clients.
    pub(super) authorities: Option<Arc<dyn ClientCertVerifier>>,
}

impl<'a> Files<'a> {
    /// Reads them all.
    pub(super) fn read(paths: &'a ListenerTls) -> Result<Self, AcceptError> {
        let certificate = read(&paths.certificate)?.to_vec();
        let key = read(&paths.key)?;
        let client_ca = match &paths.client_ca {
            Some(path) => Some(read(path)?.to_vec()),
            None => None,
        };
        Ok(Self { paths, certificate, key, client_ca })
    }

    /// Tells other contents from these without being them.
    pub(super) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for contents in [&self.certificate[..], &self.key, self.client_ca.as_deref().unwrap_or_default()] {
            hasher.update(blake3::hash(contents).as_bytes());
        }
        hasher.finalize()
    }

    /// Makes of them what can be served at `now`.
    pub(super) fn build(&self, now: Timestamp) -> Result<Served, AcceptError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.paths.certificate, &self.certificate)?;
        let until = validity(&self.paths.certificate, &chain, now)?;
        let end_point = chain.first().and_then(|leaf| end_point(leaf)).map(Arc::from);
        let key = self.certified(chain, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| self.unusable(&error))?;
        let authorities = self.client_verifier(&provider)?;
        let builder = match &authorities {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A session that is resumed brings back a client certificate that may have been withdrawn since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Served { config: Arc::new(config), until, end_point, authorities })
    }

    fn certified(
        &self,
        chain: Vec<CertificateDer<'static>>,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, AcceptError> {
        let path = self.paths.key.clone();
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| AcceptError::TlsFile { path: path.clone(), problem: "it has no private key in PEM form" })?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|_| AcceptError::TlsFile { path: path.clone(), problem: "its private key cannot be used" })?;
        let certified = CertifiedKey::new(chain, key);
        let certificate = self.paths.certificate.clone();
        certified.keys_match().map_err(|_| AcceptError::KeyMismatch { certificate, key: path })?;
        Ok(certified)
    }

    fn client_verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, AcceptError> {
        let (Some(path), Some(contents)) = (&self.paths.client_ca, &self.client_ca) else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path, contents)? {
            let problem = "a certificate in it cannot be a CA";
            roots.add(certificate).map_err(|_| AcceptError::TlsFile { path: path.clone(), problem })?;
        }
        // Who shows none may still prove itself in another way; `identify` says which are enough.
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .allow_unauthenticated()
            .build()
            .map(Some)
            .map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &dyn std::error::Error) -> AcceptError {
        AcceptError::Tls { path: self.paths.certificate.clone(), problem: error.to_string() }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, AcceptError> {
    read_file(path, MAX_FILE).map_err(|source| AcceptError::ReadFile { path: path.to_owned(), source })
}

fn certificates(path: &Path, contents: &[u8]) -> Result<Vec<CertificateDer<'static>>, AcceptError> {
    let wrong = |problem| AcceptError::TlsFile { path: path.to_owned(), problem };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(contents).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("it has no certificate in PEM form")),
        Err(_) => Err(wrong("a PEM section of it is broken")),
    }
}

/// When the chain ends; an error if that has been, or if it has not begun.
fn validity(path: &Path, chain: &[CertificateDer<'static>], now: Timestamp) -> Result<Timestamp, AcceptError> {
    let mut until = Timestamp::MAX;
    for certificate in chain {
        let broken = || AcceptError::TlsFile { path: path.to_owned(), problem: "a certificate in it is malformed" };
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).map_err(|_| broken())?;
        let (begins, ends) = (certificate.validity().not_before, certificate.validity().not_after);
        let begins = Timestamp::from_second(begins.timestamp()).map_err(|_| broken())?;
        // A date that no clock reaches is as good as the last one.
        let ends = Timestamp::from_second(ends.timestamp()).unwrap_or(Timestamp::MAX);
        if now > ends {
            return Err(AcceptError::Expired { path: path.to_owned(), date: ends });
        }
        if now < begins {
            return Err(AcceptError::NotYetValid { path: path.to_owned(), date: begins });
        }
        until = until.min(ends);
    }
    Ok(until)
}
