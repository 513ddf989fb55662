//! Whom sidegate takes for the database.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::read_file;
use crate::forward::ForwardError;

/// Far above any system's bundle, far below what hurts.
const MAX_CA: usize = 4 << 20;

/// Certificates that are trusted.
#[derive(Debug)]
pub(super) struct Trusted {
    /// The file's bytes.
    pub(super) from: Vec<u8>,
    /// As those who sign.
    pub(super) roots: RootCertStore,
    /// As themselves: a server may show the very certificate that its own file names.
    pub(super) themselves: Vec<CertificateDer<'static>>,
}

impl Trusted {
    /// Nobody in particular.
    pub(super) fn nobody() -> Self {
        Self { from: Vec::new(), roots: RootCertStore::empty(), themselves: Vec::new() }
    }
}

/// The bytes of a file with certificates.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ForwardError> {
    let read = read_file(path, MAX_CA).map_err(|source| ForwardError::CaFile { path: path.to_owned(), source })?;
    Ok(read.to_vec())
}

/// The certificates in such bytes: one PEM block or several, and each of them must do.
pub(super) fn of_file(path: &Path, from: Vec<u8>) -> Result<Trusted, ForwardError> {
    let wrong = |problem| ForwardError::CaValue { path: path.to_owned(), problem };
    let (mut roots, mut themselves) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(&from) {
        let certificate = certificate.map_err(|_| wrong("is not in PEM"))?;
        roots.add(certificate.clone()).map_err(|_| wrong("has a certificate that cannot be read"))?;
        themselves.push(certificate);
    }
    if roots.is_empty() {
        return Err(wrong("has no certificate in PEM"));
    }
    Ok(Trusted { from, roots, themselves })
}

/// The certificates that this system trusts; those of them that cannot be read trust nobody.
pub(super) fn of_system() -> Result<Trusted, ForwardError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        return Err(ForwardError::SystemCertificates);
    }
    Ok(Trusted { from: Vec::new(), roots, themselves: Vec::new() })
}
